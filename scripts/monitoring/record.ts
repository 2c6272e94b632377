import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { startRedis } from '../../__test__/support/redis-server.js';
import { createCache, Keyring, RedisBackend } from '../../index.js';
import { registerCacheMetrics, registerKeyMetrics } from '../../src/observability/prometheus.js';
import { alertRules } from './alerts.js';
import { ROWS } from './panels.js';

const SECONDS = 150;
const STEP = 2;
/** What Grafana would choose for scrapes of a second. */
const RATE_INTERVAL = '10s';

export interface Series {
  readonly legend: string;
  /** One each `step` seconds; null: there was no value. */
  readonly values: readonly (number | null)[];
}

export interface Recording {
  readonly seconds: number;
  readonly step: number;
  /** What happened, by the second in which it did. */
  readonly events: readonly { readonly at: number; readonly what: string }[];
  /** By the panels' titles: what was asked, and the answer. */
  readonly panels: Readonly<Record<string, { readonly exprs: readonly string[]; readonly series: readonly Series[] }>>;
}

/** Runs a service for some minutes, with Prometheus scraping it, and asks Prometheus what the panels ask. */
export async function record(say: (line: string) => void): Promise<Recording> {
  const redis = await startRedis();
  const register = new Registry();
  const keyring = new Keyring({ masterKey: randomBytes(32) });
  const shared = { backend: redis.url, keyring, onError: () => {}, retry: 0, timeout: { backend: '500ms' } } as const;
  const rates = createCache({ ...shared, namespace: 'rates', ttl: '15s', l1: { ttl: '3s' } });
  const sessions = createCache({
    ...shared,
    namespace: 'sessions',
    ttl: '10m',
    l1: false,
    breaker: { failures: 3, rest: '2s' },
  });
  const rate = rates.wrap({ operation: 'rate' })(async (id: number) => {
    await pause(5 + Math.random() * 20);
    return { id, rate: Math.random() };
  });
  registerCacheMetrics(register, { rates, sessions });
  registerKeyMetrics(register, { main: keyring });
  const service = createServer(async (_request, response) => {
    response.setHeader('content-type', register.contentType);
    response.end(await register.metrics());
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const prometheus = await startPrometheus((service.address() as AddressInfo).port);
  const events: { at: number; what: string }[] = [];
  const begun = Date.now();
  try {
    const stored = new RedisBackend({ url: redis.url });
    const plan: readonly (readonly [at: number, what: string, act: () => unknown])[] = [
      [45, 'new key', () => keyring.startRotation(randomBytes(32))],
      [70, 'Redis stands still', () => redis.freeze()],
      [80, 'Redis is back', () => redis.resume()],
      [105, 'rewrap', () => sessions.rewrap()],
      [125, '12 entries altered', () => alter(stored)],
    ];
    let next = 0;
    for (let i = 0; (Date.now() - begun) / 1000 < SECONDS; i++) {
      const at = (Date.now() - begun) / 1000;
      const step = plan[next];
      if (step !== undefined && at >= step[0]) {
        next++;
        events.push({ at: Math.round(at), what: step[1] });
        say(`${Math.round(at)} s: ${step[1]}`);
        Promise.resolve(step[2]()).catch((error: unknown) => say(String(error)));
      }
      // As users do: some entries often, most of them now and then.
      const id = Math.floor(400 * Math.random() ** 3);
      rate(id).catch(() => {});
      sessions.get(`${id}`).catch(() => {});
      if (i % 4 === 0) sessions.set(`${id}`, { id, token: randomBytes(120) }).catch(() => {});
      await pause(10);
    }
    const panels: Record<string, Recording['panels'][string]> = {};
    for (const { title, queries } of ROWS.flatMap((row) => row.panels)) {
      const series: Series[] = [];
      for (const { expr, legend } of queries) series.push(...(await prometheus.query(expr, legend, begun / 1000)));
      panels[title] = { exprs: queries.map(({ expr }) => expr), series };
    }
    await stored.close();
    return { seconds: SECONDS, step: STEP, events, panels };
  } finally {
    prometheus.stop();
    service.close();
    await Promise.all([rates.close(), sessions.close()]);
    keyring.destroy();
    await redis.stop();
  }
}

/** As somebody with access to the store may. */
async function alter(stored: RedisBackend): Promise<void> {
  for (let id = 0; id < 12; id++) await stored.set(`ns:sessions:key:${id}`, randomBytes(200), { ttlMs: 600_000 });
}

async function startPrometheus(port: number) {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-prometheus-'));
  const own = await freePort();
  writeFileSync(join(folder, 'alerts.yml'), alertRules());
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s }\nrule_files: [alerts.yml]\nscrape_configs:\n  - { job_name: service, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }\n`,
  );
  const child: ChildProcess = spawn(
    process.env.PROMETHEUS ?? 'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    { stdio: 'ignore' },
  );
  await once(child, 'spawn');
  const url = `http://127.0.0.1:${own}`;
  for (let i = 0; !(await isReady(url)); i++) {
    if (i > 100 || child.exitCode !== null) throw new Error('Prometheus did not start');
    await pause(100);
  }
  return {
    async query(expr: string, legend: string, from: number): Promise<Series[]> {
      const query = expr.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll(/\$(cache|keyring)/g, '.*');
      const parameters = { query, start: `${from}`, end: `${from + SECONDS}`, step: `${STEP}` };
      const response = await fetch(`${url}/api/v1/query_range?${new URLSearchParams(parameters)}`);
      const answer = (await response.json()) as Answer;
      if (answer.data === undefined) throw new Error(`${query}: ${answer.error}`);
      return answer.data.result.map(({ metric, values }) => {
        const byTime = new Map(values.map(([at, value]) => [Math.round((at - from) / STEP), Number(value)]));
        return {
          legend: legend.replaceAll(/\{\{(\w+)\}\}/g, (_all, label: string) => (metric[label] ?? '').slice(0, 8)),
          values: Array.from({ length: SECONDS / STEP }, (_, i) => rounded(byTime.get(i))),
        };
      });
    },
    stop() {
      child.kill();
      child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    },
  };
}

interface Answer {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

function rounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(value > 1e6 ? 10 : 4));
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function readRecording(path: string): Recording {
  return JSON.parse(readFileSync(path, 'utf8')) as Recording;
}
