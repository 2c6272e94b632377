import assert from 'node:assert/strict';
import { expected, redisServer } from './app.mjs';

const redis = await redisServer();
process.env.REDIS_URL = redis.url;
const { cache, drafts, driver, storage } = await import('./dist/app.js');
const marker = 'Ada Lovelace';

await drafts.setItem('one', { title: marker, words: 3 });
assert.deepEqual(await drafts.getItem('one'), { title: marker, words: 3 });
assert.equal(await drafts.getItem('two'), null);
assert.equal(await storage.hasItem('drafts:one'), true);
assert.equal(await storage.hasItem('drafts:two'), false);
await storage.setItem('text', marker);
assert.equal(await storage.getItem('text'), marker);
await storage.setItem('list', [1, 'two', null]);
assert.deepEqual(await storage.getItem('list'), [1, 'two', null]);

await storage.setItemRaw('raw:bytes', Buffer.from(marker));
assert.equal(Buffer.from(await storage.getItemRaw('raw:bytes')).toString(), marker);
await storage.setItemRaw('raw:date', new Date(5));
assert.deepEqual(await storage.getItemRaw('raw:date'), new Date(5));
assert.equal(await storage.getItemRaw('raw:none'), null);

await storage.setItems([
  { key: 'many:a', value: '1' },
  { key: 'many:b', value: { b: marker } },
]);
assert.deepEqual(await storage.getItems(['many:a', 'many:b', 'many:c']), [
  { key: 'many:a', value: 1 },
  { key: 'many:b', value: { b: marker } },
  { key: 'many:c', value: null },
]);
await redis.assertSealed(7, marker);

await storage.setItem('short', 'x', { ttl: 20 });
const { ttl } = await storage.getMeta('short');
assert.ok(ttl > 10 && ttl <= 20, ttl);
assert.equal((await storage.getMeta('text')).ttl, undefined);

assert.deepEqual((await storage.getKeys('many')).sort(), ['many:a', 'many:b']);
assert.deepEqual((await drafts.getKeys()).sort(), ['one']);
await storage.removeItem('many:a');
assert.deepEqual(await storage.getKeys('many'), ['many:b']);
// unstorage clears what is mounted below a name, and asks a driver for what is below a name in it.
await driver.clear('raw:');
assert.deepEqual((await storage.getKeys()).sort(), ['drafts:one', 'list', 'many:b', 'short', 'text']);
await storage.clear();
assert.deepEqual(await storage.getKeys(), []);
assert.equal(await storage.getItem('text'), null);

await storage.setItem('text', marker);
await redis.stop();
await assert.rejects(storage.setItem('text', 'new'), { code: 'ERR_BACKEND' });
await assert.rejects(storage.removeItem('text'), { code: 'ERR_BACKEND' });
assert.equal(await storage.getItem('other'), null);
await storage.dispose();
await cache.close();
await expected();
