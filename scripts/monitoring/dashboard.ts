import { metric } from './metrics.js';
import { type Panel, ROWS } from './panels.js';

const STAT_HEIGHT = 4;
const HEIGHT = 8;
const COLUMNS = 24;

export interface Placed {
  readonly panel: Panel;
  /** In Grafana's units: 24 columns, and lines of 30 pixels. */
  readonly at: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

export interface PlacedRow {
  readonly title: string;
  readonly y: number;
  readonly panels: readonly Placed[];
}

/** Where the rows and their panels are. */
export function layout(): PlacedRow[] {
  let y = 0;
  return ROWS.map(({ title, panels }) => {
    const row = { title, y: y++, panels: [] as Placed[] };
    let x = 0;
    let h = 0;
    for (const panel of panels) {
      if (x + panel.width > COLUMNS) {
        x = 0;
        y += h;
      }
      h = panel.type === 'stat' ? STAT_HEIGHT : HEIGHT;
      row.panels.push({ panel, at: { x, y, w: panel.width, h } });
      x += panel.width;
    }
    y += h;
    return row;
  });
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana puts the chosen data source here.
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  let id = 0;
  return {
    uid: 'cachekit-native',
    title: 'cachekit-native',
    description: 'Caches of cachekit-native: traffic, latency, trouble and keys.',
    tags: ['cachekit-native'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        variable('cache', metric('hits')),
        variable('keyring', metric('keyring.keys')),
      ],
    },
    panels: layout().flatMap(({ title, y, panels }) => [
      { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] },
      ...panels.map(({ panel, at }) => ({ id: ++id, ...grafanaPanel(panel), gridPos: at })),
    ]),
  };
}

function variable(name: string, of: string): object {
  const query = `label_values(${of}, ${name})`;
  return {
    name,
    label: name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

function grafanaPanel({ title, help, type, unit, stacked, queries }: Panel): object {
  const custom = { lineWidth: 1, fillOpacity: 10, ...(stacked && { stacking: { mode: 'normal', group: 'A' } }) };
  const options =
    type === 'stat'
      ? { reduceOptions: { calcs: ['lastNotNull'] }, graphMode: 'area', colorMode: 'value' }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } };
  return {
    type,
    title,
    description: help,
    datasource,
    fieldConfig: { defaults: { unit, min: 0, ...(type === 'timeseries' && { custom }) }, overrides: [] },
    options,
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + i),
      datasource,
      expr,
      legendFormat: legend,
      editorMode: 'code',
      range: true,
    })),
  };
}
