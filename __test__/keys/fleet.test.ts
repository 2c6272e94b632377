import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createCache, Keyring } from '../../index.js';
import { startCli } from '../cli/run-cli.js';
import { supportFile } from '../support/child.js';
import { requireRedis } from '../support/redis-server.js';
import type { ServiceAnswer, ServiceCounts, ServiceStep } from '../support/rotating-service.js';

/* The runbook, docs/rotation.md, with four processes under load: no read fails, and nothing is computed again. */

const [oldKey, newKey] = ['4a', '5b'].map((byte) => byte.repeat(32)) as [string, string];
const PROCESSES = 4;
const [ENTRIES, TENANTS] = [300, [undefined, 'acme', 'beta']] as const;
const STORED = ENTRIES * TENANTS.length + ENTRIES;
const KILLS = 5;

const expected = (tenantId: string | undefined, i: number) => ({ tenantId: tenantId ?? '', i, text: `value ${i}` });
const keysOf = (current: string, ...previous: string[]) => ({
  CACHEKIT_MASTER_KEY: current,
  CACHEKIT_PREVIOUS_MASTER_KEYS: previous.join(','),
});
type Keys = ReturnType<typeof keysOf>;

class Service {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(t: ExecutionContext, url: string, keys: Keys): Promise<Service> {
    const child = fork(supportFile('rotating-service.ts'), [], {
      execArgv: [`--import=${import.meta.resolve('tsx')}`],
      env: { ...process.env, ...keys, SERVICE_BACKEND: url },
    });
    t.teardown(() => child.kill('SIGKILL'));
    const service = new Service(child);
    await once(child, 'message');
    return service;
  }

  async ask(step: ServiceStep): Promise<ServiceAnswer> {
    const answered = once(this.#child, 'message');
    this.#child.send(step);
    return (await answered)[0];
  }

  /** @returns what it has counted. */
  async end(): Promise<ServiceCounts> {
    const exited = once(this.#child, 'exit');
    const answer = await this.ask({ step: 'end' });
    await exited;
    if (!answer.ok) throw new Error(answer.code);
    return answer.counts;
  }
}

async function fill(url: string): Promise<void> {
  const cache = createCache({ namespace: 'app', backend: url, masterKey: oldKey, l1: false, ttl: '1h' });
  for (const tenantId of TENANTS) {
    const entries = tenantId === undefined ? cache : cache.tenant(tenantId);
    await entries.setMany(Array.from({ length: ENTRIES }, (_, i) => [`k${i}`, expected(tenantId, i)] as const));
  }
  const user = cache.wrap({ key: (id: number) => `user:${id}`, operation: 'user', tags: (id) => [`user-${id}`] })(
    (id: number) => expected('user', id),
  );
  for (let i = 0; i < ENTRIES; i++) await user(i);
  await cache.close();
}

async function cli(args: readonly string[], keys: Keys) {
  const { child, ended } = startCli(args, keys);
  child.stdin.end();
  return ended;
}

/** Rewraps by the command, which is killed at random points, and then left to end. */
async function rewrapKilled(t: ExecutionContext, url: string, keys: Keys): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-fleet-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const args = ['rewrap', url, '--namespace', 'app', '--cursor-file', join(directory, 'cursor'), '--concurrency', '50'];
  for (let i = 0; i < KILLS; i++) {
    const { child, ended } = startCli([...args, '--rate', '400'], keys);
    child.stdin.end();
    await pause(1_000 + Math.random() * 2_000);
    child.kill('SIGKILL');
    t.is((await ended).signal, 'SIGKILL');
  }
  const last = await cli(args, keys);
  t.is(last.code, 0, last.stderr);
}

async function assertDone(t: ExecutionContext, url: string, counts: readonly ServiceCounts[]): Promise<void> {
  for (const { misses, wrong, loads, failed, reads, writes } of counts) {
    t.deepEqual({ misses, wrong, loads, failed }, { misses: 0, wrong: 0, loads: 0, failed: 0 });
    t.true(reads > 100 && writes > 10);
  }
  t.log(
    `${counts.reduce((sum, { reads }) => sum + reads, 0)} reads, ${counts.reduce((sum, { writes }) => sum + writes, 0)} writes`,
  );
  // With the new key alone, everything opens.
  const report = await createReport(url);
  t.like(report, { seen: STORED, current: STORED, unopened: 0, unnamed: 0 });
}

async function createReport(url: string) {
  const cache = createCache({ namespace: 'app', backend: url, keyring: new Keyring({ masterKey: newKey }), l1: false });
  try {
    return await cache.keyReport();
  } finally {
    await cache.close();
  }
}

test.serial(
  'by API: staged, started, rolled back once, started again, rewrapped, reported and completed',
  async (t) => {
    t.timeout(300_000);
    const server = await requireRedis(t);
    if (server === undefined) return;
    await fill(server.url);
    const services = await Promise.all(
      Array.from({ length: PROCESSES }, () => Service.start(t, server.url, keysOf(oldKey))),
    );
    const all = async (step: ServiceStep): Promise<ServiceAnswer[]> => {
      const answers: ServiceAnswer[] = [];
      // One after the other, as a fleet is reached.
      for (const service of services) {
        answers.push(await service.ask(step));
        await pause(50);
      }
      return answers;
    };
    const done = async (step: ServiceStep) =>
      t.true(
        (await all(step)).every(({ ok }) => ok),
        step.step,
      );
    await done({ step: 'stage', key: newKey });
    await done({ step: 'startRotation', key: newKey });
    await pause(500);
    await done({ step: 'rollback' });
    await pause(500);
    await done({ step: 'startRotation', key: newKey });

    const rotating = keysOf(newKey, oldKey);
    t.is((await cli(['report', server.url, '--namespace', 'app'], rotating)).code, 3);
    await done({ step: 'keyReport' });
    for (const answer of await all({ step: 'completeRotation' })) t.deepEqual(answer, { ok: false, code: 'ERR_KEY' });
    await rewrapKilled(t, server.url, rotating);
    const report = await cli(['report', server.url, '--namespace', 'app', '--json'], rotating);
    t.is(report.code, 0, report.stdout + report.stderr);
    t.like(JSON.parse(report.stdout), { seen: STORED, current: STORED, left: 0, cannotKnow: [] });
    for (const answer of await all({ step: 'keyReport' })) t.like(answer, { ok: true, left: 0 });
    await done({ step: 'completeRotation' });
    await pause(500);
    await assertDone(t, server.url, await Promise.all(services.map((service) => service.end())));
  },
);

test.serial('by environment: three rolls of all processes, and one that goes back', async (t) => {
  t.timeout(300_000);
  const server = await requireRedis(t);
  if (server === undefined) return;
  await fill(server.url);
  let services: Service[] = [];
  const counts: ServiceCounts[] = [];
  for (let i = 0; i < PROCESSES; i++) services.push(await Service.start(t, server.url, keysOf(oldKey)));
  const roll = async (keys: Keys) => {
    const next: Service[] = [];
    for (const service of services) {
      next.push(await Service.start(t, server.url, keys));
      counts.push(await service.end());
    }
    services = next;
    await pause(300);
  };
  const [staged, started] = [keysOf(oldKey, newKey), keysOf(newKey, oldKey)];
  await roll(staged);
  await roll(started);
  await roll(staged);
  await roll(started);
  t.is((await cli(['report', server.url, '--namespace', 'app'], started)).code, 3);
  await rewrapKilled(t, server.url, started);
  t.is((await cli(['report', server.url, '--namespace', 'app'], started)).code, 0);
  await roll(keysOf(newKey));
  counts.push(...(await Promise.all(services.map((service) => service.end()))));
  await assertDone(
    t,
    server.url,
    counts.filter(({ reads }) => reads > 100),
  );
});
