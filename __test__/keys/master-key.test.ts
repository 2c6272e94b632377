import { spawnSync } from 'node:child_process';
import test from 'ava';
import { KeyError, Keyring, Sealer } from '../../index.js';
import { native } from '../../src/native/addon.js';
import { deriveDomainKey } from '../../src/protocol/index.js';
import { withEnvironment } from '../support/environment.js';

const good = 'ab'.repeat(32);

test('hex keys are decoded strictly: nothing is truncated or skipped', (t) => {
  const wrong = [
    `${good}a`,
    `0x${good}`,
    ` ${good}`,
    `${good}\n`,
    `${good}\r\n`,
    good.replace('a', 'g'),
    'ab'.repeat(31),
    '',
    '+0'.repeat(32),
  ];
  for (const key of wrong) {
    const error = t.throws(() => new Keyring({ masterKey: key }), { instanceOf: KeyError, code: 'ERR_KEY' });
    if (key.length > 8) t.false(error!.message.includes(key.slice(2, 10)), 'no digit of the key in the message');
  }
  t.notThrows(() => new Keyring({ masterKey: good.toUpperCase() }));
  t.notThrows(() => new Keyring({ masterKey: good + good }));
});

test('upper and lower case are the same key, and so are hex and bytes', (t) => {
  const fingerprints = [good, good.toUpperCase(), Buffer.from(good, 'hex')].map(
    (key) => new Sealer(key, 't').fingerprint,
  );
  t.is(new Set(fingerprints).size, 1);
});

test('15 raw bytes are refused, 16 are taken with one warning in a process', (t) => {
  t.throws(() => new Sealer(new Uint8Array(15), 't'), { instanceOf: KeyError });
  const script = `
    import { Keyring, Sealer } from './index.ts';
    process.on('warning', (warning) => console.log('WARNING', warning.code));
    new Sealer(new Uint8Array(16).fill(7), 't');
    new Keyring({ masterKey: new Uint8Array(31).fill(7) });
    new Keyring({ masterKey: new Uint8Array(32).fill(7) });
  `;
  const { stdout, status } = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  t.is(status, 0);
  t.deepEqual(stdout.trim().split('\n'), ['WARNING CACHEKIT_SHORT_MASTER_KEY']);
});

test('64 raw bytes that are hex digits are refused: the string was meant', (t) => {
  t.throws(() => new Sealer(Buffer.from(good), 't'), { instanceOf: KeyError, message: /pass the string/ });
});

test('an error says which option or environment variable the key is from, and nothing of the key', (t) => {
  const other = 'cd'.repeat(32);
  const cases: [() => unknown, string][] = [
    [() => new Keyring({ masterKey: `${good}0` }), 'masterKey '],
    [() => new Keyring({ masterKey: good, previousMasterKeys: [other, 'ef'] }), 'previousMasterKeys[1] '],
    [() => new Keyring({ masterKey: good, previousMasterKeys: [good] }), 'previousMasterKeys[0] is held already'],
    [() => fromEnvironment(`${good} `), 'CACHEKIT_MASTER_KEY '],
    [() => fromEnvironment('ab'), 'CACHEKIT_MASTER_KEY '],
    [() => fromEnvironment(good, `${other}, ${good}`), 'Key 2 of 2 in CACHEKIT_PREVIOUS_MASTER_KEYS is held already'],
    [() => fromEnvironment(good, `${other},,`), 'Key 2 of 2 in CACHEKIT_PREVIOUS_MASTER_KEYS '],
    [() => fromEnvironment(good, `${other},,${'ef'.repeat(32)}`), 'Key 2 of 3 in CACHEKIT_PREVIOUS_MASTER_KEYS '],
    [() => fromEnvironment(good, `,${other}`), 'Key 1 of 2 in CACHEKIT_PREVIOUS_MASTER_KEYS '],
    [() => fromEnvironment(good, ','), 'Key 1 of 1 in CACHEKIT_PREVIOUS_MASTER_KEYS '],
    [
      () => fromEnvironment(good, `${other.slice(0, 8)} ${other.slice(8)}`),
      'Key 1 of 1 in CACHEKIT_PREVIOUS_MASTER_KEYS ',
    ],
    [() => fromEnvironment(good, good), 'Key 1 of 1 in CACHEKIT_PREVIOUS_MASTER_KEYS is held already'],
  ];
  for (const [make, start] of cases) {
    const error = t.throws(make, { instanceOf: KeyError });
    t.true(error!.message.startsWith(start), error!.message);
    t.notRegex(error!.message, /abab|cdcd|efef/);
  }
  const third = 'ef'.repeat(32);
  for (const listed of [other, `${other},`, ` ${other} `, `${other}, ${third}`, `${other} ,\t${third},\n`]) {
    t.is(fromEnvironment(good, listed).usage().length, listed.includes(third) ? 3 : 2);
  }
});

function fromEnvironment(current: string, previous?: string): Keyring {
  const keys = { CACHEKIT_MASTER_KEY: current, CACHEKIT_PREVIOUS_MASTER_KEYS: previous };
  return withEnvironment(keys, () => new Keyring());
}

test.serial('what a key was copied into on its way to Rust is overwritten', (t) => {
  const { MasterKey } = native;
  const seen: { bytes: Uint8Array; held: boolean }[] = [];
  native.MasterKey = class extends MasterKey {
    constructor(bytes: Uint8Array) {
      super(bytes);
      seen.push({ bytes, held: bytes.every((byte) => byte === 0x5a) });
    }
  };
  try {
    for (const key of ['5a'.repeat(32), Buffer.alloc(32, 0x5a)]) {
      new Keyring({ masterKey: key }).destroy();
      new Sealer(key, 't').destroy();
    }
  } finally {
    native.MasterKey = MasterKey;
  }
  t.is(seen.length, 4);
  for (const { bytes, held } of seen) t.true(held && bytes.every((byte) => byte === 0));
});

test('the caller may wipe its key after the call', (t) => {
  const key = Buffer.from(good, 'hex');
  const sealer = new Sealer(key, 't');
  const sealed = sealer.seal(Buffer.from('x'), Buffer.alloc(0));
  key.fill(0);
  t.is(sealer.open(sealed, Buffer.alloc(0)).toString(), 'x');
});

test('a domain and a tenant have lengths in bytes', (t) => {
  t.is(deriveDomainKey(good, 'd'.repeat(255), 'é'.repeat(512)).length, 32);
  t.throws(() => deriveDomainKey(good, '', 't'), { instanceOf: RangeError });
  t.throws(() => deriveDomainKey(good, 'd'.repeat(256), 't'), { instanceOf: RangeError });
  t.throws(() => deriveDomainKey(good, 'd', ''), { instanceOf: RangeError });
  t.throws(() => deriveDomainKey(good, 'd', 'é'.repeat(513)), { instanceOf: RangeError });
});
