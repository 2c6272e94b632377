import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commonjsTypes } from './commonjs-types.mjs';
import { rollUpEntryTypes, rollUpTypes } from './types.mjs';

/**
 * Writes the declarations of the entries beside the main one, and of all entries for CommonJS, into a folder where tsc has written
 * those of the sources.
 *
 * @param own the sources of entries with code that the main one does not have, by name.
 * @param parts those of entries that have a part of the main one, by name.
 * @returns the names of the values that each of `parts` has.
 */
export async function writeEntryTypes(dist, own, parts) {
  const values = await writeParts(dist, parts);
  for (const [name, source] of Object.entries(own)) {
    writeFileSync(join(dist, `${name}.d.ts`), await typesBesideMain(dist, name, source));
  }
  // The main entry's are at the top of the package, from where the others import them.
  const main = join(dist, '..', 'index.d.ts');
  writeFileSync(main, await rollUpTypes(dist));
  writeFileSync(join(dist, 'index.d.cts'), await commonjsTypes(main, '../index.js'));
  for (const name of [...Object.keys(own), ...Object.keys(parts)]) {
    writeFileSync(join(dist, `${name}.d.cts`), await commonjsTypes(join(dist, `${name}.d.ts`), `./${name}.js`));
  }
  rmSync(main);
  return values;
}

/** The declarations of an entry. A type may stand in the main one as well, as the two fit; a class or a function may not. */
async function typesBesideMain(dist, entry, path) {
  const main = new Set(readFileSync(join(dist, 'index.d.ts'), 'utf8').match(/\w+(?=[,\s]*[,}])/g));
  const types = await rollUpEntryTypes(dist, path);
  const declared = [...types.matchAll(/^(?:declare )?(?:abstract )?(?:class|function|const) (\w+)/gm)];
  const twice = declared.map(([, declaration]) => declaration).filter((declaration) => main.has(declaration));
  if (twice.length > 0) throw new Error(`${entry}.d.ts has copies of ${twice.join(', ')}: import them from index.js`);
  return types;
}

/**
 * A part has what its module and the main entry both export, taken from the main entry: a class that was there twice
 * would be two classes and, with private fields, two types that do not fit. The interfaces of other libraries' clients,
 * which the main entry does not export, it has as well.
 */
async function writeParts(dist, parts) {
  const { default: ts } = await import('typescript');
  const declarations = (path) => join(dist, `${path}.d.ts`);
  const missing = Object.entries(parts).filter(([, path]) => !existsSync(declarations(path)));
  if (missing.length > 0) throw new Error(`package.json exports what has no source: ${missing.join(', ')}`);
  const program = ts.createProgram(['index', ...Object.values(parts)].map(declarations), {
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
  const names = (symbols) => symbols.map(({ name }) => name).sort();
  const main = new Set(exportsOf('index').map(({ name }) => name));
  const values = {};
  for (const [part, path] of Object.entries(parts)) {
    const shared = exportsOf(path).filter(({ name }) => main.has(name));
    values[part] = names(shared.filter(isValue));
    if (values[part].length === 0) throw new Error(`${path} exports nothing that index.ts exports`);
    writeFileSync(declarations(part), `export { ${names(shared).join(', ')} } from '../index.js';\n`);
    const own = exportsOf(path).filter((symbol) => !main.has(symbol.name) && !isValue(symbol));
    if (own.length === 0) continue;
    const listed = `${part}-types`;
    writeFileSync(declarations(listed), `export type { ${names(own).join(', ')} } from './${path}.js';\n`);
    appendFileSync(declarations(part), await typesBesideMain(dist, part, listed));
    rmSync(declarations(listed));
  }
  return values;
}
