import { randomBytes } from 'node:crypto';
import { isError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { overWithin } from '../../util/deadlines.js';
import type { Unchanged } from '../arguments.js';
import { listOf, type RedisCommand, type RedisCommands } from './commands.js';
import { markOf } from './key-names.js';
import { removeMany } from './read.js';
import { Script } from './scripts.js';

/*
 * The mark of an entry says that it was deleted or given another TTL, that of a tag that it was invalidated.
 * What is left of its TTL shows its age. It holds the process that made it and the time by that process's clock, which is exact
 * for that process.
 */

/** For how many milliseconds an entry's mark is kept, and a tag's: which tags a result has is known only in the end. */
export const REMEMBERS_MS = 30_000;
export const TAG_REMEMBERS_MS = 3_600_000;

/** Whether a value may have come and gone while a function runs: then a mark says that it was there. */
export function isShort(ttlMs: number | undefined): boolean {
  return ttlMs !== undefined && ttlMs < REMEMBERS_MS;
}

/** Every backend of this thread has the same clock. */
const SELF = randomBytes(6).toString('hex');

/** What a mark holds that is made now. */
export function token(): string {
  return `${SELF}:${micros(elapsed())}`;
}

function micros(ms: number): string {
  return String(Math.floor(ms * 1000));
}

export function markCommand(commands: RedisCommands, name: string, keptMs = REMEMBERS_MS): RedisCommand {
  return ['set', markOf(commands, name), token(), 'px', String(keptMs)];
}

/**
 * `marked(mark, keptMs)`: whether a mark was made since a moment; `forgotten`: whether it may have expired. For scripts whose first
 * arguments are {@link changedArgs}. Times of other machines are exact to two milliseconds.
 */
export const CHANGED = `
local t=redis.pcall('time') local clock=not t.err and t[1]*1000+math.floor(t[2]/1000)
local begun,checked=tonumber(ARGV[3]),tonumber(ARGV[4])
local function forgotten(kept,since,sinceMs)
  if clock and since then return clock-since>=kept end
  return sinceMs*2>=kept
end
local function marked(mark,kept)
  local made=redis.call('get',mark)
  if not made then return false end
  local self,at=string.match(made,'^(%x+):(%d+)$')
  if self==ARGV[1] then return tonumber(at)>=tonumber(ARGV[2]) end
  local left=redis.call('pttl',mark)
  if left<0 then return true end
  if clock and begun then return clock-(kept-left)+2>=begun end
  return kept-left<=tonumber(ARGV[5])+1000
end `;

/** As `marked` of {@link CHANGED} without the server's clock, of what an entry's mark holds and what is left of its TTL. */
export function madeSince(held: string, leftMs: number, begun: number): boolean {
  const [, self, at] = /^([0-9a-f]+):(\d+)$/.exec(held) ?? [];
  if (self === SELF) return Number(at) >= Number(micros(begun));
  return leftMs < 0 || REMEMBERS_MS - leftMs <= Math.ceil(elapsed() - begun) + 1000;
}

/** Of what began, and was last looked at, at moments of `elapsed()`. */
export function changedArgs(clock: RedisClock, { begun, checked }: Pick<Unchanged, 'begun' | 'checked'>): string[] {
  const now = elapsed();
  return [
    SELF,
    micros(begun),
    String(clock.atLeast(begun) ?? ''),
    String(clock.atLeast(checked) ?? ''),
    String(Math.ceil(now - begun)),
    String(Math.ceil(now - checked)),
  ];
}

/** Whether an entry was deleted or given another TTL; KEYS: mark. */
const ASK = new Script(`${CHANGED} if marked(KEYS[1],tonumber(ARGV[7])) then return 1 end return 0`);

/** Whether an entry was deleted or given another TTL since a moment of `elapsed()`. */
export async function isMarked(
  commands: RedisCommands,
  clock: RedisClock,
  cacheKey: string,
  begun: number,
): Promise<boolean> {
  const asked = clock.ready(commands);
  if (asked !== undefined) await asked;
  const args = [...changedArgs(clock, { begun, checked: begun }), String(REMEMBERS_MS)];
  return (await ASK.run(commands, { keys: [markOf(commands, cacheKey)], args })) === 1;
}

/** As {@link isMarked}, where the user has no right to run scripts: a mark of another process is taken for younger than it may be. */
export async function isMarkedSince(commands: RedisCommands, mark: Buffer, begun: number): Promise<boolean> {
  // First: a mark that ends in between would have no time left.
  const left = Number(await commands.send(['pttl', mark]));
  const held = await commands.send(['get', mark]);
  if (!Buffer.isBuffer(held) && typeof held !== 'string') return false;
  return madeSince(held.toString(), left, begun);
}

/** A mark where memory is full: a script that has deleted something may write. KEYS: mark; ARGV: what it holds, milliseconds. */
const MARK_ANYWAY = new Script(`redis.call('del',KEYS[1]) redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) return 1`);

/** Makes marks; whether there was memory for them. */
export async function leaveMarks(commands: RedisCommands, marks: readonly RedisCommand[]): Promise<boolean> {
  return !areRefused(await commands.sendAll(marks));
}

/** As {@link leaveMarks}, when something was removed; whether they were made. */
export async function leaveMarksAnyway(commands: RedisCommands, marks: readonly RedisCommand[]): Promise<boolean> {
  if (await leaveMarks(commands, marks)) return true;
  try {
    const calls = marks.map(([, mark, held, , ms]) => ({
      keys: [mark as Buffer],
      args: [held as string, ms as string],
    }));
    await MARK_ANYWAY.runAll(commands, calls);
    return true;
  } catch (error) {
    if (isError(error) && /^(OOM|NOPERM) /.test(error.message)) return false;
    throw error;
  }
}

/** Whether one of them was refused because memory is full. @throws any other Error, unless it is that the user may not write. */
function areRefused(replies: readonly unknown[]): boolean {
  let refused = false;
  for (const reply of replies) {
    if (!isError(reply)) continue;
    if (/^OOM /.test(reply.message)) refused = true;
    // A user that may delete and not write leaves no marks.
    else if (!/^NOPERM /.test(reply.message)) throw reply;
  }
  return refused;
}

/**
 * Deletes entries and leaves marks, which come first; how many there were. Where memory is full they are made when something was
 * deleted, and it is done again: what was stored in between does not stay.
 */
export async function removeMarked(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
  const marks = cacheKeys.map((cacheKey) => markCommand(commands, cacheKey));
  const marking = commands.sendAll(marks);
  // A cluster's client may send a command once more, to another server, and later than the next one.
  if (commands.sharded) await marking;
  const [replies, removed] = await Promise.all([marking, removeMany(commands, cacheKeys)]);
  if (!areRefused(listOf(replies, marks.length))) return removed;
  const leave = removed > 0 ? leaveMarksAnyway : leaveMarks;
  if (await leave(commands, marks)) await removeMany(commands, cacheKeys);
  return removed;
}

/** After so long the servers are asked again. */
const FRESH_MS = 10_000;
/** How long a first answer is waited for. */
const WAIT_MS = 500;
/** By which part of itself a time may be wrong that was measured by another clock. */
const DRIFT = 0.001;

/** What servers' clocks show at the least, computed from when they were last asked. */
export class RedisClock {
  #commands: RedisCommands | undefined;
  /** Server clock less the clock of `elapsed()`, in milliseconds: the least of all servers. NaN: not known. */
  #offset = Number.NaN;
  #asked = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  /** Waits where nothing is known of these servers yet; undefined: there is nothing to wait for, and what is sent now goes out together. */
  ready(commands: RedisCommands): Promise<void> | undefined {
    if (this.#commands !== commands) {
      this.#commands = commands;
      this.#offset = Number.NaN;
      this.#asked = Number.NEGATIVE_INFINITY;
      this.#asking = undefined;
    }
    if (elapsed() - this.#asked < FRESH_MS) return undefined;
    this.#asking ??= this.#ask(commands);
    return Number.isNaN(this.#offset) ? overWithin(WAIT_MS, this.#asking, false).then(() => {}) : undefined;
  }

  /** What every server's clock showed at a moment of `elapsed()`, or less; undefined: not known. */
  atLeast(moment: number): number | undefined {
    if (Number.isNaN(this.#offset)) return undefined;
    return Math.floor(moment + this.#offset - DRIFT * Math.abs(moment - this.#asked));
  }

  async #ask(commands: RedisCommands): Promise<void> {
    let least = Number.NaN;
    try {
      const servers = await commands.nodes();
      const offsets = await Promise.allSettled(servers.map(offsetOf));
      const known = offsets.flatMap((offset) => (offset.status === 'fulfilled' ? [offset.value] : []));
      if (known.length > 0) least = Math.min(...known);
    } catch {
      // Not known: callers go on without it.
    }
    if (this.#commands !== commands) return;
    this.#offset = least;
    this.#asked = elapsed();
    this.#asking = undefined;
  }
}

async function offsetOf(server: RedisCommands): Promise<number> {
  const [seconds, micros] = listOf(await server.send(['time']), 2);
  // The server has answered before this moment, so that its clock shows more by now.
  return Number(String(seconds)) * 1000 + Number(String(micros)) / 1000 - elapsed();
}
