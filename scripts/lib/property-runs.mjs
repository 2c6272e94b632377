import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { filesOf } from './fresh.mjs';
import { root, say, tool } from './project.mjs';

/** Fewer mean that a test no longer says how often it ran. */
export const leastProperties = 30;

/** The tests with properties: those that import the helper by which every property is checked. */
const testFiles = () =>
  filesOf(['__test__']).filter(
    (file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes("/support/properties.js'"),
  );

/** Runs each property of the TypeScript tests that often, and says what each logs. Answers how often each ran, and ava's exit code. */
export async function runProperties(runs) {
  const executed = [];
  let title = '';
  const options = ['--tap', '--timeout=24h'];
  const child = spawn(process.execPath, [tool('ava/entrypoints/cli.mjs'), ...options, ...testFiles()], {
    cwd: root,
    env: { ...process.env, CACHEKIT_PROPERTY_RUNS: String(runs) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  let failing = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const test = /^(not )?ok \d+ - (.*)$/.exec(line);
    if (test) {
      failing = test[1] !== undefined;
      title = test[2];
    }
    const property = /^# {3}property: (\d+) runs$/.exec(line);
    if (property) {
      say(`${property[1].padStart(9)} runs   ${title}`);
      executed.push(Number(property[1]));
    }
    if (failing) say(line);
  }
  return { executed, code: await exit };
}
