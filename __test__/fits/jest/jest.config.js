const common = { testEnvironment: 'node', extensionsToTreatAsEsm: [] };

module.exports = {
  projects: [
    { ...common, displayName: 'commonjs', testMatch: ['<rootDir>/{commonjs,reset}.test.js'], transform: {} },
    {
      ...common,
      displayName: 'babel',
      testMatch: ['<rootDir>/babel.test.js'],
      transform: { '\\.js$': ['babel-jest', { presets: [['@babel/preset-env', { targets: { node: 20 } }]] }] },
    },
    {
      ...common,
      displayName: 'ts',
      testMatch: ['<rootDir>/ts.test.ts'],
      transform: {
        '\\.ts$': [
          'ts-jest',
          {
            tsconfig: {
              strict: true,
              esModuleInterop: true,
              module: 'commonjs',
              moduleResolution: 'node10',
              ignoreDeprecations: '5.0',
              target: 'es2022',
              types: ['node', 'jest'],
            },
          },
        ],
      },
    },
    { ...common, displayName: 'modules', testMatch: ['<rootDir>/modules.test.mjs'], transform: {} },
  ],
};
