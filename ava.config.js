export default {
  extensions: { ts: 'module' },
  files: ['__test__/**/*.test.ts'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '5m',
};
