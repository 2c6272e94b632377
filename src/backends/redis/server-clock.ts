import { elapsed } from '../../util/clock.js';
import { setTimeout } from '../../util/timers.js';
import type { RedisCommands } from './clients.js';
import { listOf } from './reply.js';

/** After so long the servers are asked again. */
const FRESH_MS = 10_000;
/** How long a first answer is waited for. */
const WAIT_MS = 500;
/** By which part of itself a time may be wrong that was measured by another clock. */
const DRIFT = 0.001;

/** What servers' clocks show at the least, told from when they were last asked: nothing in between makes it too late. */
export class RedisClock {
  #commands: RedisCommands | undefined;
  /** Server clock less the clock of `elapsed()`, in milliseconds: the least of all servers. NaN: not known. */
  #offset = Number.NaN;
  #asked = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  /** Waits where nothing is known of these servers yet. */
  async ready(commands: RedisCommands): Promise<void> {
    if (this.#commands !== commands) {
      this.#commands = commands;
      this.#offset = Number.NaN;
      this.#asked = Number.NEGATIVE_INFINITY;
      this.#asking = undefined;
    }
    if (elapsed() - this.#asked < FRESH_MS) return;
    this.#asking ??= this.#ask(commands);
    if (Number.isNaN(this.#offset)) await Promise.race([this.#asking, waited()]);
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
      // Not known: whoever asks makes do without.
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

function waited(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, WAIT_MS).unref();
  });
}
