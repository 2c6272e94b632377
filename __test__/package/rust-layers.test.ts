import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import test from 'ava';

/*
 * The layout of src-rs/: modules that know each other only one way, of which `binding` alone knows Node-API. A module is a
 * file; that a folder's `mod.rs` declares and re-exports its own files is no arrow.
 */

const root = resolve(import.meta.dirname, '../../src-rs');
const sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(sep).join('/'))
    .filter((name) => name.endsWith('.rs') && !name.startsWith('tests/'))
    .map((name) => [
      name.replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::'),
      readFileSync(join(root, name), 'utf8').replace(/^\s*\/\/.*$/gm, ''),
    ]),
);

/** The module that a path like `super::call::Call` leads to from `module`. */
function moduleOf(module: string, path: string): string {
  const parts = path.split('::');
  const from = parts[0] === 'super' ? module.split('::').slice(0, -1) : [];
  const names = [...from, ...parts.slice(1)];
  while (names.length > 0 && !sources.has(names.join('::'))) names.pop();
  return names.join('::') || 'lib';
}

function pathsIn(source: string): string[] {
  return [...source.matchAll(/\b((?:crate|super)(?:::\w+)*)(?:::\{([^}]*)\})?/g)].flatMap(([, path, group]) =>
    group === undefined ? [path as string] : group.split(',').map((name) => `${path}::${name.trim()}`),
  );
}

const arrows = [...sources].flatMap(([from, source]) =>
  [...new Set(pathsIn(source).map((path) => moduleOf(from, path)))].filter((to) => to !== from).map((to) => [from, to]),
);

test('no modules know each other in a circle', (t) => {
  t.true(arrows.length > 60);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (module: string, way: readonly string[]): void => {
    if (way.includes(module)) circles.push([...way.slice(way.indexOf(module)), module].join(' > '));
    if (way.includes(module) || done.has(module)) return;
    for (const [from, to] of arrows) if (from === module) visit(to as string, [...way, module]);
    done.add(module);
  };
  for (const module of sources.keys()) visit(module, []);
  t.deepEqual(circles, []);
});

test('only the binding knows JavaScript, and nothing knows the binding', (t) => {
  const binding = (module: string) => module.split('::')[0] === 'binding';
  t.deepEqual(
    [...sources].filter(([module, source]) => !binding(module) && /\bnapi\b/.test(source)).map(([module]) => module),
    [],
  );
  t.deepEqual(
    arrows.filter(([from, to]) => !binding(from as string) && binding(to as string)),
    [],
  );
});

test('one module alone names the library that does the cryptography', (t) => {
  t.deepEqual(
    [...sources]
      .filter(([, source]) => /\b(?:ring|aws_lc_rs|getrandom)(?:::| as )/.test(source))
      .map(([module]) => module),
    ['crypto'],
  );
});
