import { Keyring } from '../../index.js';

/* Ends by itself, though a keyring is refreshed, and a call of its provider is under way that never ends. */
let calls = 0;
const provider = () => {
  calls++;
  if (calls === 1) return { masterKey: Buffer.alloc(32, 1) };
  if (calls < 4) throw new Error('down');
  return new Promise<never>(() => {});
};
const keyring = await Keyring.fromProvider(provider, { refresh: '5ms', timeout: '5m', onError: () => {} });
const waited = setInterval(() => {
  if (calls < 4) return;
  clearInterval(waited);
  console.log(keyring.usage().length === 1 ? 'held' : 'lost');
}, 2);
