import { Keyring } from '../../index.js';

/* Ends by itself, though one keyring waits for its refresh, and a call of another one's provider is under way that never ends. */
let calls = 0;
const provider = () => {
  calls++;
  if (calls === 1) return { masterKey: Buffer.alloc(32, 1) };
  if (calls < 4) throw new Error('down');
  return new Promise<never>(() => {});
};
const keyring = await Keyring.fromProvider(provider, { refresh: '5ms', timeout: '5m', onError: () => {} });
await Keyring.fromProvider(() => ({ masterKey: Buffer.alloc(32, 2) }), { refresh: '5m' });
const waited = setInterval(() => {
  if (calls < 4) return;
  clearInterval(waited);
  console.log(keyring.usage().length === 1 ? 'held' : 'lost');
}, 2);
