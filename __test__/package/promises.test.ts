import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import test from 'ava';

/*
 * docs/security.md names the tests that back its promises, as `file`: "title", "title" or, of Rust, `file`: `name`, `name`.
 */

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The titles of a file of tests; what differs from test to test is `…`. */
function titlesIn(path: string): string[] {
  const source = read(path);
  if (path.endsWith('.rs')) return [...source.matchAll(/^ *fn (\w+)\(/gm)].map(([, name]) => name as string);
  return [...source.matchAll(/\btest(?:\.\w+)?\(\s*(['"`])(.+?)\1,/g)].map(([, , title]) =>
    (title as string).replace(/\$\{[^}]*\}/g, '…'),
  );
}

function citationsIn(document: string): { path: string; title: string | undefined }[] {
  return [
    ...document.matchAll(/`((?:__test__|src-rs)\/[^`]+\.(?:ts|rs))`((?::|,)(?:,? (?:"[^"]+"|`\w+`))+)?/g),
  ].flatMap(([, path, titles]) => {
    const named = [...(titles ?? '').matchAll(/"([^"]+)"|`(\w+)`/g)].map(([, title, name]) => title ?? name);
    return (named.length > 0 ? named : [undefined]).map((title) => ({ path: path as string, title }));
  });
}

test('each test that docs/security.md names is there', (t) => {
  const citations = citationsIn(read('docs/security.md'));
  t.true(citations.length > 60);
  t.deepEqual(
    citations.filter(({ path, title }) => !existsSync(join(root, path)) || !titlesIn(path).includes(title as string)),
    [],
  );
});

test('each promise of docs/security.md names a test', (t) => {
  const promises = read('docs/security.md').split('\n## Promises\n')[1]?.split('\n## ')[0] ?? '';
  const rows = promises.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:promise \||-)/.test(line));
  t.true(rows.length > 20);
  t.deepEqual(
    rows.filter((row) => !citationsIn(row).some(({ title }) => title !== undefined)),
    [],
  );
});

test('each file and section that the documents link to is there', (t) => {
  const folder = (name: string) => readdirSync(join(root, name), { encoding: 'utf8' }).map((file) => join(name, file));
  const documents = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...folder('docs'), ...folder('docs/decisions')];
  const anchorsIn = (path: string) =>
    [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      (title as string)
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
  const links = documents
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link]) => link as string)
        .filter((link) => !/^https?:/.test(link))
        .map((link) => ({ path, link })),
    );
  t.true(links.length > 60);
  const broken = links.filter(({ path, link }) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsIn(target).includes(anchor);
  });
  t.deepEqual(broken, []);
});
