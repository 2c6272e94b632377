import type { Redis } from 'ioredis';

/** How often the server ran each command since the last time. */
export async function commandsOf(client: Redis): Promise<(name: string) => number> {
  const counts = new Map(
    [...(await client.info('commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => [
      name as string,
      Number(calls),
    ]),
  );
  await client.config('RESETSTAT');
  return (name) => counts.get(name) ?? 0;
}
