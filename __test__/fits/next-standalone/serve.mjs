// As in a container: the standalone folder alone, far from the modules that it was built of.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const away = mkdtempSync(join(tmpdir(), 'cachekit-native-standalone-'));
cpSync('.next/standalone', away, { recursive: true });
renameSync('node_modules', 'elsewhere');
const env = { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1' };
const server = spawn(process.execPath, ['server.js'], { cwd: away, env, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  await new Promise((resolve, reject) => {
    server.stdout.on('data', (text) => /Ready/.test(text) && resolve());
    server.once('exit', () => reject(new Error('server.js ended')));
  });
  const answers = [];
  for (let i = 0; i < 2; i++) answers.push(await (await fetch(`http://127.0.0.1:${port}/api/patient`)).json());
  const expected = { id: 7, name: 'Ada Lovelace', calls: 1, born: Date.UTC(1815, 11, 10), status: 'hit' };
  for (const answer of answers) {
    if (JSON.stringify(answer) !== JSON.stringify(expected)) throw new Error(JSON.stringify(answer));
  }
} finally {
  server.kill();
  renameSync('elsewhere', 'node_modules');
  rmSync(away, { recursive: true });
}
