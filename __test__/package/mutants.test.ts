import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';

interface Mutant {
  name: string;
  file: string;
  from: string;
  to: string;
  test: string | { file: string; title: string };
}

interface MutantsModule {
  mutants: readonly Mutant[];
}

const load = async () =>
  (await import(new URL('../../scripts/mutants/index.mjs', import.meta.url).href)) as MutantsModule;

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const textOf = (path: string) => readFileSync(at(path), 'utf8');

test('every mutant still fits its file, has a name of its own, and its test is there', async (t) => {
  const { mutants: list } = await load();
  t.true(list.length >= 40);
  t.is(new Set(list.map(({ name }) => name)).size, list.length);
  for (const { name, file, from, to, test: killer } of list) {
    t.is(textOf(file).split(from).length, 2, `${name}: what it replaces`);
    t.not(from, to, name);
    if (typeof killer !== 'string') {
      t.true(existsSync(at(killer.file)), `${name}: ${killer.file}`);
      continue;
    }
    const [, module, title] = /^tests::(\w+)::(\w+)$/.exec(killer) ?? [];
    t.true(textOf(`src-rs/tests/${module}.rs`).includes(`fn ${title}(`), `${name}: ${killer}`);
  }
});
