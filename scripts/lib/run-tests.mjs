import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { root } from './project.mjs';

/** Runs a test program; `reader` (tap.mjs) sees each line of its stdout, and answers what it has counted. */
export async function runTests(name, command, args, reader, { echo, env = process.env } = {}) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    echo?.(line);
    reader.line(line);
  }
  const code = await exit;
  const results = reader.results();
  if (code !== 0 && results.failed === 0) {
    results.failed = 1;
    const ran = results.passed + results.skipped > 0;
    results.failures.push(`${name} ended with exit code ${code}${ran ? '' : ' and ran no test'}`);
  }
  return results;
}
