import test from 'ava';

interface Reader {
  line(line: string): void;
  results(): { passed: number; failed: number; skipped: number; failures: string[] };
}
interface TapModule {
  tapReader(print: (line: string) => void): Reader;
  cargoReader(): Reader;
}

const load = async () => (await import(new URL('../../scripts/lib/tap.mjs', import.meta.url).href)) as TapModule;

const tap = `TAP version 13
ok 1 - keyring › a test that was skipped # SKIP
not ok 2 - to be written # TODO
ok 3 - a test with a log
#   seed 17
ok 4 - a test that found no Redis
#   skipped: redis-server is not on PATH
not ok 5 - a test that failed
#   a log
  ---
    name: AssertionError
    values:
      'Difference': |-
        ok 6 - not a test
  ...
not ok 6 - __test__/x.test.ts exited with a non-zero exit code: 1

1..6
# tests 5
# pass 1
`;

test('the counts of npm test are those of the TAP lines', async (t) => {
  const printed: string[] = [];
  const reader = (await load()).tapReader((line) => printed.push(line));
  for (const line of tap.split('\n')) reader.line(line);
  t.deepEqual(reader.results(), {
    passed: 1,
    failed: 2,
    skipped: 3,
    failures: ['a test that failed', '__test__/x.test.ts exited with a non-zero exit code: 1'],
  });
  t.true(printed.some((line) => line.includes('a test that found no Redis') && line.includes('not on PATH')));
  t.true(printed.some((line) => line.includes('AssertionError')));
  t.true(printed.some((line) => line.includes('seed 17')));
});

test('the counts of npm test add up the result lines of cargo', async (t) => {
  const reader = (await load()).cargoReader();
  for (const line of [
    'test nonce::tests::the_edge ... FAILED',
    'test result: FAILED. 11 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.02s',
    'test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s',
  ]) {
    reader.line(line);
  }
  t.deepEqual(reader.results(), { passed: 15, failed: 1, skipped: 2, failures: ['nonce::tests::the_edge'] });
});
