import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { requireRedis } from './support/redis-server.js';

const run = promisify(execFile);
const readme = readFileSync('README.md', 'utf8');
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string);
// Inside the project, so that `cachekit-native` is this package.
const folder = join('.build', 'readme');

/** What a block prints, as a line each. */
async function printed(name: string, source: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  // Connections that a block leaves open would keep the process from ending.
  writeFileSync(file, `${source}\nprocess.exit(0);\n`);
  try {
    const env = { ...process.env, CACHEKIT_MASTER_KEY: '5a'.repeat(32) };
    const { stdout, stderr } = await run(process.execPath, ['--import=tsx', file], {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (stderr !== '') throw new Error(`the block wrote to stderr: ${stderr}`);
    return stdout.trim().split('\n');
  } finally {
    rmSync(file);
  }
}

const expected: Record<number, RegExp[]> = {
  0: [/Ada Lovelace/, /Ada Lovelace/],
  1: [/sk_live_1/, /'?hit'?/],
  2: [/^2$/],
  3: [/123-45-6789/, /hello/],
  4: [/current: 0/, /previous: 1/],
  5: [/user: 7 \} undefined/, /false$/],
  6: [/^1 '?hit'?$/],
  7: [/alice.*users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875/],
};

test('every block of code in the README has a test here', (t) => {
  t.is(blocks.length, Object.keys(expected).length);
});

for (const [index, source] of blocks.entries()) {
  test(`block ${index + 1} of the README runs and prints what it says`, async (t) => {
    let text = source;
    if (source.includes('redis://')) {
      const redis = await requireRedis(t);
      if (redis === undefined) return;
      text = source.replaceAll('redis://127.0.0.1:6379', redis.url);
    }
    const lines = (await printed(`block-${index + 1}`, text)).join('\n');
    for (const pattern of expected[index] ?? []) t.regex(lines.replaceAll(/\s*\n\s*/g, ' '), pattern);
  });
}
