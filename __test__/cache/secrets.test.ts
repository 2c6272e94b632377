import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { CacheKitError, cache, createCache } from '../../index.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const secrets = { plaintext: 'rosebud-rosebud', cacheKey: 'patients:alice-liddell', tenant: 'st-mary-hospital' };

function showsNothing(t: ExecutionContext, what: string, ...texts: (string | undefined)[]): void {
  for (const text of texts) {
    if (text === undefined) continue;
    for (const secret of [...Object.values(secrets), masterKey, otherKey]) {
      t.false(text.includes(secret), `${what} shows ${secret.slice(0, 4)}…`);
      t.false(text.includes(Buffer.from(secret).toString('base64').slice(0, -4)), what);
    }
  }
}

test('cached functions and caches show no key, value, cache key or tenant', async (t) => {
  const load = cache.secure({ masterKey, tenant: () => secrets.tenant, key: () => secrets.cacheKey })(
    () => secrets.plaintext,
  );
  await load();
  const plain = cache({ l1: { values: true }, key: () => secrets.cacheKey })(() => ({ value: secrets.plaintext }));
  await plain();
  const entries = createCache({ masterKey });
  await entries.set(secrets.cacheKey, secrets.plaintext);
  const view = entries.tenant(secrets.tenant);
  await view.set(secrets.cacheKey, secrets.plaintext);
  const wrapped = entries.wrap({ key: () => secrets.cacheKey })(() => secrets.plaintext);
  await wrapped();
  for (const [name, holder] of Object.entries({
    load,
    plain,
    entries,
    view,
    wrapped,
    stats: load.stats(),
    entry: entries.stats(),
  })) {
    showsNothing(
      t,
      name,
      inspect(holder, { showHidden: true, depth: Number.POSITIVE_INFINITY }),
      JSON.stringify(holder),
      String(holder),
    );
    showsNothing(t, `${name}, spread`, inspect({ ...holder }, { showHidden: true, depth: Number.POSITIVE_INFINITY }));
  }
  const numbers = (value: unknown): boolean =>
    typeof value === 'object' && value !== null ? Object.values(value).every(numbers) : typeof value === 'number';
  const { breaker, ...counts } = load.stats();
  t.is(breaker, undefined);
  t.true(numbers(counts));
});

test('errors of a cache show no key, value, cache key or tenant', async (t) => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const backend = new MapBackend();
  const named = { backend, namespace: 'n', key: () => secrets.cacheKey, onError, l1: false };
  const refused = cache({ ...named })(() => new Map([[secrets.plaintext, secrets.plaintext]]));
  await refused();
  const sealed = cache.secure({ ...named, masterKey })(() => secrets.plaintext);
  await sealed();
  backend.corrupt(secrets.cacheKey, 40);
  await sealed();
  await cache.secure({ ...named, masterKey: otherKey })(() => secrets.plaintext)();
  await cache({ ...named })(() => secrets.plaintext)();
  const attempts: (() => unknown)[] = [
    () => cache.secure({ masterKey: `${masterKey}0` }),
    () => cache.secure({ masterKey, tenantId: `${secrets.tenant}\ud800` }),
    () => cache({ key: () => `${secrets.cacheKey}\ud800` })(() => 1).keyFor(),
    () => cache({})((_text: string) => 1).keyFor(`${secrets.plaintext}\ud800`),
    () => cache({})((_value: unknown) => 1).keyFor(new Map([[secrets.plaintext, 1]])),
    () => cache({})((_value: unknown) => 1).keyFor({ [secrets.plaintext]: Symbol(secrets.plaintext) }),
    () => createCache().keyFor(`t:0123456789abcdef:${secrets.cacheKey}`),
    () => createCache().tenant(`${secrets.tenant}\ud800`),
    () => createCache({ masterKey }).secure({ masterKey: otherKey }),
  ];
  for (const attempt of attempts) errors.push(t.throws(attempt));
  errors.push(
    await t.throwsAsync(createCache({ l1: { maxBytes: 300 } }).set(secrets.cacheKey, secrets.plaintext.repeat(99))),
  );
  errors.push(await t.throwsAsync(createCache().set(secrets.cacheKey, new Map([[secrets.plaintext, 1]]))));
  t.true(errors.length >= 14);
  for (const error of errors) {
    const { stack, message } = error as Error;
    const json = JSON.stringify(error);
    showsNothing(
      t,
      `${(error as Error).name}: ${message}`,
      stack,
      message,
      inspect(error, { showHidden: true, depth: 9 }),
      json,
    );
  }
  t.true(errors.some((error) => error instanceof CacheKitError));
});
