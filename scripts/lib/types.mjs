import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageJson } from './project.mjs';

// The tools are imported inside the functions: the scripts must start before the Node modules are installed.

const header = '// The public types of the package. Generated from index.ts by `npm run build`: do not edit.\n\n';

/** The text of index.d.ts, rolled up from the declarations that tsc wrote into a folder. */
export async function rollUpTypes(declarations) {
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

/**
 * Writes the declarations of the subpaths (`cachekit-native/redis` …): what the subpath's module and the main entry
 * both export, from index.d.ts. A class with private fields declared twice would be two types that do not fit.
 */
export async function writeSubpathTypes(dist) {
  const { default: ts } = await import('typescript');
  const subpaths = Object.values(packageJson().exports).filter(({ types }) => types?.startsWith('./dist/'));
  const declarationsOf = (file) => join(dist, file.replace('./dist/', '').replace(/\.js$/, '.d.ts'));
  const modules = ['./dist/index.js', ...subpaths.map((subpath) => subpath.default)].map(declarationsOf);
  const program = ts.createProgram(modules, { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 });
  const checker = program.getTypeChecker();
  const [main, ...others] = modules.map((file) => {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(file));
    return checker.getExportsOfModule(symbol).map(({ name }) => name);
  });
  for (const [index, names] of others.entries()) {
    const shared = names.filter((name) => main.includes(name)).sort();
    if (shared.length === 0) throw new Error(`${subpaths[index].default} exports nothing that index.ts exports`);
    writeFileSync(join(dist, basename(subpaths[index].types)), `export { ${shared.join(', ')} } from '../index.js';\n`);
  }
}
