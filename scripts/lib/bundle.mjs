import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageJson } from './project.mjs';
import { rollUpEntryTypes } from './types.mjs';

// The tools are imported inside the functions: the scripts must start before the Node modules are installed.

/** The published files with code that the main entry does not have, and the module behind each. */
const modules = {
  protocol: 'src/protocol/index',
  providers: 'src/providers/index',
  testing: 'src/testing/index',
  opentelemetry: 'src/observability/opentelemetry',
  prometheus: 'src/observability/prometheus',
  cli: 'src/cli/main',
};

/** All that the main entry needs: its modules in one file, which the entries beside it import as well. */
const CORE = 'core';
/** Of those, what shows a header: in a file of their own, since the core loads the native addon, which there may not be. */
const HEADERS = { name: 'headers', entry: 'src/codec/inspect.js' };

/** The names of the entries beside the main one: `cachekit-native/redis` and so on. */
const subpaths = () =>
  Object.keys(packageJson().exports)
    .filter((entry) => entry !== '.' && entry !== './package.json')
    .map((entry) => entry.slice('./'.length));

const entries = () => subpaths().filter((name) => name in modules);
const programs = () => Object.values(packageJson().bin ?? {}).map((path) => /([^/]+)\.js$/.exec(path)[1]);
const reExports = () => subpaths().filter((name) => !(name in modules));

/**
 * Turns what tsc wrote into what is published. Reading some seventy files takes half the time of an import, so that
 * the main entry is three: dist/index.js with its exports, and dist/core.js and dist/headers.js with all its modules. The subpaths and the
 * program import the same dist/core.js, so that there is one clock, and one class of each name, in a process.
 */
export async function bundle(dist) {
  await writeReExports(dist);
  await writeTypes(dist);
  const names = ['index', ...entries(), ...programs()];
  const input = Object.fromEntries(names.map((name) => [name, join(dist, `${modules[name] ?? name}.js`)]));
  const core = await modulesOf(input.index);
  const shown = join(dist, HEADERS.entry);
  const headers = (await modulesOf(shown)).add(shown);
  const bundled = await build(input);
  await bundled.write({
    dir: dist,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    hoistTransitiveImports: false,
    manualChunks: (id) => (headers.has(id) ? HEADERS.name : core.has(id) ? CORE : undefined),
    plugins: [await leaner()],
  });
  await bundled.close();
}

async function build(input) {
  const { rollup } = await import('rollup');
  return rollup({
    input,
    external: /^(?![./]|[A-Za-z]:)/,
    onwarn(warning) {
      throw new Error(`bundling: ${warning.message}`);
    },
  });
}

/**
 * Without comments, which are two fifths of the bytes (what a user reads stands in the declarations, and the rest in the
 * repository), and indented by tabs, as spaces would be another fifth.
 */
async function leaner() {
  const { default: ts } = await import('typescript');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, removeComments: true };
  return {
    name: 'leaner',
    renderChunk(code) {
      const { outputText } = ts.transpileModule(code, { fileName: 'chunk.js', compilerOptions });
      const texts = textLines(ts, outputText);
      const tabs = (spaces) => '\t'.repeat(spaces.length / 4);
      return outputText
        .split('\n')
        .map((line, i) => (texts.has(i) ? line : line.replace(/^( {4})+/, tabs)))
        .join('\n');
    },
  };
}

/** The lines that begin inside a template, whose spaces are part of a text. */
function textLines(ts, code) {
  const source = ts.createSourceFile('chunk.js', code, ts.ScriptTarget.ES2022);
  const lines = new Set();
  const visit = (node) => {
    if (ts.isTemplateLiteralToken(node)) {
      const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line;
      for (let line = lineOf(node.getStart(source)) + 1; line <= lineOf(node.end); line++) lines.add(line);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lines;
}

/** The modules behind the main entry, those included that it imports only when it needs them. */
async function modulesOf(main) {
  const bundled = await build(main);
  const { output } = await bundled.generate({ format: 'es', inlineDynamicImports: true });
  await bundled.close();
  return new Set(output[0].moduleIds.filter((id) => id !== main));
}

async function writeTypes(dist) {
  for (const name of entries()) {
    writeFileSync(join(dist, `${name}.d.ts`), await typesBesideMain(dist, name, modules[name]));
  }
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
 * A subpath has what its module and the main entry both export, taken from the main entry: a class that was there twice
 * would be two classes and, with private fields, two types that do not fit. The interfaces of other libraries' clients,
 * which the main entry does not export, it has as well.
 */
async function writeReExports(dist) {
  const { default: ts } = await import('typescript');
  const pathOf = (name) => `src/backends/${name}`;
  const declarations = (path) => join(dist, `${path}.d.ts`);
  const missing = reExports().filter((name) => !existsSync(declarations(pathOf(name))));
  if (missing.length > 0) throw new Error(`package.json exports what has no source: ${missing.join(', ')}`);
  const program = ts.createProgram(['index', ...reExports().map(pathOf)].map(declarations), {
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
  for (const subpath of reExports()) {
    const shared = exportsOf(pathOf(subpath)).filter(({ name }) => main.has(name));
    const write = (extension, symbols, from) => {
      const names = symbols.map(({ name }) => name).sort();
      if (names.length === 0) throw new Error(`${pathOf(subpath)} exports nothing that index.ts exports`);
      writeFileSync(join(dist, subpath + extension), `export { ${names.join(', ')} } from '${from}';\n`);
    };
    write('.js', shared.filter(isValue), './index.js');
    write('.d.ts', shared, '../index.js');
    const own = exportsOf(pathOf(subpath)).filter((symbol) => !main.has(symbol.name) && !isValue(symbol));
    if (own.length === 0) continue;
    const listed = join(dist, `${subpath}-types`);
    writeFileSync(
      `${listed}.d.ts`,
      `export type { ${own.map(({ name }) => name).join(', ')} } from './${pathOf(subpath)}.js';\n`,
    );
    appendFileSync(declarations(subpath), await typesBesideMain(dist, subpath, `${subpath}-types`));
    rmSync(`${listed}.d.ts`);
  }
}
