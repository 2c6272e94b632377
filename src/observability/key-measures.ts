import type { Keyring, KeyUsage } from '../../index.js';
import { hasCode } from '../errors.js';
import { dateOf, now } from '../util/clock.js';
import type { Measure, Sample } from './measures.js';

/** What the keyrings of one name hold, keys that are in several of them taken together. */
export interface KeyringState {
  readonly keys: readonly HeldKeyState[];
  /** Of the keyring that has the fewest, by kind of sequence. */
  readonly noncesRemaining: { readonly counter: number; readonly random: number };
}

interface HeldKeyState {
  readonly fingerprint: string;
  readonly positions: ReadonlySet<KeyUsage['position']>;
  readonly seals: number;
  readonly opens: number;
  /** In seconds since 1970. */
  readonly lastNeeded: number | undefined;
  readonly heldSince: number;
}

const POSITIONS = ['current', 'previous', 'staged'] as const;

/** A key's position changes when keys are rotated: as a label of counters it would end one series and begin another. */
export const KEY_MEASURES: readonly Measure<KeyringState>[] = [
  {
    kind: 'counter',
    name: 'key.seals',
    unit: '{value}',
    help: 'Values sealed with a master key',
    samples: ofKeys(({ seals }) => seals),
  },
  {
    kind: 'counter',
    name: 'key.opens',
    unit: '{value}',
    help: 'Values opened with a master key',
    samples: ofKeys(({ opens }) => opens),
  },
  {
    kind: 'gauge',
    name: 'key.info',
    unit: '{key}',
    help: '1 for each master key that is held, with its position',
    samples: ({ keys }) =>
      keys.flatMap(({ fingerprint, positions }) =>
        [...positions].map((position) => ({ labels: { fingerprint, position }, value: 1 })),
      ),
  },
  {
    kind: 'gauge',
    name: 'key.unused',
    unit: 's',
    help: 'Time since a master key has sealed or opened a value; of one that has not, since it is held',
    samples: ofKeys(({ lastNeeded, heldSince }) => Math.max(0, secondsOf(dateOf(now())) - (lastNeeded ?? heldSince))),
  },
  {
    kind: 'gauge',
    name: 'key.last_needed.timestamp',
    unit: 's',
    help: 'When a master key has last sealed or opened a value, in seconds since 1970; absent when it has not',
    samples: ofKeys(({ lastNeeded }) => lastNeeded),
  },
  {
    kind: 'gauge',
    name: 'keyring.keys',
    unit: '{key}',
    help: 'Master keys held, by position: with a previous one, a rotation is under way',
    samples: ({ keys }) =>
      POSITIONS.map((position) => ({
        labels: { position },
        value: keys.filter(({ positions }) => positions.has(position)).length,
      })),
  },
  {
    kind: 'gauge',
    name: 'nonces.remaining',
    unit: '{nonce}',
    help: 'Seals that are left in the sequence of nonces of each kind, of 4294967296',
    samples: ({ noncesRemaining: { counter, random } }) => [
      { labels: { sequence: 'counter' }, value: counter },
      { labels: { sequence: 'random' }, value: random },
    ],
  },
];

function ofKeys(value: (key: HeldKeyState) => number | undefined): (state: KeyringState) => Sample[] {
  return ({ keys }) =>
    keys.flatMap((key) => {
      const number = value(key);
      return number === undefined ? [] : [{ labels: { fingerprint: key.fingerprint }, value: number }];
    });
}

/** @returns undefined when nothing is left of them: a keyring that was destroyed has no keys. */
export function keyringState(keyrings: readonly Keyring[]): KeyringState | undefined {
  const usable = keyrings.flatMap((keyring) => {
    try {
      return [{ usage: keyring.usage(), remaining: keyring.sealsRemaining }];
    } catch (error) {
      if (hasCode(error, 'ERR_KEY')) return [];
      throw error;
    }
  });
  if (usable.length === 0) return undefined;
  const byFingerprint = new Map<string, HeldKeyState>();
  for (const used of usable.flatMap(({ usage }) => usage)) {
    byFingerprint.set(used.fingerprint, together(byFingerprint.get(used.fingerprint), used));
  }
  const least = (kind: 'counter' | 'random') => Math.min(...usable.map(({ remaining }) => remaining[kind]));
  return {
    keys: [...byFingerprint.values()],
    noncesRemaining: { counter: least('counter'), random: least('random') },
  };
}

function together(before: HeldKeyState | undefined, used: KeyUsage): HeldKeyState {
  const needed = [before?.lastNeeded, used.lastUsed && secondsOf(used.lastUsed)].filter((at) => at !== undefined);
  return {
    fingerprint: used.fingerprint,
    positions: new Set([...(before?.positions ?? []), used.position]),
    seals: (before?.seals ?? 0) + used.seals,
    opens: (before?.opens ?? 0) + used.opens,
    lastNeeded: needed.length === 0 ? undefined : Math.max(...needed),
    heldSince: Math.min(before?.heldSince ?? Number.POSITIVE_INFINITY, secondsOf(used.heldSince)),
  };
}

function secondsOf(date: Date): number {
  return date.getTime() / 1000;
}
