import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The library is named because a program's own may be older: ES2022 has no `Symbol.asyncDispose`. */
const header = [
  '// The public types of the package. Generated from index.ts by `npm run build`: do not edit.',
  '/// <reference lib="esnext.disposable" />',
  '\n',
].join('\n');

/** The text of index.d.ts, rolled up from the declarations that tsc wrote into a folder. */
export async function rollUpTypes(declarations) {
  const entry = join(declarations, 'index.d.ts');
  const code = await rollUp(entry);
  return header + (await withTypeExports(code, entry));
}

/** With `type` where the entry has it, which the tool forgets: a class that is exported as a type has no value at run time. */
async function withTypeExports(code, entry) {
  const { default: ts } = await import('typescript');
  const { statements } = ts.createSourceFile(entry, readFileSync(entry, 'utf8'), ts.ScriptTarget.ES2022);
  const types = new Set(
    statements
      .filter(ts.isExportDeclaration)
      .flatMap(({ isTypeOnly, exportClause }) =>
        exportClause.elements.filter((element) => isTypeOnly || element.isTypeOnly).map(({ name }) => name.text),
      ),
  );
  return code.replace(/^export \{ ([^}]*) \};$/gm, (_, names) => {
    const marked = names.split(', ').map((name) => (types.has(name) ? `type ${name}` : name));
    return `export { ${marked.join(', ')} };`;
  });
}

/**
 * The types of an entry beside the main one, for a file in the folder of declarations. What it has in common with the
 * main entry it imports from there: a class that was declared twice would be two types that do not fit.
 *
 * @param path the entry's module in the folder, without an extension.
 */
export async function rollUpEntryTypes(declarations, path) {
  const main = join(declarations, 'index.js');
  const fromMain = {
    name: 'from-main',
    resolveId: (source, importer) =>
      importer && resolve(dirname(importer), source) === main ? { id: 'the-main-entry', external: true } : null,
  };
  return rollUp(join(declarations, `${path}.d.ts`), [fromMain], { 'the-main-entry': '../index.js' });
}

async function rollUp(input, plugins = [], paths = {}) {
  // Imported here: the scripts must start before the Node modules are installed.
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input,
    plugins: [...plugins, dts()],
    external: /^(?![./]|[A-Za-z]:)/,
    onwarn(warning) {
      throw new Error(`rolling up the types: ${warning.message}`);
    },
  });
  const { output } = await bundle.generate({ format: 'es', paths });
  await bundle.close();
  return output[0].code;
}
