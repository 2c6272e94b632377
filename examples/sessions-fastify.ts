/**
 * A Fastify service with encrypted sessions. The store sees neither a session nor its id.
 *
 *   REDIS_URL=redis://localhost npx tsx examples/sessions-fastify.ts
 *
 * Without REDIS_URL the sessions live in files of a temporary folder. It serves, asks itself, and ends; with --serve it stays.
 */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache } from 'cachekit-native';
import Fastify from 'fastify';

interface Session {
  user: string;
  roles: string[];
  since: Date;
}

const folder = mkdtempSync(join(tmpdir(), 'sessions-'));
const sessions = createCache({
  namespace: 'sessions',
  backend: process.env.REDIS_URL ?? `file:${folder}`,
  // In a service: CACHEKIT_MASTER_KEY, or a Keyring.
  masterKey: randomBytes(32).toString('hex'),
  ttl: '30m',
  // A session id is a secret too: whoever can read it in the store could use it.
  privateKeys: true,
  // Logged out is logged out, in every process: no copy of a session outlives it.
  l1: false,
});

const app = Fastify();

app.post<{ Body: { user: string } }>('/login', async (request, reply) => {
  const id = randomUUID();
  const session: Session = { user: request.body.user, roles: ['reader'], since: new Date() };
  // A session that could not be stored must not look like one that was.
  if (!(await sessions.set(id, session))) return reply.code(503).send({ error: 'try again' });
  return reply.header('set-cookie', `sid=${id}; HttpOnly; Secure; SameSite=Lax; Path=/`).send({ ok: true });
});

app.get('/me', async (request, reply) => {
  const id = sessionId(request.headers.cookie);
  const session = id === undefined ? undefined : await sessions.get<Session>(id);
  return session ?? reply.code(401).send({ error: 'log in first' });
});

app.post('/logout', async (request) => {
  const id = sessionId(request.headers.cookie);
  return { ok: id !== undefined && (await sessions.delete(id)) };
});

app.addHook('onClose', async () => {
  await sessions.close();
  rmSync(folder, { recursive: true, force: true });
});

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
console.log(`serving on ${url}`);
if (!process.argv.includes('--serve')) {
  await ask();
  await app.close();
}

async function ask(): Promise<void> {
  const login = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'ada' }),
  });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const headers = { cookie };
  const me = (await (await fetch(`${url}/me`, { headers })).json()) as { user: string };
  assert.equal(me.user, 'ada');
  console.log('logged in:', me);
  assert.deepEqual(await (await fetch(`${url}/logout`, { method: 'POST', headers })).json(), { ok: true });
  assert.equal((await fetch(`${url}/me`, { headers })).status, 401);
  console.log('logged out:', 401);
}

function sessionId(cookie = ''): string | undefined {
  return /(?:^|;\s*)sid=([0-9a-f-]{36})(?:;|$)/.exec(cookie)?.[1];
}
