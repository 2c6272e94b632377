import { Command, InvalidArgumentError, Option } from 'commander';
import { startCacheServer } from '../testing/server.js';
import { parseBytes } from './bytes-option.js';

interface ServeOptions {
  port: number;
  host: string;
  token?: string[];
  maxBytes: number;
  maxValueBytes: number;
}

export function serveCommand(): Command {
  return (
    new Command('serve')
      .description('Serve the CacheKit HTTP API from this process’s memory, for development and tests.')
      .option('--port <port>', 'port to listen on; 0 for any that is free', port, 8080)
      .option('--host <host>', 'address to listen on; one that other machines reach needs a token', '127.0.0.1')
      // No parser: commander would repeat a token that it refuses.
      .option('--token <token>', 'accepted API key, ck_live_…, ck_sdk_… or ck_api_… (repeatable)', collect)
      .addOption(
        new Option('--max-bytes <bytes>', 'bytes held in all').argParser(bytes).default(256 * 1024 ** 2, '256mb'),
      )
      .addOption(
        new Option('--max-value-bytes <bytes>', 'bytes of the largest value')
          .argParser(bytes)
          .default(25 * 1024 ** 2, '25mb'),
      )
      .addHelpText(
        'after',
        `
Sizes are bytes, or with a unit: 512kb, 256mb, 2gb.
Without a token any API key of the three kinds is accepted. CACHEKIT_SERVE_TOKENS holds tokens
too, separated by commas; unlike an option, nobody sees them in a list of processes.
It stops on SIGINT and SIGTERM. Nothing is kept when it stops.`,
      )
      .action(serve)
  );
}

async function serve({ token = [], port, host, maxBytes, maxValueBytes }: ServeOptions): Promise<void> {
  const listed = (process.env.CACHEKIT_SERVE_TOKENS ?? '').split(',').map((text) => text.trim());
  const tokens = [...token, ...listed.filter(Boolean)];
  const server = await startCacheServer({
    host,
    port,
    maxBytes,
    maxValueBytes,
    ...(tokens.length > 0 && { tokens }),
  });
  const stop = () => {
    void server.stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  console.log(`Serving the CacheKit HTTP API at ${server.url}`);
}

function collect(token: string, before: string[] = []): string[] {
  return [...before, token];
}

function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
}

function bytes(text: string): number {
  const value = parseBytes(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError('It must be a number of bytes, like 1048576, 512kb, 25mb or 2gb.');
}
