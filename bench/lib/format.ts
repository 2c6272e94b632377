import type { Spread } from './measure.js';

/** Nanoseconds as people read them. */
export function time(ns: number): string {
  const size = Math.abs(ns);
  if (size < 999.5) return `${digits(ns)} ns`;
  if (size < 999_500) return `${digits(ns / 1e3)} µs`;
  if (size < 999_500_000) return `${digits(ns / 1e6)} ms`;
  return `${digits(ns / 1e9)} s`;
}

/** A median with the quarter of the rounds below it and above it: `1.20 µs (1.15–1.31)`. */
export function timeSpread({ median, p25, p75 }: Spread): string {
  const unit = time(median).split(' ')[1] as string;
  const scale = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 }[unit] ?? 1;
  return `${time(median)} (${digits(p25 / scale)}–${digits(p75 / scale)})`;
}

/** `12.3×` */
export function times(ratio: number): string {
  return `${digits(ratio)}×`;
}

/** Bytes as people read them: powers of 1,024. */
export function bytes(count: number): string {
  if (Math.abs(count) < 1024) return `${count} B`;
  if (Math.abs(count) < 1024 ** 2) return `${trimmed(count / 1024)} KiB`;
  return `${trimmed(count / 1024 ** 2)} MiB`;
}

export function percent(part: number): string {
  return `${digits(part * 100)} %`;
}

/** Three significant digits. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  if (size >= 99.5) return value.toFixed(0);
  if (size >= 9.95) return value.toFixed(1);
  return value.toFixed(2);
}

function trimmed(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
