import { readFileSync, realpathSync } from 'node:fs';
import test from 'ava';
import '../../index.js';

/** A crate is known by the paths of its sources, which its panics would name. */
const libraries = { ring: /[/\\]ring-\d/, 'aws-lc-rs': /[/\\]aws-lc-rs-\d/ };

test('the addon that is loaded has one library for its cryptography: ring, or AWS-LC where that build was asked for', (t) => {
  const report = process.report?.getReport() as { sharedObjects: string[] } | undefined;
  const addons = (report?.sharedObjects ?? []).filter((path) => /cachekit-native[^/\\]*\.node$/.test(path));
  t.is(addons.length, 1);
  const [addon] = addons as [string];
  const asked = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  if (asked !== undefined) t.is(realpathSync(addon), realpathSync(asked));
  const text = readFileSync(addon, 'latin1');
  const found = Object.entries(libraries).filter(([, source]) => source.test(text));
  t.deepEqual(
    found.map(([name]) => name),
    [asked?.includes('aws-lc') ? 'aws-lc-rs' : 'ring'],
  );
});
