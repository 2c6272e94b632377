import { closeSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { BackendError, ConfigurationError } from '../../errors.js';
import { assertNotHeld } from '../../util/clock.js';
import { readBootId } from '../../util/machine-time.js';
import { ownRequire, requireFrom } from '../../util/own-require.js';
import { setImmediate } from '../../util/timers.js';
import { codeOf } from '../cause.js';
import { LmdbOpenGuard } from './open-guard.js';

/** A key as it is given to a table: text is written as UTF-8. */
export type TableKey = string | Uint8Array;
type Table = Database<Buffer, TableKey>;

/** The tables of a directory. All bytes are as they are: nothing is encoded by LMDB's own encoders. */
export interface Tables {
  readonly root: RootDatabase<Buffer, TableKey>;
  /** Name → entry. */
  readonly heads: Table;
  /** Name → bytes too large for `heads`. */
  readonly bodies: Table;
  /** Expiry ‖ written ‖ name → nothing. */
  readonly order: Table;
  /** Name of a tag → names of entries, any number of them. */
  readonly tags: Table;
  /** Name → token and end of a lock. */
  readonly locks: Table;
  /** Name → when the entry was deleted, expired by a caller or ended early. */
  readonly marks: Table;
  /** Name of a tag → when it was invalidated; and when the store was made. */
  readonly tagMarks: Table;
  /** No transaction may write without its turn. */
  readonly turns: LmdbOpenGuard;
}

/** Processes and threads that may read at once; each takes one place. */
const MAX_READERS = 1_024;

const keyEncoder = {
  writeKey(key: TableKey, target: Buffer, start: number): number {
    if (typeof key === 'string') return start + target.write(key, start);
    target.set(key, start);
    return start + key.length;
  },
  readKey(source: Buffer, start: number, end: number): Buffer {
    return Buffer.from(source.subarray(start, end));
  },
};
const RAW = { encoding: 'binary', keyEncoder } as const;

/** @throws ConfigurationError when the package is missing. */
export function assertLmdbInstalled(): void {
  try {
    ownRequire.resolve('lmdb');
  } catch {
    throw new ConfigurationError('An LMDB backend needs lmdb, an optional peer: npm install lmdb');
  }
}

const BOOT_PREFIX = 'boot-';
/** Of processes that keep out of each other's way by the same locks. */
const LAYOUT_SUFFIX = '-2';

export interface Place {
  /** The one real name of the directory that has the data file. */
  path: string;
  /** Writes wait for the disk. */
  synced: boolean;
}

/**
 * Makes the directory, for its owner only, when it is missing. The data lies in a directory of this start of the machine, as a data
 * file with lost pages can end the process; where starts have no name, writes wait for the disk. See docs/decisions/0014.
 */
export async function placeIn(directory: string): Promise<Place> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const boot = readBootId();
  if (boot === undefined) return { path: await realpath(directory), synced: true };
  const own = BOOT_PREFIX + boot + LAYOUT_SUFFIX;
  await mkdir(join(directory, own), { recursive: true, mode: 0o700 });
  for (const name of await readdir(directory)) {
    if (!name.startsWith(BOOT_PREFIX) || name.startsWith(BOOT_PREFIX + boot)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  return { path: await realpath(join(directory, own)), synced: false };
}

/** In the byte order of the machine, behind the header of the first page. */
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;

/** Opening another kind of file would end the process. @throws BackendError unless the data file is LMDB's or missing. */
function assertDataFile(directory: string): void {
  let file: number;
  try {
    file = openSync(join(directory, 'data.mdb'), 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    const head = Buffer.alloc(MAGIC_OFFSET + 4);
    const read = readSync(file, head, 0, head.length, 0);
    const magic = endianness() === 'LE' ? head.readUInt32LE(MAGIC_OFFSET) : head.readUInt32BE(MAGIC_OFFSET);
    // An empty one is of a process that is just making it.
    if (read > 0 && magic !== MAGIC) throw new BackendError('data.mdb in the LMDB directory is not a file of LMDB');
  } finally {
    closeSync(file);
  }
}

/** @throws BackendError when it gives up, as another process stays in its transaction; StoreRemovedError. */
export async function openTables(place: Place, giveUp: () => boolean): Promise<Tables> {
  assertDataFile(place.path);
  const turns = await LmdbOpenGuard.in(place.path);
  try {
    const { open } = lmdb ?? (await turns.load(loadLmdb, giveUp));
    return { ...(await turns.open(() => openAll(open, place), giveUp)), turns };
  } catch (error) {
    turns.close();
    throw error;
  }
}

/** LMDB's table of readers, for {@link MAX_READERS} of 64 bytes each and a head. */
const READERS_LEN = 72 * 1024;

/** LMDB would make the table as a sparse file and write to it as memory, which ends the process on a full disk. */
function makeReaders(directory: string): void {
  const path = join(directory, 'lock.mdb');
  const made = `${path}.new`;
  try {
    closeSync(openSync(path, 'r'));
  } catch {
    try {
      writeFileSync(made, Buffer.alloc(READERS_LEN), { mode: 0o600 });
      renameSync(made, path);
    } catch (error) {
      rmSync(made, { force: true });
      throw error;
    }
  }
}

/** What lmdb loads that takes long. */
const PARTS = ['node-gyp-build-optional-packages', 'msgpackr', 'ordered-binary', '@harperfast/extended-iterable'];

let lmdb: typeof import('lmdb') | undefined;

/** Part by part, as loading all at once holds the event loop for 50 ms, or many times that next to other processes. */
async function loadLmdb(): Promise<typeof import('lmdb')> {
  if (lmdb !== undefined) return lmdb;
  const requireFromIt = requireFrom(ownRequire.resolve('lmdb'));
  for (const part of PARTS) {
    try {
      requireFromIt(part);
    } catch {
      // Another version may have other parts.
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  // It keeps the timers that it finds.
  assertNotHeld('lmdb');
  lmdb = ownRequire('lmdb') as typeof import('lmdb');
  return lmdb;
}

function openAll(open: typeof import('lmdb').open, { path, synced }: Place): Omit<Tables, 'turns'> {
  makeReaders(path);
  const root = open<Buffer, TableKey>({
    path,
    // A directory like ./cache.d would be taken for a file's name.
    noSubdir: false,
    maxDbs: 12,
    maxReaders: MAX_READERS,
    noSync: !synced,
    overlappingSync: false,
    ...RAW,
  });
  const table = (name: string, options = {}): Table => root.openDB<Buffer, TableKey>(name, { ...RAW, ...options });
  return {
    root,
    heads: table('heads'),
    bodies: table('bodies'),
    order: table('order'),
    tags: table('tags', { dupSort: true }),
    locks: table('locks'),
    marks: table('marks'),
    tagMarks: table('tag-marks'),
  };
}

interface PageCounts {
  pageSize: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
  lastPageNumber: number;
}

/** Bytes that the file has grown to, pages that are free again included. */
export function fileBytes({ root }: Tables): number {
  const { lastPageNumber, pageSize } = root.getStats() as PageCounts;
  return (lastPageNumber + 1) * pageSize;
}

/** Bytes of all pages that hold something. */
export function usedBytes({ heads, bodies, order, tags, locks, marks, tagMarks }: Tables): number {
  let used = 0;
  for (const table of [heads, bodies, order, tags, locks, marks, tagMarks]) {
    const counts = table.getStats() as PageCounts;
    used += (counts.treeBranchPageCount + counts.treeLeafPageCount + counts.overflowPages) * counts.pageSize;
  }
  return used;
}
