export default { test: { server: process.env.INSIDE ? { deps: { inline: ['cachekit-native'] } } : {} } };
