import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { ConfigurationError } from '../errors.js';
import type { Measure } from './measures.js';
import { type Reported, samplesOf } from './sources.js';

interface Named<S> {
  readonly source: S;
  readonly end: (() => void) | undefined;
  /** By how many calls it was named. */
  uses: number;
}

/** All that is reported through one meter, so that nothing is counted twice whoever names it. */
export class Reports<S extends object, T> {
  readonly #meter: Meter;
  readonly #reported: Reported<S, T>;
  readonly #begin: ((name: string, source: S) => (() => void) | undefined) | undefined;
  readonly #instruments = new Map<Observable, Measure<T>>();
  readonly #named = new Map<string, Named<S>>();

  /** @param begin called for each source that gets a name; it returns what ends that. */
  constructor(meter: Meter, reported: Reported<S, T>, begin?: (name: string, source: S) => (() => void) | undefined) {
    this.#meter = meter;
    this.#reported = reported;
    this.#begin = begin;
    for (const measure of reported.measures) {
      const { name, help, unit, kind } = measure;
      const create = kind === 'counter' ? 'createObservableCounter' : 'createObservableGauge';
      this.#instruments.set(meter[create](`cachekit.${name}`, { description: help, unit }), measure);
    }
  }

  /** @returns what ends it. @throws ConfigurationError, and then nothing is added. */
  add(sources: Readonly<Record<string, S>>): () => void {
    const added = Object.entries(sources);
    this.#assertOneNameEach(added);
    if (this.#named.size === 0 && added.length > 0) {
      this.#meter.addBatchObservableCallback(this.#observe, [...this.#instruments.keys()]);
    }
    for (const [name, source] of added) {
      const held = this.#named.get(name);
      if (held !== undefined) held.uses++;
      else this.#named.set(name, { source, end: this.#begin?.(name, source), uses: 1 });
    }
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      for (const [name] of added) this.#drop(name);
    };
  }

  #drop(name: string): void {
    const held = this.#named.get(name);
    if (held === undefined || --held.uses > 0) return;
    held.end?.();
    this.#named.delete(name);
    if (this.#named.size > 0) return;
    this.#meter.removeBatchObservableCallback(this.#observe, [...this.#instruments.keys()]);
  }

  #assertOneNameEach(added: readonly (readonly [name: string, source: S])[]): void {
    const names = new Map<S, string>();
    for (const [name, { source }] of this.#named) names.set(source, name);
    for (const [name, source] of added) {
      const other = names.get(source) ?? name;
      if (other !== name)
        throw new ConfigurationError(`'${name}' is reported as '${other}' already, and would count twice`);
      const held = this.#named.get(name);
      if (held !== undefined && held.source !== source) {
        throw new ConfigurationError(`Another one is reported as '${name}' already`);
      }
      names.set(source, name);
    }
  }

  readonly #observe = (result: BatchObservableResult): void => {
    const sources = Array.from(this.#named, ([name, { source }]) => [name, source] as const);
    const states = this.#reported.read(sources);
    for (const [instrument, measure] of this.#instruments) {
      for (const { labels, value } of samplesOf(this.#reported, measure, states)) {
        result.observe(instrument, value, labels);
      }
    }
  };
}
