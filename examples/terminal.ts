import { performance } from 'node:perf_hooks';

const coloured = process.stdout.isTTY === true && process.stdout.hasColors() && process.env.NO_COLOR === undefined;

function paint(code: number): (text: string) => string {
  return (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
}

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const cyan = paint(36);

let number = 0;

export function heading(text: string): void {
  number++;
  console.log(`\n${bold(cyan(`${number}. ${text}`))}`);
}

export function line(label: string, text: string): void {
  console.log(`   ${label.padEnd(22)} ${text}`);
}

/** The first bytes in hex, sixteen a row, as a hex viewer shows them. */
export function hexDump(bytes: Uint8Array, rows = 3): void {
  for (let row = 0; row < rows && row * 16 < bytes.length; row++) {
    const part = Buffer.from(bytes.subarray(row * 16, row * 16 + 16));
    const hex = (part.toString('hex').match(/../g) ?? []).join(' ');
    const text = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    console.log(`   ${dim((row * 16).toString(16).padStart(4, '0'))}  ${yellow(hex.padEnd(47))}  ${dim(text)}`);
  }
  if (bytes.length > rows * 16)
    console.log(`   ${dim(`… ${(bytes.length - rows * 16).toLocaleString('en')} more bytes`)}`);
}

export function duration(ms: number): string {
  if (ms < 0.001) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toFixed(1)} µs`;
  return `${ms.toFixed(1)} ms`;
}

/** Wall time of one call in milliseconds, with its result. */
export async function timed<T>(run: () => T | Promise<T>): Promise<{ ms: number; value: T }> {
  const start = performance.now();
  const value = await run();
  return { ms: performance.now() - start, value };
}

/** Median wall time in milliseconds over `rounds` calls. */
export async function median(rounds: number, run: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[rounds >> 1] as number;
}
