import { resolve } from 'node:path';
import { rspack } from '@rspack/core';

const bundle = (folder, entry, module) => ({
  context: process.cwd(),
  mode: 'production',
  target: 'node20',
  entry: { [entry.replace('-cjs', '')]: `./${entry}.mjs` },
  output: module
    ? {
        path: resolve('out', folder),
        filename: '[name].mjs',
        module: true,
        chunkFormat: 'module',
        library: { type: 'module' },
      }
    : { path: resolve('out', folder), filename: '[name].cjs' },
});

const compiler = rspack([
  bundle('cjs', 'example-cjs', false),
  bundle('esm', 'example', true),
  bundle('alone', 'alone', false),
  bundle('alone-esm', 'alone', true),
]);
compiler.run((error, stats) => {
  if (error) throw error;
  if (stats.hasErrors() || stats.hasWarnings()) {
    console.error(stats.toString());
    process.exitCode = 1;
  }
  compiler.close(() => {});
});
