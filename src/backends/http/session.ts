import { BackendError } from '../../errors.js';
import { now } from '../../util/clock.js';
import { withDeadline } from '../../util/deadlines.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';
import { closedError } from '../arguments.js';
import type { BackendOptions } from '../backend.js';
import { retryAfterMs } from './headers.js';
import { metricsHeaders } from './metrics.js';
import type { CheckedHttpOptions } from './options.js';
import { FetchTransport, type HttpAnswer, type HttpRequest, type HttpTransport, NodeTransport } from './transport.js';

/** A busy server is asked again only when it asks for no more patience than this. */
const MOST_PATIENCE_MS = 2000;

export interface HttpExchange {
  headers?: Record<string, string>;
  body?: Uint8Array;
}

/** Requests to one server with one API key: what every request carries, how long it may take, when it is sent again. */
export class HttpSession {
  readonly #transport: HttpTransport;
  readonly #options: CheckedHttpOptions;
  readonly #backOff = new BackOff();
  #closed = false;

  constructor(options: CheckedHttpOptions) {
    const { fetch, server, maxResponseBytes, connections, lookup } = options;
    this.#options = options;
    this.#transport = fetch
      ? new FetchTransport(fetch, server, maxResponseBytes)
      : new NodeTransport(server, maxResponseBytes, connections, lookup);
  }

  /** @param path below `/v1/cache/`, encoded. */
  async request(
    method: HttpRequest['method'],
    path: string,
    options: BackendOptions | undefined,
    { headers, body }: HttpExchange = {},
  ): Promise<HttpAnswer> {
    if (this.#closed) throw closedError('HTTP');
    this.#backOff.assertOver();
    const { server, authorization, timeoutMs, metrics } = this.#options;
    const controller = new AbortController();
    const request: HttpRequest = {
      method,
      path: `${server.path}/v1/cache/${path}`,
      headers: {
        authorization,
        'x-cachekit-l1-status': l1Status(options?.l1),
        'content-type': 'application/octet-stream',
        'user-agent': 'cachekit-native',
        // A value that was compressed on the way would not be the value.
        'accept-encoding': 'identity',
        ...(metrics && metricsHeaders(metrics())),
        ...headers,
      },
      body,
      signal: controller.signal,
    };
    return withDeadline(
      'The HTTP backend',
      timeoutMs,
      options?.signal,
      () => this.#send(request),
      (reason) => controller.abort(reason),
    );
  }

  close(): void {
    this.#closed = true;
    this.#transport.close();
  }

  async #send(request: HttpRequest): Promise<HttpAnswer> {
    const idempotentWrite = request.method === 'PUT' || request.method === 'DELETE';
    for (let retries = idempotentWrite ? this.#options.maxRetries : 0; ; retries--) {
      const answer = await this.#transport.send(request);
      this.#backOff.heard(answer);
      if (answer.status !== 503 || retries === 0) return answer;
      const ms = retryAfterMs(answer);
      if (ms === undefined || ms > MOST_PATIENCE_MS) return answer;
      await pause(ms, request.signal);
    }
  }
}

/** The object in a JSON answer. @throws BackendError for anything else. */
export function jsonOf({ body, status }: HttpAnswer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    // The parser's error quotes what it read.
  }
  // Without a prototype, so that what is missing is missing.
  if (typeof value === 'object' && value !== null) return { __proto__: null, ...value };
  throw new BackendError('The cache server answered with something else than the API defines', { status });
}

function l1Status(value: unknown): string {
  if (value === undefined) return 'disabled';
  if (value === 'hit' || value === 'miss' || value === 'disabled') return value;
  throw new TypeError("l1 must be 'hit', 'miss' or 'disabled'");
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Where a server does not say for how long: doubled each time that it refuses again. */
const FIRST_PAUSE_MS = 1000;
const MOST_DOUBLED_MS = 60_000;
/** No server keeps a cache away for longer without being asked again. */
const MOST_PAUSE_MS = 5 * 60_000;

/** Keeps requests from a server that is busy (503) or limits their rate (429), for as long as it says. */
class BackOff {
  #until = 0;
  #doubledMs = FIRST_PAUSE_MS;
  #status = 503;

  /** @throws BackendError, transient and with what is left of the pause. */
  assertOver(): void {
    const leftMs = this.#until - now();
    if (leftMs <= 0) return;
    const message = `The cache server asked for a pause (HTTP ${this.#status}) and is not asked until it is over`;
    throw new BackendError(message, { status: this.#status, transient: true, retryAfterMs: Math.ceil(leftMs) });
  }

  heard(answer: HttpAnswer): void {
    const { status } = answer;
    if (status !== 429 && status !== 503) {
      if (status < 500) this.#doubledMs = FIRST_PAUSE_MS;
      return;
    }
    this.#status = status;
    this.#until = Math.max(this.#until, now() + Math.min(retryAfterMs(answer) ?? this.#doubled(), MOST_PAUSE_MS));
  }

  /** At random between half of it and all of it, so that those who were refused together do not come back together. */
  #doubled(): number {
    // Others that were sent before the pause began are refused too: that is one refusal.
    if (this.#until > now()) return 0;
    const ms = this.#doubledMs * (1 - Math.random() / 2);
    this.#doubledMs = Math.min(2 * this.#doubledMs, MOST_DOUBLED_MS);
    return ms;
  }
}
