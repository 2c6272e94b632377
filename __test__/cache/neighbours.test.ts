import test from 'ava';
import { cache, createCache, Keyring, MemoryBackend } from '../../index.js';
import { MapBackend, masterKey } from './map-backend.js';

const named = { namespace: 'n', operation: 'o', masterKey } as const;

test('what one cache changes, another of this process with the same backend does not answer from its L1', async (t) => {
  const backend = new MemoryBackend();
  let runs = 0;
  const first = cache.secure({ ...named, backend, tags: ['all'] })((_id: number) => ++runs);
  const second = cache.secure({ ...named, backend, tags: ['all'] })((_id: number) => ++runs);
  await using other = createCache({ namespace: 'n', backend, masterKey });
  t.deepEqual([await first(1), await second(1)], [1, 1]);
  await first.invalidate(1);
  t.is(await second(1), 2);
  t.is(await first.refresh(1), 3);
  t.is(await second(1), 3);
  t.is(await other.invalidateTags('all'), 1);
  t.deepEqual([await second(1), await first(1)], [4, 4]);
});

test('values by name too, one by one and many at once', async (t) => {
  const backend = new MemoryBackend();
  await using one = createCache({ backend, masterKey });
  await using two = createCache({ backend, masterKey });
  await one.setMany([
    ['a', 1],
    ['b', 1],
  ]);
  t.deepEqual(await two.getMany(['a', 'b']), [1, 1]);
  await one.set('a', 2);
  await one.delete('b');
  t.deepEqual(await two.getMany(['a', 'b']), [2, undefined]);
  await two.setMany([
    ['a', 3],
    ['b', 3],
  ]);
  t.deepEqual([await one.get('a'), await one.get('b')], [3, 3]);
  await two.deleteMany(['a', 'b']);
  t.deepEqual(await one.getMany(['a', 'b']), [undefined, undefined]);
});

test('a copy of before a completed rotation is no failure where the entry itself was sealed anew', async (t) => {
  const keyring = new Keyring({ masterKey: 'aa'.repeat(32) });
  const backend = new MemoryBackend();
  const errors: unknown[] = [];
  await using sessions = createCache({
    namespace: 'n',
    backend,
    keyring,
    onAuthenticationFailure: 'throw',
    onError: (error) => errors.push(error),
  });
  await sessions.set('a', 1);
  t.is(await sessions.get('a'), 1);
  keyring.startRotation('bb'.repeat(32));
  t.is((await sessions.rewrap()).rewrapped, 1);
  keyring.completeRotation();
  t.is(await sessions.get('a'), 1);
  t.deepEqual(await sessions.getMany(['a', 'b']), [1, undefined]);
  t.is(sessions.stats().authenticationFailures, 0);
  t.deepEqual(errors, []);
});

test('a backend that says nothing of itself is shared as well', async (t) => {
  const backend = new MapBackend();
  await using one = createCache({ backend, masterKey });
  await using two = createCache({ backend, masterKey });
  await one.set('a', 1);
  t.is(await two.get('a'), 1);
  await one.delete('a');
  t.is(await two.get('a'), undefined);
});
