import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const python = join(root, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

/** What the peer raised: the Python class, its bases and its text. */
export class PeerError extends Error {
  constructor(
    readonly type: string,
    readonly mro: string[],
    message: string,
  ) {
    super(`${type}: ${message}`);
  }
}

type Reply = { id: number } & (
  | { ok: true; result: Record<string, unknown> }
  | { ok: false; error: { type: string; mro: string[]; message: string } }
);
type Waiting = { resolve: (result: never) => void; reject: (error: Error) => void };

/** A real `cachekit` process; requests are pipelined and answered in order. */
export class Peer {
  #child: ChildProcessByStdio<Writable, Readable, null>;
  #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #exited: Promise<void>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, ready: (error?: Error) => void) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const reply = JSON.parse(line) as Reply | { ready: true };
      if ('ready' in reply) return ready();
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.ok) waiting?.resolve(reply.result as never);
      else waiting?.reject(new PeerError(reply.error.type, reply.error.mro, reply.error.message));
    });
    this.#exited = new Promise((resolve) => {
      child.once('close', (code) => {
        const error = new Error(`the Python peer ended with code ${code}`);
        ready(error);
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
        resolve();
      });
    });
    child.once('error', (error) => ready(error));
  }

  static async start(): Promise<Peer> {
    const child = spawn(python, [join(root, '__test__/peer/peer.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let peer!: Peer;
    await new Promise<void>((resolve, reject) => {
      peer = new Peer(child, (error) => (error ? reject(error) : resolve()));
    });
    return peer;
  }

  call<T>(op: string, args: object = {}): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ ...args, id, op })}\n`);
    });
  }

  /** Sends all requests at once; the answers come in the order of the requests. */
  callAll<T>(op: string, requests: object[]): Promise<T[]> {
    return Promise.all(requests.map((args) => this.call<T>(op, args)));
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }
}

function missingPeer(): string | undefined {
  const lib = join(root, '.venv', process.platform === 'win32' ? 'Lib' : 'lib');
  const versions = existsSync(python) ? ['.', ...readdirSync(lib)] : [];
  if (versions.some((version) => existsSync(join(lib, version, 'site-packages/cachekit')))) return undefined;
  return 'the Python peer is not installed (node scripts/peer-venv.mjs installs it)';
}

/**
 * The test function for a file that talks to the peer, and the peer it starts. Without the peer, or without what else
 * the file says is missing, each test passes with a line that says that it was skipped; in CI it fails.
 */
export function peerTests(missing?: string): {
  test: (title: string, run: (t: ExecutionContext) => Promise<void>) => void;
  peer: () => Peer;
} {
  let started: Peer | undefined;
  const peer = () => {
    if (started === undefined) throw new Error('the Python peer is not running');
    return started;
  };
  const reason = missing ?? missingPeer();
  if (reason === undefined) {
    test.before(async () => {
      started = await Peer.start();
    });
    test.after.always(async () => {
      await started?.close();
    });
    return { test: test.serial, peer };
  }
  return { test: (title) => test(title, (t) => skip(t, reason)), peer };
}

function skip(t: ExecutionContext, reason: string): void {
  if (process.env.CI === 'true') {
    t.fail(reason);
    return;
  }
  t.log(`skipped: ${reason}`);
  t.pass();
}
