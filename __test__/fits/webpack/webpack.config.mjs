import { resolve } from 'node:path';

const bundle = (folder, entry, module) => ({
  mode: 'production',
  target: 'node20',
  entry: { [entry.replace('-cjs', '')]: `./${entry}.mjs` },
  output: module
    ? { path: resolve('out', folder), filename: '[name].mjs', chunkFormat: 'module', library: { type: 'module' } }
    : { path: resolve('out', folder), filename: '[name].cjs' },
  experiments: { outputModule: module },
  // A warning is a fault.
  plugins: [
    (compiler) =>
      compiler.hooks.done.tap('strict', ({ compilation }) => compilation.errors.push(...compilation.warnings)),
  ],
});

export default [
  bundle('cjs', 'example-cjs', false),
  bundle('esm', 'example', true),
  bundle('alone', 'alone', false),
  bundle('alone-esm', 'alone', true),
];
