import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, createServer } from 'node:tls';
import type { ExecutionContext } from 'ava';

export interface Certificates {
  readonly caPath: string;
  readonly localhost: { readonly key: Buffer; readonly cert: Buffer };
  readonly other: { readonly key: Buffer; readonly cert: Buffer };
}

/** An authority of the test's own, with certificates for `localhost` and for another host; `undefined` without openssl. */
export function certificates(t: ExecutionContext): Certificates | undefined {
  const at = mkdtempSync(join(tmpdir(), 'cachekit-tls-'));
  t.teardown(() => rmSync(at, { recursive: true, force: true }));
  const openssl = (...args: string[]) => spawnSync('openssl', args, { cwd: at }).status === 0;
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  const issue = (name: string) => {
    writeFileSync(join(at, 'ext'), `subjectAltName=DNS:${name}`);
    const from = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext'];
    return (
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', 'csr.pem', '-subj', `/CN=${name}`) &&
      openssl('x509', '-req', '-in', 'csr.pem', ...from, '-out', `${name}.pem`)
    );
  };
  const made =
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test-ca') &&
    issue('localhost') &&
    issue('other.test');
  if (!made) {
    if (process.env.CI === 'true') t.fail('openssl cannot be run, and CI=true');
    else t.log('skipped: openssl cannot be run');
    t.pass();
    return undefined;
  }
  const pair = (name: string) => ({
    key: readFileSync(join(at, `${name}.key`)),
    cert: readFileSync(join(at, `${name}.pem`)),
  });
  return { caPath: join(at, 'ca.pem'), localhost: pair('localhost'), other: pair('other.test') };
}

/** Ends TLS in front of a server. The right certificate is only for who names the host, as with hosted clusters. */
export async function terminate(
  t: ExecutionContext,
  port: number,
  { localhost, other }: Certificates,
): Promise<number> {
  const sockets = new Set<Socket>();
  const right = createSecureContext(localhost);
  const wrong = createSecureContext(other);
  const server = createServer({
    ...other,
    SNICallback: (name, done) => done(null, name === 'localhost' ? right : wrong),
  });
  server.on('secureConnection', (near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
  });
  server.listen(0);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
