import { createCache, Keyring } from '../../index.js';

/*
 * One process of a service under load, for the test of a rotation: it reads and writes all the time, and counts what a rotation
 * must not bring. Messages from its parent are the steps of the runbook; each is answered.
 */

export interface ServiceCounts {
  reads: number;
  writes: number;
  misses: number;
  wrong: number;
  loads: number;
  failed: number;
}

export type ServiceStep =
  | { step: 'stage' | 'startRotation'; key: string }
  | { step: 'rollback' | 'completeRotation' | 'keyReport' | 'counts' | 'end' };

export type ServiceAnswer = { ok: true; counts: ServiceCounts; left?: number } | { ok: false; code: string };

const ENTRIES = 300;
const TENANTS = [undefined, 'acme', 'beta'] as const;
const expected = (tenantId: string | undefined, i: number) => ({ tenantId: tenantId ?? '', i, text: `value ${i}` });

const keyring = new Keyring();
const cache = createCache({ namespace: 'app', backend: process.env.SERVICE_BACKEND!, keyring, ttl: '1h' });
const byTenant = TENANTS.map((tenantId) => (tenantId === undefined ? cache : cache.tenant(tenantId)));
const counts: ServiceCounts = { reads: 0, writes: 0, misses: 0, wrong: 0, loads: 0, failed: 0 };
const user = cache.wrap({ key: (id: number) => `user:${id}`, operation: 'user', tags: (id) => [`user-${id}`] })(
  (id: number) => {
    counts.loads++;
    return expected('user', id);
  },
);

let ended = false;

async function load(): Promise<void> {
  while (!ended) {
    const t = Math.floor(Math.random() * TENANTS.length);
    const i = Math.floor(Math.random() * ENTRIES);
    const wanted = expected(TENANTS[t], i);
    const what = Math.random();
    try {
      if (what < 0.2) {
        counts.writes++;
        if (!(await byTenant[t]!.set(`k${i}`, wanted))) counts.failed++;
      } else if (what < 0.4) {
        counts.reads++;
        if ((await user(i)).text !== wanted.text) counts.wrong++;
      } else {
        counts.reads++;
        const found = (await byTenant[t]!.get(`k${i}`)) as typeof wanted | undefined;
        if (found === undefined) counts.misses++;
        else if (found.text !== wanted.text || found.tenantId !== wanted.tenantId) counts.wrong++;
      }
    } catch {
      counts.failed++;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function answer(message: ServiceStep): Promise<ServiceAnswer> {
  try {
    if (message.step === 'stage' || message.step === 'startRotation') keyring[message.step](message.key);
    else if (message.step === 'rollback' || message.step === 'completeRotation') keyring[message.step]();
    else if (message.step === 'keyReport') return { ok: true, counts, left: (await cache.keyReport()).left };
    return { ok: true, counts };
  } catch (error) {
    return { ok: false, code: (error as { code: string }).code };
  }
}

if (process.send !== undefined) {
  const loading = Promise.all([load(), load()]);
  process.on('message', async (message: ServiceStep) => {
    if (message.step === 'end') {
      ended = true;
      await loading;
      await cache.close();
      process.send?.({ ok: true, counts } satisfies ServiceAnswer);
      process.disconnect();
      return;
    }
    process.send?.(await answer(message));
  });
  process.send({ ok: true, counts } satisfies ServiceAnswer);
}
