export default { output: 'standalone', serverExternalPackages: ['cachekit-native', 'ioredis'] };
