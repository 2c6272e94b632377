import { listOf, type RedisCommands } from './commands.js';

/** What a server, of a cluster one of them, says of itself, by its names for that: `{ redis_version: '7.2.4' }`. */
export async function serverInfo(
  commands: RedisCommands,
  section: string,
): Promise<Readonly<Record<string, string | undefined>>> {
  const [node] = await commands.nodes();
  const text = String(await node?.send(['info', section]));
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}

/** Milliseconds since 1970 by the clock of a server. */
export async function serverTime(commands: RedisCommands): Promise<number> {
  const [node] = await commands.nodes();
  const [seconds, micros] = listOf(await node?.send(['time']), 2);
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
