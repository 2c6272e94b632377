import { now } from '../../util/clock.js';
import { wholeLeaseMs } from '../arguments.js';
import type { BackendLock, BackendOptions } from '../backend.js';
import { failure, isSuccess } from './headers.js';
import { type HttpSession, jsonOf } from './session.js';

/** Takes the lock at `path`, or answers `undefined` when it is held. Protocol: docs/protocol.md, "Lock Endpoints". */
export async function takeLock(
  session: HttpSession,
  path: string,
  leaseMs: number,
  options: BackendOptions | undefined,
): Promise<HttpLock | undefined> {
  const asked = now();
  const lockId = await acquire(session, path, leaseMs, options);
  // The lease began somewhere between question and answer; it is over at the latest when it would be from the question.
  return lockId === undefined ? undefined : new HttpLock(session, path, lockId, asked + leaseMs);
}

class HttpLock implements BackendLock {
  readonly #session: HttpSession;
  readonly #path: string;
  #lockId: string | undefined;
  #endsAt: number;
  #released = false;
  #extending: Promise<boolean> | undefined;

  constructor(session: HttpSession, path: string, lockId: string, endsAt: number) {
    this.#session = session;
    this.#path = path;
    this.#lockId = lockId;
    this.#endsAt = endsAt;
  }

  /** The API cannot lengthen a lease: the lock is given back and taken again, and another holder may take it in between. */
  async extend(leaseMs: number): Promise<boolean> {
    const extending = this.#extend(wholeLeaseMs(leaseMs));
    this.#extending = extending;
    return extending;
  }

  async held(): Promise<boolean> {
    await this.#extending?.catch(() => {});
    return this.#lockId !== undefined && now() < this.#endsAt;
  }

  async #extend(lease: number): Promise<boolean> {
    const lockId = this.#lockId;
    if (lockId === undefined || now() >= this.#endsAt) return false;
    this.#lockId = undefined;
    await giveBack(this.#session, this.#path, lockId);
    const asked = now();
    this.#lockId = await acquire(this.#session, this.#path, lease, undefined);
    this.#endsAt = asked + lease;
    // Given back while it was on its way.
    if (this.#released) await this.release();
    return this.#lockId !== undefined;
  }

  async release(): Promise<void> {
    this.#released = true;
    const lockId = this.#lockId;
    if (lockId === undefined) return;
    this.#lockId = undefined;
    await giveBack(this.#session, this.#path, lockId);
  }
}

async function acquire(
  session: HttpSession,
  path: string,
  leaseMs: number,
  options: BackendOptions | undefined,
): Promise<string | undefined> {
  const body = Buffer.from(JSON.stringify({ timeout_ms: leaseMs }));
  const answer = await session.request('POST', path, options, {
    headers: { 'content-type': 'application/json' },
    body,
  });
  // Contention is a 200 without an id; early servers said 409.
  if (answer.status === 409) return undefined;
  if (!isSuccess(answer)) throw failure(answer);
  const { lock_id: lockId } = jsonOf(answer);
  // It goes into a header again, where nothing else may stand.
  return typeof lockId === 'string' && /^[!-~]{1,1000}$/.test(lockId) ? lockId : undefined;
}

async function giveBack(session: HttpSession, path: string, lockId: string): Promise<void> {
  const headers = { 'x-cachekit-lock-id': lockId, 'content-type': 'application/json' };
  const answer = await session.request('DELETE', path, undefined, { headers });
  if (answer.status !== 404 && !isSuccess(answer)) throw failure(answer);
}
