import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import test from 'ava';

/*
 * The layout of src/: what may import what. docs/architecture.md has the same as a table.
 */

/** The folders, lowest first: each imports those before it, and no other. `cache/engine` is a folder of its own. */
const LAYERS = [
  'errors.ts',
  'util',
  'native',
  'protocol',
  'serializers',
  'keys',
  'providers',
  'codec',
  'backends',
  'integrations',
  'cache/engine',
  'cache',
  'observability',
  'frameworks',
  'testing',
  'cli',
];
/** Of those, folders that know nothing of what lies below them but these. */
const NARROW: Record<string, readonly string[]> = {
  serializers: ['errors.ts', 'util', 'native', 'protocol'],
  providers: ['errors.ts', 'util', 'protocol', 'keys'],
  backends: ['errors.ts', 'util', 'native'],
  observability: ['errors.ts', 'util'],
  frameworks: ['errors.ts', 'util'],
};

const root = resolve(import.meta.dirname, '../../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.split(sep).join('/'));

const layerOf = (file: string): string =>
  file.startsWith('cache/engine/') ? 'cache/engine' : (file.split('/')[0] as string);

function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  // Not what a comment shows to users.
  const code = source.replace(/^\s*(\*|\/\/|\/\*).*$/gm, '');
  return [...code.matchAll(/(?:from|import\() ?'(\.[^']+)\.js'/g)].map(([, path]) =>
    relative(root, resolve(root, dirname(file), `${path}.ts`))
      .split(sep)
      .join('/'),
  );
}

const arrows = files.flatMap((from) => importsOf(from).map((to) => ({ from, to })));

test('each import is of a file that is there', (t) => {
  t.true(arrows.length > 800);
  t.deepEqual(
    arrows.filter(({ to }) => !files.includes(to) && to !== '../index.ts'),
    [],
  );
});

test('each folder has its place, and one file lies beside them', (t) => {
  t.deepEqual([...new Set(files.map(layerOf))].sort(), [...LAYERS].sort());
});

test('no import goes up, and none past what a folder is to know', (t) => {
  const wrong = arrows.filter(({ from, to }) => {
    if (to === '../index.ts') return !['testing', 'observability', 'frameworks', 'cli'].includes(layerOf(from));
    const [above, below] = [layerOf(from), layerOf(to)];
    if (above === below) return false;
    return !(NARROW[above] ?? LAYERS.slice(0, LAYERS.indexOf(above))).includes(below);
  });
  t.deepEqual(wrong, []);
});

test('the folder of a backend or a format is entered by the file of its name alone', (t) => {
  const wrong = arrows.filter(({ from, to }) => {
    const folder = /^((?:backends|serializers)\/\w+)\//.exec(to)?.[1];
    return folder !== undefined && from !== `${folder}.ts` && !from.startsWith(`${folder}/`);
  });
  t.deepEqual(wrong, []);
});

test('no files import each other in a circle', (t) => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' > '));
    if (way.includes(file) || done.has(file)) return;
    for (const { from, to } of arrows) if (from === file) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  t.deepEqual(circles, []);
});

test('no file is longer than 300 lines', (t) => {
  const rust = resolve(root, '../src-rs');
  const all = [root, rust].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|rs)$/.test(name))
      .map((name) => join(folder, name)),
  );
  t.true(all.length > 250);
  t.deepEqual(
    all.filter((path) => readFileSync(path, 'utf8').trimEnd().split('\n').length > 300),
    [],
  );
});
