import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'ava';

const root = resolve(import.meta.dirname, '../..');

function sourcesIn(folder: string): { name: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|rs)$/.test(name))
    .map((name) => ({ name: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }));
}

test('each section of the protocol that a comment cites is there', (t) => {
  const document = readFileSync(join(root, 'docs/protocol.md'), 'utf8');
  const sections = new Set([...document.matchAll(/^##+ (.+)$/gm)].map(([, title]) => title));
  const citations = [...sourcesIn('src'), ...sourcesIn('src-rs')].flatMap(({ name, text }) =>
    [...text.matchAll(/docs\/protocol\.md(?:, "([^"]+)")?/g)].map(([, title]) => ({ name, title })),
  );
  t.true(citations.length > 25);
  t.deepEqual(
    citations.filter(({ title }) => title === undefined || !sections.has(title)),
    [],
  );
});

test('no comment cites a text that is not here', (t) => {
  const elsewhere = [...sourcesIn('src'), ...sourcesIn('src-rs')].flatMap(({ name, text }) =>
    [...text.matchAll(/(?:Source|Protocol): (?!docs\/protocol\.md)[^\n]*|PROTOCOL\.md/g)].map(
      ([citation]) => `${name}: ${citation}`,
    ),
  );
  t.deepEqual(elsewhere, []);
});
