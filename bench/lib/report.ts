import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Chart, writeChart } from './chart.js';
import { machine, machineLine } from './machine.js';
import type { BenchOptions } from './options.js';

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** What a reader needs to know to read it. */
  notes?: readonly string[];
}

export interface Report {
  /** The benchmark's file: `overhead`. */
  name: string;
  /** The question it answers. */
  title: string;
  tables: readonly Table[];
  charts?: readonly Chart[];
  /** All the figures, for programs. */
  data: unknown;
}

const root = join(import.meta.dirname, '..', '..');
const results = join(root, 'bench', 'results');
const page = join(root, 'docs', 'performance.md');

/** Prints a report, and writes it: JSON always; for a full run also its part of the page on performance, and charts. */
export async function publish(report: Report, { quick }: BenchOptions): Promise<void> {
  const { name, title, tables, charts = [], data } = report;
  const host = machine();
  const text = [
    `\`npm run bench -- ${name}${quick ? ' --quick' : ''}\`, ${machineLine(host)}.`,
    ...tables.map(markdown),
  ].join('\n\n');
  process.stdout.write(`\n# ${title}\n\n${text}\n`);
  mkdirSync(results, { recursive: true });
  const json = { name, title, quick, date: new Date().toISOString(), machine: host, data };
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
  if (quick) return;
  for (const chart of charts) await writeChart(chart);
  writePart(name, text);
}

/** Puts the text where the page on performance has a place for it. */
function writePart(name: string, text: string): void {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const before = readFileSync(page, 'utf8');
  const [from, to] = [before.indexOf(start), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${name}: ${start} … ${end}`);
  writeFileSync(page, `${before.slice(0, from + start.length)}\n\n${text}\n\n${before.slice(to)}`);
}

/** A Markdown table that is also readable as it is: columns are padded, all but the first to the right. */
export function markdown({ title, columns, rows, notes = [] }: Table): string {
  const widths = columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [`### ${title}`, '', line(columns), rule, ...rows.map(line), ...notes.map((note) => `\n${note}`)].join('\n');
}
