/** Whole writes and reads through a cache, with and without encryption, and how long they keep the event loop busy. */
import type { TopLevelSpec } from 'vega-lite';
import { digits, time } from './lib/format.js';
import { type Spread, spreadOf } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { type Cost, costOf, PIPELINE_VALUES, type Pipeline, pipeline, serializing, settle } from './lib/pipelines.js';
import { progress } from './lib/progress.js';
import { publish, type Table } from './lib/report.js';

const options = benchOptions();
const values = PIPELINE_VALUES.filter(({ label }) => !options.quick || !label.includes('100 MB'));
const DIRECTIONS = ['write', 'read'] as const;
type Direction = (typeof DIRECTIONS)[number];

/** The serializer alone; with envelope or checksum and a store; and with encryption too. */
const STAGES = ['serialized', 'plain', 'encrypted'] as const;
type Stage = (typeof STAGES)[number];

interface Figures {
  stages: Record<Stage, Record<keyof Cost, Spread>>;
  /** Encrypted less plain, round by round. */
  added: Record<keyof Cost, Spread>;
}

// The loop has to have turned once before it knows how busy it is.
await settle();
const bar = progress(values.length, 'pipeline');
const measured = new Map<string, Record<Direction, Figures>>();
for (const { label, make, table, large } of values) {
  const value = make();
  const pipelines = {
    serialized: serializing(value, table),
    plain: pipeline(value, table, false),
    encrypted: pipeline(value, table, true),
  };
  measured.set(label, {
    write: await compare(pipelines, 'write', large),
    read: await compare(pipelines, 'read', large),
  });
  bar.step(label);
}
bar.done();

async function compare(pipelines: Record<Stage, Pipeline>, direction: Direction, large: boolean): Promise<Figures> {
  const costs: Record<Stage, Cost[]> = { serialized: [], plain: [], encrypted: [] };
  for (const stage of STAGES) {
    await pipelines[stage].write();
    await costOf(pipelines[stage][direction], large ? 2 : 200);
  }
  const { wall } = await costOf(pipelines.encrypted[direction], large ? 1 : 20);
  const count = Math.max(1, Math.round(1 / wall));
  const rounds = options.quick ? 5 : large ? 15 : 301;
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < STAGES.length; turn++) {
      const stage = STAGES[(turn + round) % STAGES.length] as Stage;
      if (large) await settle();
      costs[stage].push(await costOf(pipelines[stage][direction], count));
    }
  }
  const spread = (stage: Stage, part: keyof Cost) => spreadOf(costs[stage].map((cost) => cost[part] * 1e6));
  const added = (part: keyof Cost) =>
    spreadOf(costs.encrypted.map((cost, i) => (cost[part] - (costs.plain[i] as Cost)[part]) * 1e6));
  const both = (stage: Stage) => ({ wall: spread(stage, 'wall'), busy: spread(stage, 'busy') });
  return {
    stages: { serialized: both('serialized'), plain: both('plain'), encrypted: both('encrypted') },
    added: { wall: added('wall'), busy: added('busy') },
  };
}

const change = (added: Spread, plain: Spread) => {
  const part = (added.median / plain.median) * 100;
  return `${part < 0 ? '' : '+'}${digits(part)} %`;
};

const table = (direction: Direction, title: string): Table => ({
  title,
  columns: ['', 'serializer', 'plain', 'encrypted', 'added', 'loop busy: serializer', 'plain', 'encrypted', 'added'],
  rows: values.map(({ label }) => {
    const { stages, added } = (measured.get(label) as Record<Direction, Figures>)[direction];
    const { serialized, plain, encrypted } = stages;
    return [
      label,
      time(serialized.wall.median),
      time(plain.wall.median),
      time(encrypted.wall.median),
      change(added.wall, plain.wall),
      time(serialized.busy.median),
      time(plain.busy.median),
      time(encrypted.busy.median),
      change(added.busy, plain.busy),
    ];
  }),
});

await publish(
  {
    name: 'pipeline',
    title: 'Whole writes and reads',
    tables: [
      { ...table('write', 'Writing: value to stored bytes') },
      {
        ...table('read', 'Reading: stored bytes to value'),
        notes: [
          'The serializer alone; plain: with its envelope or checksum, through a cache without L1 over a store in memory; encrypted: the same with a key. Added: encrypted less plain. "Loop busy" is the time in which the event loop could do nothing else. Values from 1 MiB on are sealed and opened on the thread pool. Tables are apache-arrow, all else is MessagePack.',
        ],
      },
    ],
    charts: [{ name: 'pipeline', spec: chart() }],
    data: Object.fromEntries(measured),
  },
  options,
);

function chart(): TopLevelSpec {
  const bars = values.flatMap(({ label }) =>
    DIRECTIONS.flatMap((direction) => {
      const { plain, encrypted } = (measured.get(label) as Record<Direction, Figures>)[direction].stages;
      return [
        { label, direction, kind: 'encrypted', ms: encrypted.busy.median / 1e6 },
        { label, direction, kind: 'plain', ms: plain.busy.median / 1e6 },
      ];
    }),
  );
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'How long a value keeps the event loop busy',
      subtitle: 'Milliseconds, logarithmic; shorter is better',
    },
    data: { values: bars },
    facet: { column: { field: 'direction', title: null, sort: [...DIRECTIONS] } },
    spec: {
      width: 280,
      height: { step: 12 },
      mark: { type: 'bar' },
      encoding: {
        y: { field: 'label', type: 'nominal', sort: values.map(({ label }) => label), title: null },
        yOffset: { field: 'kind', sort: ['encrypted', 'plain'] },
        x: {
          field: 'ms',
          type: 'quantitative',
          scale: { type: 'log', domain: [0.001, 1000] },
          title: null,
          axis: { values: [0.001, 0.01, 0.1, 1, 10, 100, 1000], format: '~g' },
        },
        x2: { datum: 0.001 },
        color: {
          field: 'kind',
          type: 'nominal',
          scale: { domain: ['encrypted', 'plain'], range: 'ordinal' },
          legend: { orient: 'bottom' },
        },
      },
    },
  } as TopLevelSpec;
}
