import test from 'ava';
import { runNode, supportFile } from '../support/child.js';
import { testSeed } from '../support/random.js';

test('100 workers terminated in the middle of sealing and opening do not end the process', async (t) => {
  const seed = testSeed();
  t.log(`seed ${seed}`);
  const { code, signal, stdout, stderr } = await runNode(supportFile('worker-terminator.ts'), [String(seed), '100']);
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  t.is(Number(stdout), 100);
});

test('a process may end while async seals are pending', async (t) => {
  const { code, signal, stderr } = await runNode(supportFile('pending-exit.ts'), []);
  t.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
});
