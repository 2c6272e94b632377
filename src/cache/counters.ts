/** What has happened so far, in plain numbers: nothing here tells of a key or a value. */
export interface CacheStats {
  /** Calls answered with a stored value. */
  hits: number;
  /** Of those, the ones answered from this process's own first tier. */
  l1Hits: number;
  /** Calls for which nothing usable was stored. */
  misses: number;
  /** How often a function ran, which is less than `misses` when calls shared a run. */
  loads: number;
  /** Values stored. */
  sets: number;
  /** Entries that did not open: another key, tenant or cache key, altered bytes, a foreign format. */
  authenticationFailures: number;
  /** Entries sealed with a key that the keyring does not hold. */
  unknownKeys: number;
  /** Entries whose envelope or payload could not be read. */
  unreadableValues: number;
  /** Values that were returned but not stored, because the serializer or the sealer refused them. */
  refusedValues: number;
  /** Values that were returned but not stored, because they are over a limit. */
  oversizeValues: number;
  /** Operations that the backend failed. */
  backendErrors: number;
  /** Entries held in this process now. */
  l1Entries: number;
  /** Bytes they take, as `l1.maxBytes` counts them. */
  l1Bytes: number;
}

export class Counters {
  hits = 0;
  l1Hits = 0;
  misses = 0;
  loads = 0;
  sets = 0;
  authenticationFailures = 0;
  unknownKeys = 0;
  unreadableValues = 0;
  refusedValues = 0;
  oversizeValues = 0;
  backendErrors = 0;

  add(other: Counters): void {
    for (const name of Object.keys(this) as (keyof CounterFields)[]) this[name] += other[name];
  }
}

type CounterFields = Omit<Counters, 'add'>;
