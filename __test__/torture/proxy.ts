import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../support/random.js';

/** A way to a server that delays, splits, cuts, and holds back what it carries. */
export interface FaultyProxy {
  readonly port: number;
  /** Where new connections go. */
  target: number;
  /** Milliseconds that each piece waits, at most. */
  delayMs: number;
  /** Pieces have one to a few bytes. */
  split: boolean;
  /** Nothing gets through, in either direction, until it is false; then all of it does, in order. */
  held: boolean;
  /** Ends every connection at once. What was held back on its way to the server arrives all the same when `late`. */
  cut(late: boolean): void;
  close(): void;
}

export async function startFaultyProxy(target: number, random: Random): Promise<FaultyProxy> {
  const pairs = new Set<[Socket, Socket]>();
  const wake: (() => void)[] = [];
  let held = false;
  const proxy: FaultyProxy = {
    port: 0,
    target,
    delayMs: 0,
    split: false,
    get held() {
      return held;
    },
    set held(value) {
      held = value;
      if (!value) for (const resolve of wake.splice(0)) resolve();
    },
    cut(late) {
      for (const [client, server] of pairs) {
        client.destroy();
        if (!late) server.destroy();
      }
    },
    close() {
      proxy.held = false;
      proxy.cut(false);
      listener.close();
    },
  };

  async function carry(from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from) {
      for (const piece of proxy.split ? pieces(chunk, random) : [chunk]) {
        if (proxy.delayMs > 0) await pause(random.below(proxy.delayMs));
        while (held) await new Promise<void>((resolve) => wake.push(resolve));
        if (!to.destroyed && !to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
    }
    to.end();
  }

  const listener = createServer((client) => {
    const server = connect(proxy.target, '127.0.0.1');
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    client.once('close', () => pairs.delete(pair));
    server.once('close', () => client.destroy());
    carry(client, server).catch(() => server.end());
    carry(server, client).catch(() => client.destroy());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return Object.assign(proxy, { port: (listener.address() as AddressInfo).port });
}

function pieces(chunk: Buffer, random: Random): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < chunk.length && parts.length < 20; ) {
    const length = parts.length === 19 ? chunk.length : 1 + random.below(7);
    parts.push(chunk.subarray(at, at + length));
    at += length;
  }
  return parts;
}
