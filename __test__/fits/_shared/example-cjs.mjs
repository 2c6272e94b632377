import { cache } from 'cachekit-native';

const getPatient = cache.secure({
  backend: process.env.REDIS_URL,
  namespace: 'patients',
  operation: 'getPatient',
  ttl: '10m',
})(async (id) => ({ id, name: 'Ada Lovelace', born: new Date('1815-12-10T00:00:00Z') }));

(async () => {
  console.log(await getPatient(7));
  console.log(await getPatient(7));
  process.exit(0);
})();
