import type { RewrapProgress } from '../../index.js';

const WIDTH = 30;
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 10_000;

/** Shows on the standard error how far the work is: a bar on a terminal, else a line every ten seconds. */
export class Progress {
  /** When the first entries were done: not while they were counted. */
  #first: { readonly at: number; readonly seen: number } | undefined;
  readonly #terminal = process.stderr.isTTY === true;
  #shownAt = performance.now();
  #shown = false;

  show(progress: RewrapProgress): void {
    const at = performance.now();
    this.#first ??= { at, seen: progress.seen };
    if (at - this.#shownAt < (this.#terminal ? BAR_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownAt = at;
    this.#shown = true;
    const { seen, total, left, unnamed, unopened } = progress;
    const perSecond = Math.round(((seen - this.#first.seen) * 1000) / Math.max(1, at - this.#first.at));
    const more = [left && `${left} left`, unnamed && `${unnamed} unnamed`, unopened && `${unopened} not opened`];
    const text = [`${seen}${total === undefined ? '' : ` of ${total}`}`, `${perSecond}/s`, ...more].filter(Boolean);
    if (!this.#terminal) process.stderr.write(`${text.join(', ')}\n`);
    else process.stderr.write(`\r\x1b[K${bar(seen, total)}${text.join(', ')}`);
  }

  end(): void {
    if (this.#terminal && this.#shown) process.stderr.write('\r\x1b[K');
  }
}

function bar(seen: number, total: number | undefined): string {
  if (!total) return '';
  const filled = Math.min(WIDTH, Math.round((seen / total) * WIDTH));
  return `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] `;
}
