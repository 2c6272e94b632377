import { randomBytes } from 'node:crypto';
import { LmdbBackend } from '../../index.js';

/* A process that writes more than the system lets it, or one of many that begin at once. */
const [mode, directory = ''] = process.argv.slice(2);
const backend = new LmdbBackend({ directory, timeoutMs: 60_000 });

if (mode === 'fill') {
  const outcomes = { stored: 0, failed: 0, codes: [] as string[], messages: [] as string[] };
  for (let i = 0; i < 60; i++) {
    try {
      await backend.set(`k${i}`, randomBytes(100_000));
      outcomes.stored++;
    } catch (error) {
      outcomes.failed++;
      outcomes.codes.push(String((error as { code?: unknown }).code));
      outcomes.messages.push((error as Error).message);
    }
  }
  const first = await backend.get('k0');
  await backend.close();
  console.log(JSON.stringify({ ...outcomes, readable: first?.bytes.length }));
} else {
  console.log('ready');
  await new Promise((go) => process.stdin.once('data', go));
  const sets = Array.from({ length: 20 }, (_, i) => backend.set(`${process.pid}:${i}`, Buffer.from('x')));
  const settled = await Promise.allSettled(sets);
  const refused = settled.find((result) => result.status === 'rejected');
  const stored = settled.filter(({ status }) => status === 'fulfilled').length;
  console.log(refused === undefined ? stored : `${stored}, then ${refused.reason?.message}`);
  process.stdin.destroy();
  await backend.close();
}
