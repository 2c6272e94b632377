import test from 'ava';
import { until } from '../../src/testing/behaviour.js';
import { runNode } from '../support/child.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { certificates, terminate } from '../support/tls.js';

test('rediss+cluster checks the certificates of host names, which it sends', async (t) => {
  const made = certificates(t);
  if (!made) return;
  const cluster = await requireRedisCluster(t);
  if (!cluster) return;
  const ports = await Promise.all(cluster.nodes.map(({ port }) => terminate(t, port, made)));
  for (const [i, node] of cluster.nodes.entries()) {
    node.ask('config', 'set', 'cluster-announce-port', String(ports[i]));
    node.ask('config', 'set', 'cluster-announce-hostname', 'localhost');
    node.ask('config', 'set', 'cluster-preferred-endpoint-type', 'hostname');
  }
  const knows = (text: string) => ports.every((port) => text.includes(String(port)));
  await until(async () => cluster.nodes.every((node) => knows(node.ask('cluster', 'slots'))));
  for (const library of ['ioredis', 'redis']) {
    const args = [library, `rediss+cluster://localhost:${ports[0]}`];
    const script = new URL('../support/redis-tls-client.ts', import.meta.url).pathname;
    const trusted = await runNode(script, args, { env: { NODE_EXTRA_CA_CERTS: made.caPath } });
    t.is(String(trusted.stdout), 'stored and told\n', trusted.stderr);
    const untrusted = await runNode(script, args);
    t.regex(String(untrusted.stdout), /cannot be reached/);
  }
});
