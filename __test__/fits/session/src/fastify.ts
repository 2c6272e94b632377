import cookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { createCache } from 'cachekit-native';
import { sessionStore } from 'cachekit-native/session';
import Fastify from 'fastify';

declare module 'fastify' {
  interface Session {
    user: string;
    visits: number;
  }
}

const cache = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'web',
});
const app = Fastify();
app.register(cookie);
app.register(fastifySession, {
  store: sessionStore(fastifySession, { cache }),
  secret: 'of the cookie, from the environment',
  cookie: { maxAge: 60_000, secure: false },
  saveUninitialized: false,
});
app.addHook('onClose', () => cache.close());

app.post<{ Params: { user: string } }>('/login/:user', async (request, reply) => {
  await request.session.regenerate();
  request.session.user = request.params.user;
  request.session.visits = 0;
  return reply.code(204).send();
});
app.get('/visit', async (request, reply) => {
  if (request.session.user === undefined) return reply.code(401).send();
  request.session.visits++;
  return { user: request.session.user, visits: request.session.visits };
});
app.get('/look', async (request) => ({ user: request.session.user ?? null }));
app.post('/logout', async (request, reply) => {
  await request.session.destroy();
  return reply.code(204).send();
});

console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`);
process.once('SIGTERM', () => app.close());
