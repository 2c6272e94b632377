import { KeyError } from '../errors.js';

/** In the place of a fingerprint: which key these values need is not known. Infinity: nor how many they are. */
export const UNKNOWN = 'unknown';

/** Values by the master key that they need, by its fingerprint. */
export type ValuesByKey = ReadonlyMap<string, number>;

/** What the newest looks at stored values have found. */
export class ReportedNeeds {
  readonly #bySubject = new Map<string, ValuesByKey>();

  /**
   * @param subject in the place of whose last report it stands.
   * @param whole whether it was of all its values: less does not show that there are no others.
   */
  report(subject: string, byKey: ValuesByKey, whole: boolean): void {
    const before = whole ? undefined : this.#bySubject.get(subject);
    const merged = new Map(before);
    for (const [fingerprint, values] of byKey) {
      merged.set(fingerprint, Math.max(values, before?.get(fingerprint) ?? 0));
    }
    this.#bySubject.set(subject, merged);
  }

  /** How many values need one of these keys. */
  of(fingerprints: readonly string[]): number {
    let needed = 0;
    for (const byKey of this.#bySubject.values()) {
      for (const fingerprint of fingerprints) needed += byKey.get(fingerprint) ?? 0;
    }
    return needed;
  }

  /** @throws KeyError when a report says that values need one of these keys, or may. */
  assertNone(fingerprints: readonly string[]): void {
    const [needed, unknown] = [this.of(fingerprints), this.of([UNKNOWN])];
    if (needed + unknown === 0) return;
    const may = Number.isFinite(unknown) ? unknown : 'others, which were not looked at,';
    throw new KeyError(
      `The newest report says that ${needed} stored values need a previous key, and that ${may} may: ` +
        'rewrap them and report again, or pass force',
    );
  }
}
