import { build } from 'esbuild';

const options = { bundle: true, platform: 'node', logLevel: 'warning' };
const written = [
  { entryPoints: ['example.mjs'], format: 'esm', outfile: 'out/example.mjs' },
  { entryPoints: ['example-cjs.mjs'], format: 'cjs', outfile: 'out/example.cjs' },
  { entryPoints: ['example.mjs'], format: 'esm', outfile: 'out/external.mjs', external: ['cachekit-native'] },
  { entryPoints: ['alone.mjs'], format: 'esm', outfile: 'out/alone/alone.mjs', minify: true },
  { entryPoints: ['alone.mjs'], format: 'cjs', outfile: 'out/alone-cjs/alone.cjs' },
];
for (const each of written) {
  const { warnings } = await build({ ...options, ...each });
  if (warnings.length > 0) process.exit(1);
}
