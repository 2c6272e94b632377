import { join } from 'node:path';

const header = '// The public types of the package. Generated from index.ts by `npm run build`: do not edit.\n\n';

/** The text of index.d.ts, rolled up from the declarations that tsc wrote into a folder. */
export async function rollUpTypes(declarations) {
  // Imported here: the scripts must start before the Node modules are installed.
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: join(declarations, 'index.d.ts'),
    plugins: [dts()],
    external: /^(?![./]|[A-Za-z]:)/,
    onwarn(warning) {
      throw new Error(`rolling up the types: ${warning.message}`);
    },
  });
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  return header + output[0].code;
}
