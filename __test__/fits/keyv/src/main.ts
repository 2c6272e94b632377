import 'reflect-metadata';
import assert from 'node:assert/strict';
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import KeyvRedis from '@keyv/redis';
import { CACHE_MANAGER, CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Module, Param, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Cache } from 'cache-manager';
import { encryptedStore } from 'cachekit-native';
import { Redis } from 'ioredis';
import Keyv from 'keyv';

const url = process.env.REDIS_URL as string;
const masterKey = process.env.CACHEKIT_MASTER_KEY as string;
const NAME = 'Ada Lovelace';
const sealed = () =>
  new Keyv({ store: encryptedStore(new KeyvRedis(url), { masterKey }), namespace: `keyv-${process.pid}` });
let calls = 0;

@Controller('patients')
@UseInterceptors(CacheInterceptor)
class Patients {
  @Get(':id')
  one(@Param('id') id: string): { id: string; name: string; calls: number } {
    return { id, name: NAME, calls: ++calls };
  }
}

@Module({
  imports: [CacheModule.register({ stores: [sealed()], ttl: 60_000 })],
  controllers: [Patients],
})
class App {}

const app = await NestFactory.create(App, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const get = async () => (await fetch(`${await app.getUrl()}/patients/7`)).json();
assert.deepEqual(
  [await get(), await get()],
  [
    { id: '7', name: NAME, calls: 1 },
    { id: '7', name: NAME, calls: 1 },
  ],
);

const cache = app.get<Cache>(CACHE_MANAGER);
await cache.set('k', { name: NAME });
assert.deepEqual(await cache.get('k'), { name: NAME });

const apollo = new KeyvAdapter(sealed() as never);
await apollo.set('query', NAME, { ttl: 60 });
assert.equal(await apollo.get('query'), NAME);

const redis = new Redis(url);
const keys = (await redis.keys('*')).filter((key) => key.includes(`keyv-${process.pid}`));
assert.ok(keys.length >= 3, `there are ${keys.length} keys`);
for (const key of keys) {
  const value = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
  assert.ok(value.length > NAME.length);
  assert.ok(!value.includes(NAME) && !value.includes(Buffer.from(NAME).toString('base64').slice(0, -2)), key);
}
await redis.quit();
await app.close();
console.log(
  "Keyv: cache-manager in Nest, its interceptor and Apollo's KeyvAdapter keep sealed values in Redis by encryptedStore",
);
process.exit(0);
