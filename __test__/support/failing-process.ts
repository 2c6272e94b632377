import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { cache } from '../../index.js';

// A process with one cached function under a lock, whose service is down from the second line on. It prints how many runs it
// had, how many ran at once in all processes at most, and the answers that were no stale value.
const [, , url = '', windows = '{}', callMs = '1000'] = process.argv;
const client = await createClient({ url }).connect();
let down = false;
let runs = 0;
let most = 0;
const price = cache({
  namespace: 'n',
  operation: 'failing',
  backend: url,
  lock: true,
  ttl: '100ms',
  backoff: { first: '100ms', max: '100ms' },
  onError: () => {},
  ...JSON.parse(windows),
})(async () => {
  if (!down) return 'value';
  runs++;
  most = Math.max(most, await client.incr('running'));
  await pause(30);
  await client.decr('running');
  throw new Error('down');
});
await price();
process.stdout.write('ready\n');
await once(process.stdin, 'data');
down = true;
const answers = new Set<unknown>();
for (const last = Date.now() + Number(callMs); Date.now() < last; await pause(1)) answers.add(await price());
process.stdout.write(`${JSON.stringify({ runs, most, answers: [...answers] })}\n`);
process.exit(0);
