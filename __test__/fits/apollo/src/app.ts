import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import responseCache from '@apollo/server-plugin-response-cache';
import type { KeyValueCache } from '@apollo/utils.keyvaluecache';
import { createCache } from 'cachekit-native';
import { apolloCache } from 'cachekit-native/apollo';

const shared = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'graph',
  ttl: '1h',
});
const cache: KeyValueCache<string> = apolloCache({ cache: shared });

let runs = 0;
const server = new ApolloServer({
  typeDefs: `
    enum CacheControlScope { PUBLIC PRIVATE }
    directive @cacheControl(maxAge: Int, scope: CacheControlScope) on FIELD_DEFINITION | OBJECT
    type Query { author: Author @cacheControl(maxAge: 60) }
    type Author @cacheControl(maxAge: 60) { name: String runs: Int }
  `,
  resolvers: { Query: { author: () => ({ name: 'Ada Lovelace', runs: ++runs }) } },
  cache,
  plugins: [responseCache()],
  stopOnTerminationSignals: false,
});
const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
console.log(`listening on ${url}`);
process.once('SIGTERM', async () => {
  await server.stop();
  await shared.close();
});
