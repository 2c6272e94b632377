import { setTimeout as pause } from 'node:timers/promises';
import { cache } from '../../index.js';

// A process with one cached function under a lock. It says when the function begins, and what its caller got.
const [, , url, loadMs = '0', lease = '1s', wait = '20s', limit] = process.argv;
const say = (line: string) => process.stdout.write(`${line}\n`);
const load = cache({
  namespace: 'n',
  operation: 'locked',
  backend: url as string,
  lock: { lease: lease as '1s', wait: wait as '20s' },
  ...(limit && { timeout: { load: limit as '1s' } }),
})(async (_id: number) => {
  say('running');
  await pause(Number(loadMs));
  return process.pid;
});
say(`got ${await load(1).catch(({ code }) => code)}`);
// It goes on as a server does.
if (limit) await pause(60_000);
process.exit(0);
