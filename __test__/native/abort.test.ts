import { pbkdf2 } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { EncryptionWrapper, Keyring, Sealer } from '../../index.js';

const slow = promisify(pbkdf2);
const masterKey = Buffer.alloc(32, 4);
const aad = Buffer.from('aad');
const bytes = Buffer.alloc(1000, 7);
const context = { cacheKey: 'k' };
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

/** Every async entry that takes a signal, called with this one. */
function callsWith(signal: AbortSignal): Promise<unknown>[] {
  const sealer = new Sealer(masterKey, 't');
  const wrapper = new EncryptionWrapper<unknown>({ masterKey });
  const sealed = sealer.seal(bytes, aad);
  const stored = wrapper.serialize('x', context);
  return [
    sealer.sealAsync(bytes, aad, { signal }),
    sealer.openAsync(sealed, aad, { signal }),
    wrapper.serializeAsync('x', { ...context, signal }),
    wrapper.deserializeAsync(stored, { ...context, signal }),
  ];
}

test.serial(
  'any number of calls share a signal without a warning of a leak, and leave no listener behind',
  async (t) => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const pending = Array.from({ length: 10 }, () => callsWith(signal)).flat();
    t.is(pending.length, 40);
    t.is(listeners(signal), 1);
    await Promise.all(pending);
    t.is(listeners(signal), 0);
    await turn();
    process.off('warning', onWarning);
    t.deepEqual(warnings, []);
  },
);

test.serial('an abort calls off all work of its signal that has not started, and no other', async (t) => {
  // All threads of the pool have work for much longer than what follows, up to the abort, takes.
  const busy = Array.from({ length: 8 }, () => slow('a password', 'a salt', 200_000, 64, 'sha512'));
  const [controller, other] = [new AbortController(), new AbortController()];
  const pending = Promise.allSettled([...callsWith(controller.signal), ...callsWith(controller.signal)]);
  const spared = callsWith(other.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  for (const result of await pending) {
    t.is(result.status, 'rejected');
    if (result.status === 'rejected') t.is(result.reason, reason);
  }
  t.is((await Promise.all(spared)).length, 4);
  t.is((await Promise.all(busy)).length, 8);
  t.is(listeners(controller.signal) + listeners(other.signal), 0);
});

test.serial('a signal can be used again after its work is done', async (t) => {
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) {
    t.is((await Promise.all(callsWith(signal))).length, 4);
    t.is(listeners(signal), 0);
  }
});

test.serial('an abort between two keys calls off the second one', async (t) => {
  const old = new EncryptionWrapper({ masterKey });
  const stored = old.serialize('x', context);
  const keyring = new Keyring({ masterKey: Buffer.alloc(32, 5), previousMasterKeys: [masterKey] });
  const wrapper = new EncryptionWrapper({ keyring });
  const controller = new AbortController();
  const pending = wrapper.deserializeAsync(stored, { ...context, signal: controller.signal });
  const rejected = t.throwsAsync(pending, { message: 'enough' });
  // The first key fails on the pool, which is told in a later turn than this microtask.
  await Promise.resolve();
  controller.abort(new Error('enough'));
  await rejected;
  t.is(listeners(controller.signal), 0);
});
