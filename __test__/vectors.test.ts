import { inspect } from 'node:util';
import test from 'ava';
import { aeadSections } from './support/vectors/aead.js';
import { boundsSections } from './support/vectors/bounds.js';
import { containerSections } from './support/vectors/containers.js';
import { envelopeSections } from './support/vectors/envelope.js';
import { frameSections } from './support/vectors/frame.js';
import { httpSections } from './support/vectors/http.js';
import { interopSections } from './support/vectors/interop.js';
import { keySections } from './support/vectors/keys.js';
import { negativeSections } from './support/vectors/negative.js';
import { type Exception, exceptions, listsIn, rowsOf, vectorFile } from './support/vectors/section.js';
import { valueSections } from './support/vectors/values.js';

const sections = [
  keySections,
  aeadSections,
  containerSections,
  envelopeSections,
  boundsSections,
  valueSections,
  frameSections,
  interopSections,
  negativeSections,
  httpSections,
].flat();

/** Rows in each file, as `__test__/vectors/README.md` says; encryption.json has the two keys of a keyring besides its 50. */
const rowsPerFile = {
  'cachekit-peer.json': 307,
  'cavp_aes256_gcm_iv96_tag128.json': 750,
  'rfc5869_hkdf_sha256.json': 3,
  'protocol/decode-bounds.json': 22,
  'protocol/encryption.json': 52,
  'protocol/file-backend.json': 12,
  'protocol/freshness-headers.json': 31,
  'protocol/interop-mode.json': 93,
  'protocol/path-encoding.json': 31,
  'protocol/python-frame.json': 31,
  'protocol/wire-format.json': 41,
};

const nameOf = (row: Record<string, unknown>, index: number) => (typeof row.name === 'string' ? row.name : index);
const exceptionsOf = (file: string, path: string, row: string | number): Exception[] =>
  exceptions().filter((e) => e.file === file && e.section === path && e.row === row);

for (const [file, count] of Object.entries(rowsPerFile)) {
  test(`all ${count} rows of ${file} belong to a section that a test drives`, (t) => {
    const lists = listsIn(vectorFile(file)).sort();
    t.deepEqual(
      sections
        .filter((s) => s.file === file)
        .map((s) => s.path)
        .sort(),
      lists,
    );
    t.is(
      lists.reduce((sum, path) => sum + rowsOf(file, path).length, 0),
      count,
    );
  });
}

test('every exception names a row and a reason, and there are as many as we know of', (t) => {
  const list = exceptions();
  t.is(list.length, 30);
  t.is(new Set(list.map((e) => `${e.file} ${e.section} ${e.row} ${e.entryPoint}`)).size, list.length);
  for (const { file, section, row, reason } of list) {
    t.true(
      rowsOf(file, section).some((r, index) => nameOf(r, index) === row),
      `${file} ${section} ${row}`,
    );
    t.true(reason.length > 20);
  }
});

for (const { file, path, checks, run } of sections) {
  const rows = rowsOf(file, path);
  test.serial(`${file}, ${path}: ${rows.length} rows, ${checks} checks`, async (t) => {
    let done = 0;
    for (const [index, row] of rows.entries()) {
      const name = nameOf(row, index);
      const excepted = exceptionsOf(file, path, name);
      if (excepted.some(({ entryPoint }) => entryPoint === undefined)) continue;
      const before = done;
      await run(row as never, async (entryPoint, check) => {
        const failure = await failureOf(check);
        if (excepted.some((e) => e.entryPoint === entryPoint)) {
          t.truthy(failure, `row ${name} through ${entryPoint} is no exception any more`);
          return;
        }
        if (failure !== undefined) throw new Error(`row ${name} through ${entryPoint}: ${inspect(failure)}`);
        done++;
      });
      t.true(done > before, `row ${name} ran through nothing`);
    }
    t.is(done, checks);
  });
}

async function failureOf(check: () => unknown): Promise<unknown> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error;
  }
}
