const bundle = (file, entry, format) => ({
  input: `${entry}.mjs`,
  platform: 'node',
  output: { file: `out/${file}`, format },
});

export default [
  bundle('cjs/example.cjs', 'example-cjs', 'cjs'),
  bundle('esm/example.mjs', 'example', 'es'),
  bundle('alone/alone.cjs', 'alone', 'cjs'),
  bundle('alone-esm/alone.mjs', 'alone', 'es'),
];
