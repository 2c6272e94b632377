import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test from 'ava';
import { Keyring, type MasterKeyInput } from '../../index.js';
import { FollowedKeys } from '../../src/keys/followed-keys.js';
import { stateOf } from '../../src/keys/keyring.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { A, B, C, D, heldBy, nameOf } from '../providers/outcomes.js';

/* What a keyring does with what its provider answers. Time moves by a fake clock; keys that are listed no more stay for 1 s. */

function following(masterKey: Buffer, ...previousMasterKeys: Buffer[]) {
  const keyring = new Keyring({ masterKey, previousMasterKeys });
  const followed = new FollowedKeys(keyring, 1_000);
  const answer = (current: MasterKeyInput, ...previous: MasterKeyInput[]) =>
    followed.follow({ masterKey: current, previousMasterKeys: previous });
  const holds = () => keyring.usage().map(({ fingerprint, position }) => `${letterOf(fingerprint)} ${position}`);
  return { keyring, answer, holds, generation: () => stateOf(keyring).generation };
}
const letterOf = (fingerprint: string) => 'ABCD'[[A, B, C, D].map(nameOf).indexOf(fingerprint)] ?? '?';

test('the same answer changes nothing, nor does the same key in another form', (t) => {
  const { answer, holds, generation } = following(A, B);
  const before = generation();
  answer(A, B);
  answer(A.toString('hex'), B.toString('hex').toUpperCase());
  t.is(generation(), before);
  t.deepEqual(holds(), ['A current', 'B previous']);
});

test('a rotation in two steps: the new key opens everywhere before it seals anywhere', (t) => {
  const { answer, holds } = following(A);
  answer(A, B);
  t.deepEqual(holds(), ['A current', 'B staged']);
  answer(B, A);
  t.deepEqual(holds(), ['B current', 'A previous']);
  answer(A, B);
  t.deepEqual(holds(), ['A current', 'B previous']);
});

test('a key that is listed no more opens for a while, and is gone by an answer after that', (t) => {
  using clock = fakeClock();
  const { answer, holds, keyring } = following(A);
  answer(B, A);
  answer(B);
  t.deepEqual(holds(), ['B current', 'A previous']);
  clock.advance(999);
  answer(B);
  t.deepEqual(holds(), ['B current', 'A previous']);
  clock.advance(1);
  t.deepEqual(holds(), ['B current', 'A previous'], 'no answer, no key less');
  answer(B);
  t.deepEqual(holds(), ['B current']);
  t.false(keyring.rotating);
});

test('a current key that is replaced and not listed any more is kept just as long: others still seal with it', (t) => {
  using clock = fakeClock();
  const { answer, holds } = following(A);
  answer(B);
  t.deepEqual(holds(), ['B current', 'A previous']);
  clock.advance(1_000);
  answer(B);
  t.deepEqual(holds(), ['B current']);
});

test('a key that is listed again stays', (t) => {
  using clock = fakeClock();
  const { answer, holds } = following(A, B);
  answer(A);
  clock.advance(1_000);
  answer(A, B);
  clock.advance(5_000);
  answer(A, B);
  t.deepEqual(holds(), ['A current', 'B previous']);
  answer(A);
  clock.advance(999);
  answer(A);
  t.deepEqual(holds(), ['A current', 'B previous'], 'its time begins anew');
});

test('what was done by hand stays until the answer changes', (t) => {
  using clock = fakeClock();
  const { answer, holds, keyring } = following(A);
  answer(A, B);
  answer(B, A);
  keyring.rollback();
  keyring.stage(C);
  answer(B, A);
  t.deepEqual(holds(), ['A current', 'B previous', 'C staged']);
  answer(B, A, D);
  t.deepEqual(
    holds(),
    ['A current', 'B previous', 'C staged', 'D staged'],
    'the current key of the provider is as before',
  );
  answer(D, B, A);
  t.deepEqual(holds(), ['D current', 'A previous', 'B previous', 'C staged']);
  clock.advance(10_000);
  answer(D, B, A);
  t.true(holds().includes('C staged'), 'not a key of the provider');
});

test('a rotation that was completed by hand stays completed until the answer changes', (t) => {
  const { answer, holds, keyring } = following(A, B);
  keyring.completeRotation();
  answer(A, B);
  t.deepEqual(holds(), ['A current']);
  answer(A, B, C);
  t.deepEqual(holds(), ['A current', 'B staged', 'C staged']);
});

test('a key that was rotated to by hand is not dropped while it seals', (t) => {
  using clock = fakeClock();
  const { answer, holds, keyring } = following(A);
  answer(B, A);
  answer(B);
  keyring.rollback();
  clock.advance(1_000);
  answer(B);
  t.deepEqual(holds(), ['A current', 'B previous']);
  keyring.rollback();
  answer(B);
  t.deepEqual(holds(), ['B current']);
});

test('what does not fit is refused whole, and fits once there is room', (t) => {
  using clock = fakeClock();
  const { answer, holds, generation } = following(A, B);
  const before = generation();
  t.throws(() => answer(A, A), { code: 'ERR_KEY', message: 'previousMasterKeys[0] is listed twice' });
  t.throws(() => answer(C, Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)), {
    code: 'ERR_KEY',
    message: /no room: at most 3/,
  });
  t.throws(() => answer(B, A, C.subarray(20)), { code: 'ERR_KEY' });
  t.throws(() => answer('00'.repeat(31)), { code: 'ERR_KEY' });
  t.is(generation(), before);
  t.deepEqual(holds(), ['A current', 'B previous']);
  answer(C, A);
  t.throws(() => answer(C, A, D, Buffer.alloc(32, 1)), { message: /no room/ }, 'B is leaving, and not gone');
  clock.advance(1_000);
  answer(C, A, D, Buffer.alloc(32, 1));
  t.deepEqual(holds(), ['C current', 'A previous', 'D staged', '? staged']);
});

test.serial('changes are told by fingerprints', (t) => {
  using clock = fakeClock();
  const told: unknown[] = [];
  const listen = (message: unknown) => told.push(message);
  subscribe('cachekit-native:keys-changed', listen);
  t.teardown(() => unsubscribe('cachekit-native:keys-changed', listen));
  const { answer } = following(A);
  answer(A);
  answer(A, B);
  answer(B, A);
  answer(B);
  clock.advance(1_000);
  answer(B);
  answer(B);
  t.deepEqual(told, [
    { current: nameOf(A), added: [nameOf(B)], dropped: [] },
    { current: nameOf(B), added: [], dropped: [] },
    { current: nameOf(B), added: [], dropped: [nameOf(A)] },
  ]);
});

test('dropped keys are wiped, so that what they have sealed is an unknown key', (t) => {
  const { answer, keyring } = following(A, B);
  keyring.drop(nameOf(B));
  keyring.drop(nameOf(B));
  keyring.drop(nameOf(A));
  t.deepEqual(heldBy(keyring), [nameOf(A)]);
  answer(A, C);
  t.deepEqual(heldBy(keyring), [A, C].map(nameOf));
});
