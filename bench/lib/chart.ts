import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, View } from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';

export interface Chart {
  /** The files are `docs/charts/{name}-light.svg` and `-dark.svg`. */
  name: string;
  spec: TopLevelSpec;
}

const folder = join(import.meta.dirname, '..', '..', 'docs', 'charts');

/** Ours first, in the colour that stands out. `quiet` is for bars that are only there to compare with. */
const themes = {
  light: {
    ink: '#1f2328',
    faint: '#d1d9e0',
    quiet: '#afb8c1',
    background: '#ffffff',
    colours: ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#9a6700', '#cf222e', '#57606a', '#0a7ea4'],
  },
  dark: {
    ink: '#e6edf3',
    faint: '#3d444d',
    quiet: '#57606a',
    background: '#0d1117',
    colours: ['#58a6ff', '#f0883e', '#3fb950', '#bc8cff', '#d29922', '#ff7b72', '#8b949e', '#39c5cf'],
  },
} as const;

/** Draws a chart for light and for dark pages. */
export async function writeChart({ name, spec }: Chart): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const theme of ['light', 'dark'] as const) {
    const { spec: drawing } = compile({ ...spec, config: config(theme) } as TopLevelSpec);
    const view = new View(parse(drawing), { renderer: 'none' });
    writeFileSync(join(folder, `${name}-${theme}.svg`), `${await view.toSVG()}\n`);
    view.finalize();
  }
}

function config(theme: keyof typeof themes): Config {
  const { ink, faint, quiet, background, colours } = themes[theme];
  const font = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif';
  return {
    background,
    padding: 16,
    font,
    title: { color: ink, subtitleColor: ink, anchor: 'start', fontSize: 15, subtitleFontSize: 12, offset: 14 },
    axis: {
      labelColor: ink,
      titleColor: ink,
      gridColor: faint,
      domainColor: faint,
      tickColor: faint,
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      labelLimit: 320,
    },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, title: null },
    text: { color: ink, fontSize: 12 },
    rule: { color: ink },
    range: { category: [...colours], ordinal: [colours[0], quiet] },
    mark: { color: colours[0] },
    view: { stroke: null },
  };
}

/** Ours in the first colour, whatever it is compared with in the quiet one. */
export const OURS_AND_OTHERS = {
  type: 'nominal',
  scale: { domain: [true, false], range: 'ordinal' },
  legend: null,
} as const;
