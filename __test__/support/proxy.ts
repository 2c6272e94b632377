import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** One connection through a {@link TcpProxy}. */
export interface ProxyConnection {
  /** What the client has sent so far. */
  readonly sent: string;
  /** From now on nothing passes and nobody is told, as when a firewall has forgotten the connection. */
  drop(): void;
  /** What the client sends from now on waits on the way; `true` ends that. The client's end of the connection is not passed on. */
  deliver(passing: boolean): void;
}

/** A fixed address in front of a server that can be exchanged. */
export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /** The port that later connections lead to. */
  target: number;
  readonly connections: readonly ProxyConnection[];
}

export async function startProxy(t: ExecutionContext, target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const connections: ProxyConnection[] = [];
  const server = createServer((near) => {
    const far = connect(proxy.target, '127.0.0.1');
    let sent = '';
    let dropped = false;
    let waiting: Buffer[] | undefined;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => undefined);
    }
    near.on('data', (data) => {
      sent += data.toString('latin1');
      if (dropped) return;
      if (waiting === undefined) far.write(data);
      else waiting.push(data);
    });
    far.on('data', (data) => !dropped && near.write(data));
    near.on('close', () => !dropped && waiting === undefined && far.destroy());
    far.on('close', () => !dropped && near.destroy());
    connections.push({
      get sent() {
        return sent;
      },
      drop: () => {
        dropped = true;
      },
      deliver: (passing) => {
        for (const data of waiting ?? []) if (!far.destroyed) far.write(data);
        waiting = passing ? undefined : [];
      },
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy: TcpProxy = { port, url: `redis://127.0.0.1:${port}`, target, connections };
  return proxy;
}
