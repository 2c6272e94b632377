import type { AddressInfo } from 'node:net';
import { createCache } from 'cachekit-native';
import { sessionStore } from 'cachekit-native/session';
import express from 'express';
import session from 'express-session';

declare module 'express-session' {
  interface SessionData {
    user: string;
    visits: number;
  }
}

// With privateKeys Redis does not even see the ids of sessions.
const cache = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'web',
  privateKeys: process.env.PRIVATE === '1',
});
const store = sessionStore(session, { cache });

const app = express();
app.use(
  session({
    store,
    secret: 'of the cookie, from the environment',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 60_000 },
  }),
);
app.post('/login/:user', (request, response, next) => {
  request.session.regenerate((error) => {
    if (error) return next(error);
    request.session.user = request.params.user;
    request.session.visits = 0;
    response.sendStatus(204);
  });
});
app.get('/visit', (request, response) => {
  if (request.session.user === undefined) return void response.sendStatus(401);
  request.session.visits = (request.session.visits ?? 0) + 1;
  response.json({ user: request.session.user, visits: request.session.visits });
});
app.get('/look', (request, response) => {
  response.json({ user: request.session.user ?? null });
});
app.post('/logout', (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.sendStatus(204)));
});
app.get('/admin', (_request, response, next) => {
  store.length?.((error, count) => (error ? next(error) : response.json({ count })));
});
app.post('/admin/clear', (_request, response, next) => {
  store.clear?.((error) => (error ? next(error) : response.sendStatus(204)));
});

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', () => server.close(() => cache.close()));
