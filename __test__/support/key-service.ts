import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/* What the stand-ins of key management services have in common: HTTP on this machine, and AES-256-GCM. */

export interface ServiceRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

export interface ServiceAnswer {
  status: number;
  /** Text as it is, anything else as JSON. */
  body: unknown;
}

export interface KeyService {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly seen: ServiceRequest[];
  /** Answers in the service's place when it returns something; 'never': nothing is answered. */
  instead: ((request: ServiceRequest) => ServiceAnswer | 'never' | undefined) | undefined;
  stop(): Promise<void>;
}

export async function startKeyService(
  contentType: string,
  answerTo: (request: ServiceRequest) => ServiceAnswer,
): Promise<KeyService> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = JSON.parse(Buffer.concat(parts).toString() || '{}') as Record<string, unknown>;
    const one: ServiceRequest = { path: request.url ?? '', headers: request.headers, body };
    service.seen.push(one);
    const answer = service.instead?.(one) ?? answerTo(one);
    if (answer === 'never') return;
    response.writeHead(answer.status, { 'content-type': contentType });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const service: KeyService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    instead: undefined,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return service;
}

const NONCE_LEN = 12;
const TAG_LEN = 16;

export function wrap(key: Buffer, plaintext: Uint8Array, aad = ''): Buffer {
  const nonce = randomBytes(NONCE_LEN);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** undefined for what does not open. */
export function unwrap(key: Buffer, wrapped: Buffer, aad = ''): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, NONCE_LEN));
    decipher.setAAD(Buffer.from(aad)).setAuthTag(wrapped.subarray(-TAG_LEN));
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_LEN, -TAG_LEN)), decipher.final()]);
  } catch {
    return undefined;
  }
}
