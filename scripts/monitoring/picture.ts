import { layout, type Placed } from './dashboard.js';
import type { Panel } from './panels.js';
import type { Recording, Series } from './record.js';

const THEMES = {
  light: {
    background: '#f6f8fa',
    panel: '#ffffff',
    border: '#d1d9e0',
    ink: '#1f2328',
    faint: '#59636e',
    lines: ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#cf222e', '#0a7ea4'],
  },
  dark: {
    background: '#0d1117',
    panel: '#161b22',
    border: '#30363d',
    ink: '#e6edf3',
    faint: '#9198a1',
    lines: ['#58a6ff', '#f0883e', '#3fb950', '#bc8cff', '#ff7b72', '#39c5cf'],
  },
} as const;

type Theme = (typeof THEMES)[keyof typeof THEMES];

const WIDTH = 1200;
const COLUMN = WIDTH / 24;
const LINE = 22;
const GAP = 5;
const TOP = 44;
const FOOT = 34;

/** The dashboard as Grafana lays it out, with what a recorded run showed, as an SVG. */
export function picture(recording: Recording, mode: keyof typeof THEMES): string {
  const theme = THEMES[mode];
  const rows = layout();
  const bottom = Math.max(...rows.flatMap(({ panels }) => panels.map(({ at }) => at.y + at.h)));
  const height = TOP + bottom * LINE + FOOT;
  const events = recording.events.map(({ at, what }) => `${at} s: ${what}`).join('; ');
  const body = [
    `<rect width="${WIDTH}" height="${height}" fill="${theme.background}"/>`,
    text(12, 27, 'cachekit-native', theme.ink, 16, 'font-weight="600"'),
    ...rows.flatMap(({ title, y, panels }) => [
      text(12, TOP + y * LINE + 16, title, theme.ink, 13, 'font-weight="600"'),
      ...panels.map((placed) => drawPanel(placed, recording, theme)),
    ]),
    text(12, height - 12, `A run of ${recording.seconds} s. ${events}.`, theme.faint, 12),
  ];
  const font = 'system-ui, -apple-system, &quot;Segoe UI&quot;, Helvetica, Arial, sans-serif';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="${font}">\n${body.join('\n')}\n</svg>\n`;
}

function drawPanel({ panel, at }: Placed, recording: Recording, theme: Theme): string {
  const [x, y] = [at.x * COLUMN + GAP, TOP + at.y * LINE];
  const [w, h] = [at.w * COLUMN - 2 * GAP, at.h * LINE - GAP];
  const recorded = recording.panels[panel.title];
  if (recorded?.exprs.join() !== panel.queries.map(({ expr }) => expr).join()) {
    throw new Error(`'${panel.title}' was recorded with other expressions: npm run monitoring -- --record`);
  }
  const { series } = recorded;
  const frame = `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="4" fill="${theme.panel}" stroke="${theme.border}"/>`;
  const title = text(x + 10, y + 18, panel.title, theme.ink, 12, 'font-weight="600"');
  const content =
    panel.type === 'stat'
      ? [stat(series, panel.unit, x + w / 2, y + h / 2 + 18, theme)]
      : graph(panel.stacked ? stacked(series) : series, panel, recording, { x, y, w, h }, theme);
  return [frame, title, ...content].join('\n');
}

function stat(series: readonly Series[], unit: string, x: number, y: number, theme: Theme): string {
  const last = series[0]?.values.findLast((value) => value !== null);
  const shown = last === undefined || last === null ? 'no data' : format(last, unit);
  return text(x, y, shown, theme.lines[0], 28, 'text-anchor="middle"');
}

/** Each on top of those before it, the highest first so that the lower ones are drawn over it. */
function stacked(series: readonly Series[]): Series[] {
  const sums: number[] = [];
  return series
    .map(({ legend, values }) => ({
      legend,
      values: values.map((value, i) => {
        sums[i] = (sums[i] ?? 0) + (value ?? 0);
        return value === null ? null : sums[i];
      }),
    }))
    .reverse();
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const LEGEND = 18;

function graph(series: readonly Series[], panel: Panel, recording: Recording, box: Box, theme: Theme): string[] {
  const { unit, stacked: filled } = panel;
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  const top = roundUp(Math.max(...values, 0), unit);
  const [left, right] = [box.x + 58, box.x + box.w - 12];
  const perLine = series.some(({ legend }) => legend.length > 17) ? 2 : 3;
  const [above, below] = [box.y + 30, box.y + box.h - 16 - LEGEND * Math.max(1, Math.ceil(series.length / perLine))];
  const xOf = (i: number) => (left + ((right - left) * i * recording.step) / recording.seconds).toFixed(1);
  const yOf = (value: number) => (below - ((below - above) * value) / top).toFixed(1);
  const grid = [0, 0.5, 1].flatMap((part) => [
    `<line x1="${left}" x2="${right}" y1="${yOf(top * part)}" y2="${yOf(top * part)}" stroke="${theme.border}"/>`,
    text(left - 6, Number(yOf(top * part)) + 4, format(top * part, unit), theme.faint, 10, 'text-anchor="end"'),
  ]);
  const events = recording.events.map(
    ({ at }) =>
      `<line x1="${xOf(at / recording.step)}" x2="${xOf(at / recording.step)}" y1="${above}" y2="${below}" stroke="${theme.faint}" stroke-dasharray="2 3" opacity="0.6"/>`,
  );
  const colour = (i: number) => theme.lines[i % theme.lines.length] ?? theme.ink;
  const lines = series.flatMap((one, i) => {
    const line = path(one.values, xOf, yOf);
    const stroke = `<path d="${line}" fill="none" stroke="${colour(i)}" stroke-width="1.5"/>`;
    if (!filled || line === '') return [stroke];
    const [from, to] = [one.values.findIndex(isNumber), one.values.findLastIndex(isNumber)].map(xOf);
    const area = `${line.replaceAll('M', 'L').replace('L', 'M')}L${to} ${below}L${from} ${below}Z`;
    // Over the areas before it, which reach down to the axis.
    return [
      `<path d="${area}" fill="${theme.panel}"/>`,
      `<path d="${area}" fill="${colour(i)}" opacity="0.3"/>`,
      stroke,
    ];
  });
  const legends = series.map(({ legend }, i) => {
    const lx = box.x + 12 + (i % perLine) * ((box.w - 20) / perLine);
    const ly = below + 22 + LEGEND * Math.floor(i / perLine);
    return `<rect x="${lx.toFixed(1)}" y="${ly - 6}" width="10" height="3" fill="${colour(i)}"/>${text(lx + 14, ly, legend, theme.faint, 10.5)}`;
  });
  return [...grid, ...events, ...lines, ...legends];
}

function path(values: readonly (number | null)[], xOf: (i: number) => string, yOf: (value: number) => string): string {
  let drawing = '';
  let pen = 'M';
  for (const [i, value] of values.entries()) {
    if (value !== null) drawing += `${pen}${xOf(i)} ${yOf(value)}`;
    pen = value === null ? 'M' : 'L';
  }
  return drawing;
}

function isNumber(value: number | null): value is number {
  return value !== null;
}

/** A number that an axis may end with. */
function roundUp(value: number, unit: string): number {
  if (unit === 'percentunit') return 1;
  if (value === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((n) => n * power >= value) ?? 10) * power;
}

const UNITS: Record<string, string> = { reqps: ' req/s', ops: ' /s', percentunit: '', none: '', bytes: '', s: '' };

function format(value: number, unit: string): string {
  if (unit === 'percentunit') return `${Math.round(value * 100)} %`;
  if (unit === 's') return value > 0 && value < 1 ? `${round(value * 1000)} ms` : `${round(value)} s`;
  const [factor, letter] = value >= 1e9 ? [1e9, 'G'] : value >= 1e6 ? [1e6, 'M'] : value >= 1e3 ? [1e3, 'k'] : [1, ''];
  return `${round(value / factor)}${letter}${unit === 'bytes' ? 'B' : (UNITS[unit] ?? '')}`;
}

function round(value: number): number {
  return Number(value.toPrecision(value >= 100 ? 3 : 2));
}

function text(x: number, y: number, content: string, fill: string, size: number, more = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}" font-size="${size}"${more && ` ${more}`}>${escaped}</text>`;
}
