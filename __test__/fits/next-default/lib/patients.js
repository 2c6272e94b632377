import { cache } from 'cachekit-native';

let calls = 0;

export const getPatient = cache.secure({
  backend: process.env.REDIS_URL,
  namespace: process.env.npm_package_name,
  operation: 'getPatient',
  ttl: '10m',
})(async (id) => ({ id, name: 'Ada Lovelace', born: new Date('1815-12-10T00:00:00Z'), calls: ++calls }));
