import KeyvRedis, { createClient } from '@keyv/redis';
import type { ExecutionContext } from 'ava';
import type { InnerStore } from '../../index.js';
import { requireRedis } from './redis-server.js';
import { openSqlite, SqliteStore } from './sqlite-store.js';

/** Makes a function that gives new adapters over one storage, or the Map itself; undefined where it is missing. */
export const keyvStorages: Record<string, (t: ExecutionContext) => Promise<(() => InnerStore) | undefined>> = {
  Map: async () => {
    const map = new Map<string, unknown>();
    return () => map;
  },
  SQLite: async (t) => {
    const database = await openSqlite();
    t.teardown(() => database.close());
    return () => new SqliteStore(database);
  },
  Redis: async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return undefined;
    const client = createClient({ url: server.url });
    // An adapter adds some for itself.
    client.setMaxListeners(0);
    await client.connect();
    t.teardown(() => client.destroy());
    return () => new KeyvRedis(client as never) as InnerStore;
  },
};
