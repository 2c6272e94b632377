import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createCache } from '../cache/create.js';
import { EncryptionWrapper } from '../codec/encryption-wrapper.js';
import { BackendError } from '../errors.js';
import { BACKEND_USAGE, optionalBackendUrl } from './backend-url.js';
import { EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native bench [options] [backend]

Measure what encryption costs on this machine, and, with a backend, what a cache costs there: each
for values of 100 bytes, 1 kB, 10 kB and 100 kB, with a key that is made for it. The entries are
removed afterwards.

Arguments:
${BACKEND_USAGE}
                 (without one, only this process is measured)

Options:
  --seconds <n>  for each figure, about (default: 1)
  --json         as JSON
  -h, --help     show this text

${EXIT_CODES}

Examples:
  npx cachekit-native bench
  npx cachekit-native bench redis://localhost --seconds 3
`.trim();

interface Figure {
  what: string;
  bytes: number;
  /** Microseconds for one, one after the other: the median, and what 99 of 100 do not exceed (in this process, of 20 together). */
  medianUs: number;
  p99Us: number;
}

const SIZES = [100, 1_000, 10_000, 100_000];
/** So many are timed together in this process, where one takes less than the clock can tell. */
const TOGETHER = 20;

export async function bench(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '1' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return print(usage);
  const ms = /^\d{1,3}(\.\d+)?$/.test(values.seconds) ? Number(values.seconds) * 1000 : 0;
  if (ms <= 0) throw new UsageError('--seconds must be a number over 0 and below 1000');
  const url = optionalBackendUrl(positionals);
  const figures: Figure[] = [];
  for (const bytes of SIZES) {
    figures.push(...(await inProcess(bytes, ms)));
    if (url !== undefined) figures.push(...(await inBackend(url, bytes, ms)));
  }
  if (values.json) return print(JSON.stringify(figures, undefined, 2));
  const rows = figures.map(
    ({ what, bytes, medianUs, p99Us }) =>
      `${what.padEnd(22)} ${String(bytes).padStart(7)} ${medianUs.toFixed(2).padStart(10)} ${p99Us.toFixed(2).padStart(10)}`,
  );
  await print(['                         bytes  median/µs     p99/µs', ...rows].join('\n'));
}

/** A value that MessagePack makes so many bytes of, about, and that does not compress to nothing. */
function sample(bytes: number): object {
  return { id: 42, name: 'bench', text: randomBytes(Math.max(1, (bytes - 30) >> 1)).toString('hex') };
}

async function inProcess(bytes: number, ms: number): Promise<Figure[]> {
  const value = sample(bytes);
  const masterKey = randomBytes(32);
  const wrapper = new EncryptionWrapper({ masterKey });
  const context = { cacheKey: 'bench' };
  const sealed = wrapper.serialize(value, context);
  const cache = createCache({ masterKey });
  await cache.set('bench', value);
  return [
    await measured('serialize and seal', bytes, ms, () => wrapper.serialize(value, context)),
    await measured('open and deserialize', bytes, ms, () => wrapper.deserialize(sealed, context)),
    await measured('get from this process', bytes, ms, () => cache.get('bench')),
  ];
}

async function inBackend(backend: string, bytes: number, ms: number): Promise<Figure[]> {
  const value = sample(bytes);
  const cache = createCache({
    masterKey: randomBytes(32),
    namespace: 'cachekit-bench',
    backend,
    l1: false,
    ttl: '1m',
  });
  const cacheKey = randomBytes(8).toString('hex');
  try {
    // A cache serves without its store: here that would be measured.
    if (!(await cache.set(cacheKey, value))) throw new BackendError('The backend has not stored a value');
    return [
      await measured('set in the backend', bytes, ms, () => cache.set(cacheKey, value), 1),
      await measured('get from the backend', bytes, ms, () => cache.get(cacheKey), 1),
    ];
  } finally {
    await cache.delete(cacheKey).catch(() => {});
    await cache.close();
  }
}

async function measured(
  what: string,
  bytes: number,
  ms: number,
  work: () => unknown,
  together = TOGETHER,
): Promise<Figure> {
  const times: number[] = [];
  const begun = performance.now();
  // A tenth of the time to warm up.
  for (let at = begun; at - begun < ms * 1.1; ) {
    for (let i = 0; i < together; i++) {
      const done = work();
      if (done instanceof Promise) await done;
    }
    const end = performance.now();
    if (at - begun > ms * 0.1) times.push(((end - at) * 1000) / together);
    at = end;
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN;
  return { what, bytes, medianUs: at(0.5), p99Us: at(0.99) };
}
