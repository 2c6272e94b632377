import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'ava';

/* The packages beside the main one, which are built apart from it: npm run fuzz, npm run test:constant-time. */

const root = resolve(import.meta.dirname, '../..');
const load = (name: string) => import(new URL(`../../scripts/lib/${name}.mjs`, import.meta.url).href);

/** `name version` of all packages in a lockfile. */
function locked(folder: string): string[] {
  const text = readFileSync(join(root, folder, 'Cargo.lock'), 'utf8');
  return [...text.matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm)].map(([, name, version]) => `${name} ${version}`);
}

for (const folder of ['fuzz', 'constant-time']) {
  test(`${folder}/ runs what is published: the package with its own versions of all crates`, (t) => {
    const versions = new Set(locked(folder));
    const manifest = readFileSync(join(root, 'Cargo.toml'), 'utf8').split(/^(?=\[)/m);
    const dependencies = manifest.find((section) => section.startsWith('[dependencies]')) ?? '';
    // An optional one is in no build of theirs.
    const direct = [...dependencies.matchAll(/^([\w-]+) = (?!.*optional = true)/gm)];
    const own = locked('.').filter((entry) => direct.some(([, name]) => entry.startsWith(`${name} `)));
    t.true(own.length > 8);
    t.deepEqual(
      own.filter((entry) => !versions.has(entry)),
      [],
    );
  });
}

test('the committed corpus of each fuzz target is what the test vectors make', async (t) => {
  const { seeds, corpusOf } = await load('fuzz-seeds');
  const { targetNames } = await load('fuzzing');
  const expected = (await seeds()) as Record<string, Record<string, Buffer>>;
  t.deepEqual(Object.keys(expected), targetNames());
  t.is(Object.keys(expected).length, 6);
  for (const [target, inputs] of Object.entries(expected)) {
    const folder = corpusOf(target) as string;
    t.deepEqual(readdirSync(folder).sort(), Object.keys(inputs).sort(), 'npm run fuzz -- --seeds writes them');
    for (const [name, bytes] of Object.entries(inputs)) t.deepEqual(readFileSync(join(folder, name)), bytes, name);
  }
});
