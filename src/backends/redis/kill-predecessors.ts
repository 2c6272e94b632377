import { isError } from '../../errors.js';
import type { OpenServer } from './owned-client.js';

/** A connection of ours as its server knows it. */
interface Identity {
  readonly id: string;
  readonly address: string;
}

/** More are forgotten: so many connections in a row have never come so far as to end the ones before them. */
const MAX_KEPT = 8;

/**
 * Ends what is left of earlier connections at a server. Commands that were on their way on a connection when it was given
 * up may still reach the server, and would take effect after later ones that were acknowledged. A connection that the
 * server closes takes its unread commands with it.
 */
export class Predecessors {
  readonly #known = new Map<string, Identity[]>();

  /** To be awaited before a new connection is used. Without the rights for it, or before Redis 6.2, nothing is ended. Never rejects. */
  async end(servers: readonly OpenServer[]): Promise<void> {
    await Promise.all(servers.map((server) => this.#endAt(server).catch(() => undefined)));
  }

  async #endAt({ host, port, commands }: OpenServer): Promise<void> {
    const name = `${host}:${port}`;
    const known = this.#known.get(name) ?? [];
    // By number and address: another server behind the same name has numbers of its own. The server skips the asker.
    const killing = known.map(({ id, address }) => ['client', 'kill', 'id', id, 'addr', address] as const);
    const [info, ...killed] = await commands.sendAll([['client', 'info'], ...killing]);
    const current = identityOf(info);
    if (current === undefined) return;
    const left = known.filter(({ id }, i) => id !== current.id && isError(killed[i]));
    this.#known.set(name, [...left, current].slice(-MAX_KEPT));
  }
}

function identityOf(info: unknown): Identity | undefined {
  if (isError(info)) return undefined;
  const text = String(info);
  const id = /(?:^| )id=(\d+)/.exec(text)?.[1];
  const address = / addr=(\S+)/.exec(text)?.[1];
  return id === undefined || address === undefined ? undefined : { id, address };
}
