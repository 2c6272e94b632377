/*
 * The clients of other libraries, as far as they are used here.
 */

type Listener = (error: Error) => void;

/** An ioredis or iovalkey client, as far as it is used here. */
export interface IoredisClient {
  readonly options: {
    readonly enableAutoPipelining?: boolean | undefined;
    readonly stringNumbers?: boolean | undefined;
    readonly redisOptions?: { readonly stringNumbers?: boolean | undefined } | undefined;
    readonly keyPrefix?: string | undefined;
    readonly host?: string | undefined;
    readonly port?: number | undefined;
  };
  readonly status: string;
  readonly stream?: { cork?(): void; uncork?(): void };
  connect(): Promise<void>;
  sendCommand(command: never): unknown;
  callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>;
  pipeline(): IoredisPipeline;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

export interface IoredisPipeline {
  callBuffer(name: string, ...args: (string | Buffer)[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A cluster client of ioredis or iovalkey, as far as it is used here. */
export interface IoredisClusterClient extends IoredisClient {
  /** For each slot the addresses of its servers, `host:port`, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): IoredisClient[];
}

/** A client of the package `redis` (5 or later), as far as it is used here. */
export interface NodeRedisClient {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  sendCommand(args: readonly (string | Buffer)[], options?: NodeRedisCommandOptions): Promise<unknown>;
  withTypeMapping(mapping: Record<number, unknown>): unknown;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** A cluster client of the package `redis`, as far as it is used here. */
export interface NodeRedisClusterClient {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  readonly slots: readonly ({ readonly master: NodeRedisClusterNode } | undefined)[];
  readonly masters: readonly NodeRedisClusterNode[];
  nodeClient(node: NodeRedisClusterNode): unknown;
  sendCommand(
    firstKey: string | Buffer | undefined,
    isReadonly: boolean | undefined,
    args: (string | Buffer)[],
    options?: NodeRedisCommandOptions,
  ): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** One master of a {@link NodeRedisClusterClient}. */
export interface NodeRedisClusterNode {
  readonly host: string;
  readonly port: number;
}

export interface NodeRedisCommandOptions {
  typeMapping?: Record<number, unknown>;
  timeout?: number | undefined;
  abortSignal?: AbortSignal | undefined;
}

export type RedisClient = IoredisClient | IoredisClusterClient | NodeRedisClient | NodeRedisClusterClient;
