import { cachekit } from 'cachekit-native/fastify';
import Fastify, { type FastifyInstance } from 'fastify';

const app = Fastify();
await app.register(cachekit, {
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'clinic',
  ttl: '10m',
});

let runs = 0;
app.register(async (patients: FastifyInstance) => {
  const byId = patients.cache.wrap({ operation: 'byId' })(async (id: string) => ({
    id,
    name: 'Ada Lovelace',
    runs: ++runs,
  }));
  patients.get<{ Params: { id: string } }>('/patients/:id', ({ params }) => byId(params.id));
  patients.delete<{ Params: { id: string } }>('/patients/:id', async ({ params }) => ({
    removed: await byId.invalidate(params.id),
  }));
});

console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`);
process.once('SIGTERM', () => app.close());
