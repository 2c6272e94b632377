import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { at } from './project.mjs';

// The tools are imported inside the functions: the scripts must start before the Node modules are installed.

/** A bundle of TypeScript sources, by rollup. `virtual`: the text of modules that are no files, by name. */
export async function bundleOf(input, { virtual = {}, commonjs = false } = {}) {
  const { rollup } = await import('rollup');
  return rollup({
    input,
    external: /^(?![./]|[A-Za-z]:)/,
    plugins: [await typescript({ virtual, commonjs })],
    onwarn(warning) {
      // The core loads the parts that are loaded on demand, which use the core.
      if (warning.code === 'CIRCULAR_CHUNK' && commonjs) return;
      throw new Error(`bundling: ${warning.message}`);
    },
  });
}

/** The source files behind an entry, those included that it imports only when it needs them. */
export async function filesBehind(entry) {
  const bundled = await bundleOf(entry);
  const { output } = await bundled.generate({ format: 'es', inlineDynamicImports: true });
  await bundled.close();
  return new Set(output[0].moduleIds);
}

/** Where the sources of a published file are, in its source map: beside dist/, as in the repository. */
export function sourcePaths(folder) {
  return (path, map) => relative(at(folder), resolve(dirname(map), path)).replaceAll('\\', '/');
}

async function typescript({ virtual, commonjs }) {
  const { transform } = await import('esbuild');
  return {
    name: 'typescript',
    resolveId(source, importer) {
      if (source in virtual) return source;
      if (!importer || !source.startsWith('.')) return null;
      const file = join(dirname(importer), source.replace(/\.js$/, '.ts'));
      return existsSync(file) ? file : null;
    },
    load: (id) => virtual[id] ?? readFileSync(id, 'utf8'),
    // Without comments, which are two fifths of the bytes: what a user reads stands in the declarations and the sources.
    async transform(code, id) {
      if (id in virtual) return null;
      const { code: output, map } = await transform(code, {
        loader: 'ts',
        target: 'es2022',
        sourcemap: true,
        sourcefile: id,
        tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
      });
      return { code: output, map };
    },
    resolveImportMeta(property) {
      // In a bundle there is no such thing, and some bundlers refuse to build with it: what it returns is asked for in vain.
      if (!commonjs) return property === 'resolve' ? 'undefined' : null;
      // A bundle of modules has no `__filename`.
      if (property === 'url') {
        return "(typeof __filename === 'undefined' ? undefined : require('node:url').pathToFileURL(__filename).href)";
      }
      // Node has no other way to ask what `import` would find. Where modules cannot be required (Jest), it fails.
      if (property === 'resolve') return "require('./import-resolve.mjs').resolve";
      throw new Error(`import.meta.${property} has no counterpart in CommonJS`);
    },
  };
}
