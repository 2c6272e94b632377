export default {
  extensions: { ts: 'module' },
  files: ['__test__/**/*.test.ts', '!__test__/fits/**'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '5m',
};
