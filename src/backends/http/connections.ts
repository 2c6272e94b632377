import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';

/** The connections to one server: those that are kept for the next request, and those that are made for one. */
export class Connections {
  readonly #open: (options: RequestOptions) => ClientRequest;
  readonly #kept: Agent;
  readonly #single: Agent;
  readonly #used = new WeakSet<Duplex>();

  /** Loads the module with the first request: a cache that talks to no server needs neither. */
  static async load(protocol: 'http:' | 'https:', most: number): Promise<Connections> {
    return new Connections(protocol === 'https:' ? await import('node:https') : await import('node:http'), most);
  }

  private constructor(http: Pick<typeof import('node:http'), 'Agent' | 'request'>, maxSockets: number) {
    this.#open = (options) => http.request(options);
    this.#kept = closedByUnaskedBytes(new http.Agent({ keepAlive: true, maxSockets }));
    this.#single = new http.Agent({ keepAlive: false, maxSockets });
  }

  /** @param kept on a connection that may have been used and will be again, else on one that is made for this request. */
  request(kept: boolean, options: RequestOptions): ClientRequest {
    if (kept) return this.#open({ ...options, agent: this.#kept });
    return this.#open({ ...options, agent: this.#single, headers: { ...options.headers, connection: 'close' } });
  }

  /** Whether a request was sent on this connection before; asked once for each request. */
  isUsed(socket: Duplex): boolean {
    if (this.#used.has(socket)) return true;
    this.#used.add(socket);
    return false;
  }

  close(): void {
    this.#kept.destroy();
    this.#single.destroy();
  }
}

/**
 * Bytes that arrive while no request is under way are an answer to none. `node:http` would take them for the answer to the
 * next request on the connection, which is about another entry.
 */
function closedByUnaskedBytes(agent: Agent): Agent {
  const { keepSocketAlive, reuseSocket } = agent;
  const refuse = new WeakMap<Duplex, () => void>();
  agent.keepSocketAlive = (socket) => {
    const keep = keepSocketAlive.call(agent, socket);
    const destroy = () => socket.destroy();
    refuse.set(socket, destroy);
    socket.on('data', destroy);
    return keep;
  };
  agent.reuseSocket = (socket, request) => {
    socket.off('data', refuse.get(socket) ?? (() => {}));
    reuseSocket.call(agent, socket, request);
  };
  return agent;
}
