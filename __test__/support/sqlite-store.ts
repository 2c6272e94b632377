import { EventEmitter } from 'node:events';
import initSqlJs, { type Database, type SqlValue } from 'sql.js';

export async function openSqlite(): Promise<Database> {
  const { Database: Memory } = await initSqlJs();
  const database = new Memory();
  database.run('CREATE TABLE keyv (key VARCHAR(255) PRIMARY KEY, value TEXT)');
  return database;
}

/**
 * A storage adapter of Keyv 5 as those for SQL databases are, over SQLite: Keyv writes the namespace into the keys, and
 * the adapter looks for it there, by a pattern. `@keyv/sqlite` itself needs a binary that is in no npm package.
 */
export class SqliteStore extends EventEmitter {
  readonly opts = { dialect: 'sqlite' };
  namespace: string | undefined;
  readonly #database: Database;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  async get(key: string): Promise<unknown> {
    return this.#query('SELECT value FROM keyv WHERE key = ?', [key])[0]?.[0];
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    return Promise.all(keys.map((key) => this.get(key)));
  }

  async set(key: string, value: string): Promise<void> {
    this.#database.run('INSERT INTO keyv VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [
      key,
      value,
    ]);
  }

  async delete(key: string): Promise<boolean> {
    this.#database.run('DELETE FROM keyv WHERE key = ?', [key]);
    return this.#database.getRowsModified() > 0;
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    const removed = await Promise.all(keys.map((key) => this.delete(key)));
    return removed.includes(true);
  }

  async clear(): Promise<void> {
    this.#database.run('DELETE FROM keyv WHERE key LIKE ?', [this.namespace ? `${this.namespace}:%` : '%']);
  }

  /** By position: rows that are removed meanwhile make it skip others. */
  async *iterator(namespace?: string): AsyncGenerator<[SqlValue, SqlValue], void> {
    for (let offset = 0; ; ) {
      const rows = this.#query('SELECT key, value FROM keyv WHERE key LIKE ? LIMIT 10 OFFSET ?', [
        `${namespace ? `${namespace}:` : ''}%`,
        offset,
      ]);
      if (rows.length === 0) return;
      offset += rows.length;
      yield* rows as [SqlValue, SqlValue][];
    }
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  #query(sql: string, values: SqlValue[]): SqlValue[][] {
    return this.#database.exec(sql, values)[0]?.values ?? [];
  }
}
