import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';

const bundle = (file, entry, format) => ({
  input: `${entry}.mjs`,
  output: { file: `out/${file}`, format },
  plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
  onwarn(warning) {
    throw new Error(warning.message);
  },
});

export default [
  bundle('cjs/example.cjs', 'example-cjs', 'cjs'),
  bundle('esm/example.mjs', 'example', 'es'),
  bundle('alone/alone.cjs', 'alone', 'cjs'),
  bundle('alone-esm/alone.mjs', 'alone', 'es'),
];
