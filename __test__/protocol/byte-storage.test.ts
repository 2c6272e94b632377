import test from 'ava';
import { hardwareAcceleration } from '../../index.js';
import { native } from '../../src/native/addon.js';

test.serial('a machine whose AES is software has no acceleration', (t) => {
  const { hardware } = native;
  try {
    for (const [name, aes] of Object.entries({
      software: false,
      'aes-clmul': true,
      'vaes-avx2': true,
      'armv8-aes': true,
    })) {
      native.hardware = () => name;
      t.deepEqual(hardwareAcceleration(), { aes, name });
    }
  } finally {
    native.hardware = hardware;
  }
  t.deepEqual(hardwareAcceleration(), { aes: hardware() !== 'software', name: hardware() });
});
