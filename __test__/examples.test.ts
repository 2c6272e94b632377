import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { KMS_KEY_ID, startKms } from './support/kms-server.js';
import { hasRedis, type RedisServer, startRedis } from './support/redis-server.js';
import { startVault, VAULT_KEY, VAULT_TOKEN } from './support/vault-server.js';

/* Each example checks itself, runs on the built package, and ends by itself. */

const root = fileURLToPath(new URL('..', import.meta.url));
const python = fileURLToPath(
  new URL(process.platform === 'win32' ? '../.venv/Scripts/python.exe' : '../.venv/bin/python', import.meta.url),
);

let redis: RedisServer | undefined;
test.before(async () => {
  if (hasRedis) redis = await startRedis();
});
test.after.always(async () => {
  await redis?.stop();
});

function run(name: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; output: string }> {
  const { CACHEKIT_MASTER_KEY: _, REDIS_URL: __, ...rest } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}`], {
      cwd: root,
      env: { ...rest, ...env },
      timeout: 120_000,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

function missing(t: ExecutionContext, reason: string): void {
  if (process.env.CI === 'true') t.fail(reason);
  else {
    t.log(`skipped: ${reason}`);
    t.pass();
  }
}

for (const name of ['sessions-fastify.ts', 'multi-tenant-api.ts', 'dataframe-worker.mjs', 'keyv-user.ts']) {
  test.serial(`the example ${name} runs as it is`, async (t) => {
    const { code, output } = await run(name);
    t.is(code, 0, output);
  });
}

for (const name of ['sessions-fastify.ts', 'multi-tenant-api.ts']) {
  test.serial(`the example ${name} runs with Redis`, async (t) => {
    if (redis === undefined) return missing(t, 'redis-server is not installed');
    const { code, output } = await run(name, { REDIS_URL: redis.url });
    t.is(code, 0, output);
  });
}

test.serial('the example node-and-python runs with Redis and cachekit for Python', async (t) => {
  if (redis === undefined) return missing(t, 'redis-server is not installed');
  if (!existsSync(python))
    return missing(t, 'the Python peer is not installed (node scripts/peer-venv.mjs installs it)');
  const { code, output } = await run('node-and-python.ts', { REDIS_URL: redis.url, PYTHON: python });
  t.is(code, 0, output);
  t.regex(output, /Python opened what Node had stored/);
  t.regex(output, /Node opened what Python had stored/);
});

test.serial('the example keys-aws-kms.ts runs with a stand-in for AWS KMS', async (t) => {
  const kms = await startKms();
  t.teardown(() => kms.stop());
  const { code, output } = await run('keys-aws-kms.ts', {
    KMS_KEY_ID,
    AWS_ENDPOINT_URL_KMS: kms.url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'not a secret',
  });
  t.is(code, 0, output);
  t.regex(output, /rotated to [0-9a-f]{32} and what was stored still opens/);
  t.true(kms.seen.some(({ headers }) => headers['x-amz-target'] === 'TrentService.Decrypt'));
});

test.serial('the example keys-vault.ts runs with a stand-in for Vault', async (t) => {
  const vault = await startVault();
  t.teardown(() => vault.stop());
  const env = { VAULT_ADDR: vault.url, VAULT_TOKEN, VAULT_TRANSIT_KEY: VAULT_KEY };
  const { code, output } = await run('keys-vault.ts', env);
  t.is(code, 0, output);
  t.regex(output, /rotated to [0-9a-f]{32} and what was stored still opens/);
  t.true(vault.seen.some(({ path }) => path === `/v1/transit/decrypt/${VAULT_KEY}`));
});
