import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageJson } from './project.mjs';

// The tools are imported inside the functions: the scripts must start before the Node modules are installed.

/** The entries beside the main one, `cachekit-native/redis` and so on, and the module behind each. */
const subpaths = () =>
  Object.keys(packageJson().exports)
    .filter((entry) => entry !== '.' && entry !== './package.json')
    .map((entry) => entry.slice('./'.length))
    .map((name) => [name, `src/backends/${name}`]);

/**
 * Turns what tsc wrote into what is published: dist/index.js with all modules in one, since reading some seventy files
 * takes half the time of an import, and an entry for each subpath.
 */
export async function bundle(dist) {
  await writeSubpaths(dist);
  const { rollup } = await import('rollup');
  const bundled = await rollup({
    input: join(dist, 'index.js'),
    external: /^(?![./]|[A-Za-z]:)/,
    onwarn(warning) {
      throw new Error(`bundling: ${warning.message}`);
    },
  });
  await bundled.write({ file: join(dist, 'index.js'), format: 'es', inlineDynamicImports: true });
  await bundled.close();
}

/**
 * A subpath has what its module and the main entry both export, taken from the main entry: a class that was there twice
 * would be two classes and, with private fields, two types that do not fit.
 */
async function writeSubpaths(dist) {
  const { default: ts } = await import('typescript');
  const declarations = (path) => join(dist, `${path}.d.ts`);
  const program = ts.createProgram(['index', ...subpaths().map(([, path]) => path)].map(declarations), {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  });
  const checker = program.getTypeChecker();
  const exportsOf = (path) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations(path))));
  const isValue = (symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return (target.flags & ts.SymbolFlags.Value) !== 0;
  };
  const main = new Set(exportsOf('index').map(({ name }) => name));
  for (const [subpath, path] of subpaths()) {
    const shared = exportsOf(path).filter(({ name }) => main.has(name));
    const write = (extension, symbols, from) => {
      const names = symbols.map(({ name }) => name).sort();
      if (names.length === 0) throw new Error(`${path} exports nothing that index.ts exports`);
      writeFileSync(join(dist, subpath + extension), `export { ${names.join(', ')} } from '${from}';\n`);
    };
    write('.js', shared.filter(isValue), './index.js');
    write('.d.ts', shared, '../index.js');
  }
}
