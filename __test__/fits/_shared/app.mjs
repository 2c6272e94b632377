// What the tests of frameworks need: a Redis server that can be stopped, and the example as a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';

const READ = {
  string: (key) => ['GET', key],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1'],
  hash: (key) => ['HGETALL', key],
};

/** A Redis server of its own; `start()` again after `stop()` is the same port with nothing in it. */
export async function redisServer() {
  const port = await freePort();
  let child;
  const server = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
      child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
      process.once('exit', () => child.kill());
      await printed(child, /Ready to accept/);
    },
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
    /** All that it holds, keys and values, as one text, and how many keys there are. */
    async content() {
      const client = new Redis(server.url);
      const parts = [];
      const keys = await client.keys('*');
      for (const key of keys) {
        const type = await client.type(key);
        if (type === 'none') continue;
        if (!(type in READ)) throw new Error(`cannot read ${key}, a ${type}`);
        parts.push(key, String(await client.callBuffer(...READ[type](key))));
      }
      await client.quit();
      return { keys, text: parts.join('\n') };
    },
    /** @param secrets what must be neither in a key nor in a value, as it is or in base64. */
    async assertSealed(least, ...secrets) {
      const { keys, text } = await server.content();
      assert.ok(keys.length >= least, `expected ${least} keys, and there are ${keys}`);
      for (const secret of secrets) {
        assert.ok(!text.includes(secret), `Redis holds ${secret}`);
        assert.ok(!text.includes(Buffer.from(secret).toString('base64').replace(/=*$/, '').slice(0, -1)), secret);
      }
    },
  };
  await server.start();
  return server;
}

/** Runs a program that prints `listening on URL`, and that ends by itself after SIGTERM. */
export async function startApp(args, env, listening = /listening on (http:\S+)/) {
  const child = spawn(process.execPath, [].concat(args), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const [, url] = await printed(child, listening);
  return {
    url,
    kill,
    async stop() {
      child.kill('SIGTERM');
      const ended = await Promise.race([
        once(child, 'exit'),
        new Promise((resolve) => setTimeout(resolve, 20_000, ['still running']).unref()),
      ]);
      process.removeListener('exit', kill);
      assert.deepEqual(ended, [0, null], 'the program does not end by itself');
    },
  };
}

/** Until a condition holds, or for 20 s. */
export async function until(what, condition) {
  for (const end = Date.now() + 20_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const expected = async () => {
  const { readFileSync } = await import('node:fs');
  console.log(JSON.parse(readFileSync('package.json', 'utf8')).expected);
  process.exit(0);
};

function printed(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match) resolve(match);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it printed ${pattern}:\n${text}`)));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
