/** What a value says of itself. */
export interface Version {
  readonly key: string;
  readonly version: number;
  /** When its row was read, on the clock of {@link History}. */
  readonly readAt: number;
}

/** How a value was read: where it is stored, or through a first tier, which may be behind by a bound. */
export type Reading = 'stored' | 'near';

interface Change {
  readonly version: number;
  readonly begunAt: number;
  readonly acknowledgedAt: number;
  /** By the index of a tag, rather than by the entry's name. */
  readonly byTag: boolean;
}

export interface Violation {
  readonly kind: 'older than an acknowledged change' | 'of another key';
  readonly reading: Reading;
  readonly by: string;
  readonly key: string;
  readonly got: unknown;
  readonly required?: Change;
  readonly askedAt: number;
}

/**
 * The rows that cached functions read, and what has been promised of them: once a change is acknowledged, nobody who asks
 * later may be given a value that was made of an older row.
 */
export class History {
  readonly violations: Violation[] = [];
  /** Values that were older, of rows that were read before the store itself lost what it knew of the change. */
  excused = 0;
  checked = 0;
  readonly #boundMs: number;
  readonly #rows = new Map<string, number>();
  readonly #changes = new Map<string, Change[]>();
  readonly #losses: { at: number; part: boolean }[] = [];
  readonly #held = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #gate: Promise<void> = Promise.resolve();

  /** @param boundMs how long a first tier may be behind. */
  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  now(): number {
    return performance.now();
  }

  row(key: string): Version {
    return { key, version: this.#rows.get(key) ?? 0, readAt: this.now() };
  }

  /** Changes rows, when nobody else is changing one of them. Explicit writes of two at once have no order to check. */
  async change(
    keys: readonly string[],
    byTag: boolean,
  ): Promise<{ rows: Version[]; end(acknowledged: boolean): void }> {
    await this.#gate;
    while (keys.some((key) => this.#held.has(key))) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    for (const key of keys) {
      this.#held.add(key);
      this.#rows.set(key, (this.#rows.get(key) ?? 0) + 1);
    }
    const begunAt = this.now();
    const rows = keys.map((key) => this.row(key));
    let ended = false;
    const end = (acknowledged: boolean) => {
      if (ended) return;
      ended = true;
      for (const { key, version } of rows) {
        this.#held.delete(key);
        if (acknowledged) this.#acknowledge(key, { version, begunAt, acknowledgedAt: this.now(), byTag });
      }
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    return { rows, end };
  }

  /** No change begins, and none is under way, while `work` runs. */
  async withoutChanges(work: () => Promise<void>): Promise<void> {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    try {
      while (this.#held.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await work();
    } finally {
      open();
    }
  }

  /**
   * The store has lost what it held at this moment, marks of deletions included.
   *
   * @param part only some of it: then an index may be gone whose entries are still there.
   */
  lost(part = false): void {
    this.#losses.push({ at: this.now(), part });
  }

  /** @param askedAt when its reader asked for it. */
  check(by: string, key: string, reading: Reading, askedAt: number, value: unknown): void {
    this.checked++;
    const got = value as Version;
    if (got?.key !== key) {
      this.violations.push({ kind: 'of another key', reading, by, key, got, askedAt });
      return;
    }
    const until = reading === 'near' ? askedAt - this.#boundMs : askedAt;
    const required = this.#changes.get(key)?.findLast(({ acknowledgedAt }) => acknowledgedAt <= until);
    if (required === undefined || got.version >= required.version) return;
    const excuses = ({ at, part }: { at: number; part: boolean }) =>
      got.readAt < at && (at > required.begunAt || (part && required.byTag));
    if (this.#losses.some(excuses)) this.excused++;
    else {
      this.violations.push({ kind: 'older than an acknowledged change', reading, by, key, got, required, askedAt });
    }
  }

  #acknowledge(key: string, change: Change): void {
    const changes = this.#changes.get(key) ?? [];
    changes.push(change);
    this.#changes.set(key, changes.slice(-1000));
  }
}
