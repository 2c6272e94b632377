import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parser } from '@prometheus-io/lezer-promql';
import test from 'ava';
import { Registry } from 'prom-client';
import { createCache, Keyring, MemoryBackend } from '../../index.js';
import { ALERTS } from '../../scripts/monitoring/alerts.js';
import { dashboard } from '../../scripts/monitoring/dashboard.js';
import { files, RECORDING } from '../../scripts/monitoring/files.js';
import { metric } from '../../scripts/monitoring/metrics.js';
import { ROWS } from '../../scripts/monitoring/panels.js';
import { readRecording } from '../../scripts/monitoring/record.js';
import { events } from '../../src/cache/engine/events.js';
import { keyEvents } from '../../src/keys/key-events.js';
import { observeCaches, observeKeys } from '../../src/observability/opentelemetry.js';
import { registerCacheMetrics, registerKeyMetrics } from '../../src/observability/prometheus.js';
import { collector } from '../support/collected-metrics.js';

const docs = resolve(import.meta.dirname, '../../docs');
const manual = readFileSync(join(docs, 'monitoring.md'), 'utf8');
const expressions = [...ROWS.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries)), ...ALERTS].map(
  ({ expr }) => expr.replaceAll('$__rate_interval', '1m'),
);

/** What a service exports: the names of its metrics' samples, with their labels. */
async function scraped(): Promise<Map<string, Set<string>>> {
  const register = new Registry();
  using keyring = new Keyring({ masterKey: 'a1'.repeat(32) });
  await using sessions = createCache({ keyring, backend: new MemoryBackend() });
  registerCacheMetrics(register, { sessions });
  registerKeyMetrics(register, { keyring });
  await sessions.set('k', 1);
  const samples = new Map<string, Set<string>>();
  for (const line of (await register.metrics()).split('\n')) {
    const [, name, labels = ''] = /^(\w+)\{(.*)\} /.exec(line) ?? [];
    if (name !== undefined)
      samples.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label]) => label as string)));
  }
  return samples;
}

/** The texts of the nodes of a kind in an expression; those of `⚠` are what the grammar does not have. */
function nodes(expression: string, kind: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to }) => {
      if (name === kind || (kind === '⚠' && type.isError)) found.push(expression.slice(from, to));
    },
  });
  return found;
}

test('the dashboard, the alerts and the pictures are what the script makes of the metrics', (t) => {
  for (const [name, text] of Object.entries(files())) {
    t.true(readFileSync(join(docs, 'monitoring', name), 'utf8') === text, `${name} is stale: npm run monitoring`);
  }
});

test('each expression is PromQL', (t) => {
  t.true(expressions.length > 35);
  t.deepEqual(nodes('sum by (cache', '⚠').length > 0, true, 'the parser finds what is wrong');
  for (const expression of expressions) t.deepEqual(nodes(expression, '⚠'), [], expression);
});

test('each metric and label of an expression is one that a service exports', async (t) => {
  const samples = await scraped();
  const labels = new Set([...samples.values()].flatMap((of) => [...of]));
  const used = new Set<string>();
  for (const expression of expressions) {
    for (const name of nodes(expression, 'Identifier')) {
      used.add(name);
      t.true(samples.has(name), `${name} in ${expression}`);
    }
    for (const label of nodes(expression, 'LabelName')) t.true(labels.has(label), `${label} in ${expression}`);
  }
  t.true(used.size > 20);
  const variables = [...JSON.stringify(dashboard()).matchAll(/label_values\((\w+), (\w+)\)/g)];
  t.true(variables.length > 0);
  for (const [, name = '', label = ''] of variables) t.true(samples.get(name)?.has(label), `${label} of ${name}`);
});

test('each alert fires when it should, and only then', async (t) => {
  const rules = join(import.meta.dirname, 'alert-rules.yml');
  const tested = readFileSync(rules, 'utf8');
  for (const { name } of ALERTS) t.true(tested.includes(name), name);
  if (spawnSync('promtool', ['--version']).status !== 0) t.log('skipped: promtool is not installed');
  else await t.notThrowsAsync(promisify(execFile)('promtool', ['test', 'rules', rules]));
});

test('a metric that is renamed is missed', (t) => {
  t.throws(() => metric('hits_of_old'), { message: /no metric hits_of_old/ });
  t.throws(() => metric('read.duration'), { message: /histogram/ });
});

test('the manual has each metric by both names, each alert and each channel', async (t) => {
  const { meter, collect, shutdown } = collector();
  using keyring = new Keyring({ masterKey: 'a1'.repeat(32) });
  await using sessions = createCache({ keyring, backend: new MemoryBackend(), l1: false });
  observeCaches(meter, { sessions });
  observeKeys(meter, { keyring });
  await sessions.getOrSet('k', () => 1);
  const { metrics } = await collect();
  const rows = manual.split('\n').filter((line) => line.startsWith('| `cachekit.'));
  for (const { descriptor } of metrics) {
    const row = rows.find((line) => line.startsWith(`| \`${descriptor.name}\` |`));
    t.true(row?.includes(`| \`${descriptor.unit}\` |`), descriptor.name);
  }
  t.true(metrics.length > 25);
  const exported = [...(await scraped()).keys()].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  for (const name of exported)
    t.true(
      rows.some((row) => row.includes(`| \`${name}\` |`)),
      name,
    );
  for (const { name } of ALERTS) t.true(manual.includes(`\n### ${name}\n`), name);
  for (const { name } of [...Object.values(events), ...Object.values(keyEvents)])
    t.true(manual.includes(`| \`${String(name)}\` |`), String(name));
  await shutdown();
});

test('each panel of the pictures shows what Prometheus has answered', (t) => {
  const { panels } = readRecording(join(docs, 'monitoring', RECORDING));
  for (const { title } of ROWS.flatMap((row) => row.panels)) {
    t.true(
      panels[title]?.series.some(({ values }) => values.some((value) => value !== null)),
      title,
    );
  }
});
