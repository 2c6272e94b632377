import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compactLines } from './compact-lines.mjs';
import { writeEntryTypes } from './entry-types.mjs';
import { lazyRequires } from './lazy-requires.mjs';
import { platforms } from './pack.mjs';
import { at, packageJson } from './project.mjs';
import { bundleOf, filesBehind, sourcePaths } from './sources.mjs';

const FRAMEWORKS = ['apollo', 'fastify', 'hono', 'nest', 'next', 'session', 'unstorage'];
/** The published files with code that the main entry does not have, and the source of each, without its extension. */
const SOURCES = {
  protocol: 'src/protocol/index',
  providers: 'src/providers/index',
  testing: 'src/testing/index',
  opentelemetry: 'src/observability/opentelemetry',
  prometheus: 'src/observability/prometheus',
  ...Object.fromEntries(FRAMEWORKS.map((name) => [name, `src/frameworks/${name}`])),
};
const PROGRAM = { cli: 'src/cli/main' };

/**
 * What is evaluated when the package is imported: fronts, whose insides are loaded when something of them is first used. Reading and
 * compiling those would be three quarters of an import.
 */
const CORE = {
  name: 'at-once-core',
  sources: [
    'src/errors.ts',
    'src/util/',
    'src/native/',
    ...['arguments', 'file', 'guarantees', 'http', 'keyv', 'lmdb', 'memory', 'redis', 'redis/redis-bus'].map(
      (name) => `src/backends/${name}.ts`,
    ),
    ...['cache', 'cached-method', 'create', 'load-result'].map((name) => `src/cache/${name}.ts`),
    'src/codec/encryption-wrapper.ts',
    'src/integrations/encrypted-driver.ts',
    'src/integrations/encrypted-store.ts',
    'src/keys/keyring.ts',
    'src/keys/sealer.ts',
    'src/protocol/temporal.ts',
    ...['arrow', 'interop', 'json', 'standard'].map((name) => `src/serializers/${name}.ts`),
  ],
};
/** Of that, what shows a header: in a file of its own, since the core loads the native addon, which there may not be. */
const HEADERS = { name: 'at-once-headers', source: 'src/codec/inspect.ts' };
/** What one use needs and another does not, by where its sources are. The others are the engine. */
const ON_DEMAND = {
  redis: 'src/backends/redis/',
  http: 'src/backends/http/',
  lmdb: 'src/backends/lmdb/',
  file: 'src/backends/file/',
  keyv: 'src/backends/keyv/',
  arrow: 'src/serializers/arrow/',
  rewrap: 'src/cache/rewrap/',
  engine: 'src/',
};

/** The names of the entries beside the main one: `cachekit-native/redis` and so on. */
const subpaths = () =>
  Object.keys(packageJson().exports)
    .filter((entry) => entry !== '.' && entry !== './package.json')
    .map((entry) => entry.slice('./'.length));

/**
 * Makes what is published, in a folder where tsc has written the declarations:
 *
 * - `cjs/`: the code, in CommonJS. `import` and `require()` of any tool come to it, so that a process has one clock, one class of
 *   each name and one set of tables;
 * - `NAME.js`: what `import` finds, the exports of `cjs/NAME.cjs`;
 * - `esm/`: the same code as ECMAScript modules, for bundlers alone (the condition `module`): a bundle of such modules cannot
 *   `require` what is Node's own.
 */
export async function bundle(dist) {
  const parts = Object.fromEntries(
    subpaths()
      .filter((name) => !(name in SOURCES))
      .map((name) => [name, `src/backends/${name}`]),
  );
  const values = await writeEntryTypes(dist, SOURCES, parts);
  const virtual = Object.fromEntries(
    Object.entries(values).map(([name, names]) => [
      `part:${name}`,
      `export { ${names.join(', ')} } from '${at('index.ts')}';`,
    ]),
  );
  const entries = { index: at('index.ts'), ...virtualEntries(parts), ...sourceEntries(SOURCES) };
  const chunkOf = await chunks(entries.index);
  await write(dist, 'esm', entries, { virtual, chunkOf: (id) => (chunkOf(id) === undefined ? undefined : CORE.name) });
  const written = await write(dist, 'cjs', { ...entries, ...sourceEntries(PROGRAM) }, { virtual, chunkOf });
  for (const { name, isEntry, exports } of written.filter(({ type }) => type === 'chunk')) {
    if (isEntry) writeImported(dist, name, exports);
  }
  writeFileSync(join(dist, 'cjs', FILES.traced), tracedText());
  writeFileSync(
    join(dist, 'cjs', 'import-resolve.mjs'),
    'export const resolve = (name) => import.meta.resolve(name);\n',
  );
}

const sourceEntries = (sources) =>
  Object.fromEntries(Object.entries(sources).map(([name, path]) => [name, at(`${path}.ts`)]));
const virtualEntries = (parts) => Object.fromEntries(Object.keys(parts).map((name) => [name, `part:${name}`]));

async function write(dist, format, input, { virtual, chunkOf }) {
  const commonjs = format === 'cjs';
  const extension = commonjs ? 'cjs' : 'js';
  const bundled = await bundleOf(input, { virtual, commonjs });
  const { output } = await bundled.write({
    dir: join(dist, format),
    format: commonjs ? 'cjs' : 'es',
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `[name].${extension}`,
    hoistTransitiveImports: false,
    interop: 'default',
    sourcemap: true,
    sourcemapExcludeSources: true,
    sourcemapPathTransform: sourcePaths(join('dist', format)),
    manualChunks: chunkOf,
    plugins: [...(commonjs ? [lazyRequires(FILES)] : []), compactLines()],
  });
  await bundled.close();
  return output;
}

const onDemand = (name) => `on-demand-${name}`;
const FILES = {
  core: `${CORE.name}.cjs`,
  headers: `${HEADERS.name}.cjs`,
  parts: Object.keys(ON_DEMAND).map((name) => `${onDemand(name)}.cjs`),
  traced: 'traced.cjs',
};

/** What is looked up when the program runs, and so nowhere else named as a tool sees it. */
const LOOKED_UP = ['ioredis', 'redis', 'lmdb', 'apache-arrow', '@bokuweb/zstd-wasm'];

/** A file that is never run: those who copy what a program needs (file traces of Next.js, Vercel) follow its paths. */
function tracedText() {
  const names = [...platforms().map((platform) => `cachekit-native-${platform}`), ...LOOKED_UP];
  return names.map((name) => `try {\n\trequire('${name}');\n} catch {}\n`).join('');
}

/** Which file the code of a source is published in; of those that the main entry does not need, rollup decides. */
async function chunks(main) {
  const needed = await filesBehind(main);
  needed.delete(main);
  const headers = await filesBehind(at(HEADERS.source));
  return (id) => {
    if (headers.has(id)) return HEADERS.name;
    if (!needed.has(id)) return undefined;
    if (CORE.sources.some((path) => id.startsWith(at(path)))) return CORE.name;
    const [name] = Object.entries(ON_DEMAND).find(([, folder]) => id.startsWith(at(folder)));
    return onDemand(name);
  };
}

/**
 * What `import` finds. By way of a file that does not throw: where a module imports one in CommonJS that throws, as ours does
 * without an addon, Node 20 ends the process even when the program catches the error.
 */
function writeImported(dist, name, exports) {
  const caught = `try {\n\tmodule.exports = require('./${name}.cjs');\n} catch (error) {\n\texports.failure = error;\n}\n`;
  writeFileSync(join(dist, 'cjs', `${name}.import.cjs`), caught);
  const names = exports
    .sort()
    .map((exported) => `\t${exported},\n`)
    .join('');
  const text = `import loaded from './cjs/${name}.import.cjs';\n\nif (loaded.failure) throw loaded.failure;\nexport const {\n${names}} = loaded;\n`;
  writeFileSync(
    join(dist, `${name}.js`),
    name in PROGRAM ? `#!/usr/bin/env node\nimport './cjs/${name}.cjs';\n` : text,
  );
}
