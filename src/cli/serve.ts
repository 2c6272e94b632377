import { parseArgs } from 'node:util';
import { startCacheServer } from '../testing/server.js';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native serve [options]

Serve the CacheKit HTTP API from this process’s memory, for development and tests.

Options:
  --port <port>              port to listen on; 0 for any that is free (default: 8080)
  --host <host>              address to listen on; one that other machines reach needs
                             a token (default: 127.0.0.1)
  --token <token>            accepted API key, ck_live_…, ck_sdk_… or ck_api_… (repeatable)
  --max-bytes <bytes>        bytes held in all (default: 256mb)
  --max-value-bytes <bytes>  bytes of the largest value (default: 25mb)
  -h, --help                 show this text

Sizes are bytes, or with a unit: 512kb, 256mb, 2gb.
Without a token any API key of the three kinds is accepted. CACHEKIT_SERVE_TOKENS holds tokens
too, separated by commas; unlike an option, they do not show in a list of processes.
Without one, only requests for a loopback host are answered.
It stops on SIGINT and SIGTERM: requests under way have 10 seconds to finish, or until the second
signal. Nothing is kept when it stops.
`.trim();

/** For requests in flight when it is stopped. */
const GRACE_MS = 10_000;

export async function serve(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      token: { type: 'string', multiple: true, default: [] },
      'max-bytes': { type: 'string', default: '256mb' },
      'max-value-bytes': { type: 'string', default: '25mb' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return print(usage);
  const listed = (process.env.CACHEKIT_SERVE_TOKENS ?? '').split(',').map((text) => text.trim());
  const tokens = [...values.token, ...listed.filter(Boolean)];
  const server = await startCacheServer({
    host: values.host,
    port: portOption(values.port),
    maxBytes: bytesOption('--max-bytes', values['max-bytes']),
    maxValueBytes: bytesOption('--max-value-bytes', values['max-value-bytes']),
    ...(tokens.length > 0 && { tokens }),
  });
  let graceMs = GRACE_MS;
  const stop = () => {
    void server.stop({ graceMs });
    graceMs = 0;
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  await print(`Serving the CacheKit HTTP API at ${server.url}`);
}

function portOption(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 65_535) return value;
  throw new UsageError('--port must be a whole number from 0 to 65535');
}

const UNITS = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const;

function bytesOption(name: string, text: string): number {
  const match = /^(\d+)(b|kb|mb|gb|)$/i.exec(text);
  const bytes = match ? Number(match[1]) * UNITS[match[2]?.toLowerCase() as keyof typeof UNITS] : 0;
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(`${name} must be a number of bytes, like 1048576, 512kb, 25mb or 2gb`);
}
