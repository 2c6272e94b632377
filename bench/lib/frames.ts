import { type Table as ArrowTable, tableFromArrays } from 'apache-arrow';
import { generator } from './values.js';

const COLUMNS = 5;

/** A table of `bytes` bytes in five columns of float64. `random` digits do not compress; else the values repeat. */
export function frame(bytes: number, random: boolean): ArrowTable {
  const length = Math.floor(bytes / 8 / COLUMNS);
  const next = generator(7);
  const columns: Record<string, Float64Array> = {};
  for (let c = 0; c < COLUMNS; c++) {
    columns[`column${c}`] = Float64Array.from({ length }, random ? () => next() * 1e6 : (_, i) => (i % 100) + c);
  }
  return tableFromArrays(columns);
}
