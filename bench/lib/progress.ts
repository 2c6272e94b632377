import { SingleBar } from 'cli-progress';

export interface Progress {
  /** One more is done; `what` comes next. */
  step(what?: string): void;
  done(): void;
}

/** A progress line on a terminal; elsewhere nothing, so that logs stay readable. */
export function progress(total: number, what: string): Progress {
  if (!process.stderr.isTTY) return { step() {}, done() {} };
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {what} | {eta_formatted} left',
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
  });
  bar.start(total, 0, { what });
  return {
    step(next) {
      bar.increment(1, next === undefined ? {} : { what: next });
    },
    done() {
      bar.stop();
    },
  };
}
