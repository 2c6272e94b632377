import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBackend, HttpBackend } from '../../../index.js';
import { encodeCacheKey, freshForSeconds, isStale } from '../../../src/backends/http/headers.js';
import { assertBytesEqual, assertRefused, hex, section } from './section.js';

interface PathRow {
  key: string;
  encoded: string | null;
}
interface FileRow {
  key_utf8: string;
  filename: string;
  payload_hex: string;
  file_hex: string;
  expiry_unix_seconds: number;
  reader_now_unix_seconds?: number;
  reader_action: 'return_payload' | 'miss_preserve' | 'miss_expired';
}

/** What a request for a cache key asks for, and what is made of the headers of an answer. */
async function exchange(cacheKey: string, headers: Record<string, string> = {}) {
  const urls: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    urls.push(String(input instanceof Request ? input.url : input));
    return new Response(new Uint8Array([1]), { status: 200, headers });
  };
  const backend = new HttpBackend({ url: 'https://cache.example', apiKey: 'ck_live_vectors', fetch });
  return { entry: await backend.get(cacheKey), urls };
}

export const httpSections = [
  section<PathRow>('protocol/path-encoding.json', 'vectors', 62, async (row, via) => {
    if (row.encoded === null) {
      await via('encodeCacheKey', () => assertRefused(() => encodeCacheKey(row.key), RangeError));
      return via('HttpBackend', () => assertRefused(() => exchange(row.key), RangeError));
    }
    await via('encodeCacheKey', () => assert.equal(encodeCacheKey(row.key), row.encoded));
    await via('HttpBackend', async () => {
      assert.deepEqual((await exchange(row.key)).urls, [`https://cache.example/v1/cache/${row.encoded}`]);
    });
  }),

  section<{ value: string | null; stale: boolean }>(
    'protocol/freshness-headers.json',
    'freshness_vectors',
    18,
    async (row, via) => {
      await via('isStale', () => assert.equal(isStale(row.value ?? undefined), row.stale));
      await via('HttpBackend', async () => {
        const headers: Record<string, string> = row.value === null ? {} : { 'X-CacheKit-Freshness': row.value };
        const { entry } = await exchange('k', headers);
        assert.equal(entry?.stale ?? false, row.stale);
      });
    },
  ),

  section<{ value: string | null; fresh_for: number | null }>(
    'protocol/freshness-headers.json',
    'fresh_for_vectors',
    44,
    async (row, via) => {
      const expected = row.fresh_for ?? undefined;
      await via('freshForSeconds', () => assert.equal(freshForSeconds(row.value ?? undefined), expected));
      await via('HttpBackend', async () => {
        const headers: Record<string, string> = row.value === null ? {} : { 'X-CacheKit-Fresh-For': row.value };
        const { entry } = await exchange('k', headers);
        assert.equal(entry?.freshInMs, expected === undefined ? undefined : expected * 1000);
        assert.equal(entry?.expiresInMs, undefined);
      });
    },
  ),

  section<FileRow>('protocol/file-backend.json', 'vectors', 16, async (row, via) => {
    const directory = mkdtempSync(join(tmpdir(), 'cachekit-vectors-'));
    const path = join(directory, row.filename);
    const now = () => (row.reader_now_unix_seconds ?? 0) * 1000;
    try {
      writeFileSync(path, hex(row.file_hex));
      await via('FileBackend.get', async () => {
        const entry = await new FileBackend({ directory, now }).get(row.key_utf8);
        if (row.reader_action === 'return_payload') assertBytesEqual(entry?.bytes ?? Buffer.of(), hex(row.payload_hex));
        else assert.equal(entry, undefined);
        const kept = row.reader_action !== 'miss_expired';
        assert.deepEqual(readdirSync(directory), kept ? [row.filename] : []);
        if (kept) assertBytesEqual(readFileSync(path), hex(row.file_hex));
      });
      if (row.reader_action !== 'return_payload') return;
      await via('FileBackend.set', async () => {
        const { expiry_unix_seconds: expiry } = row;
        const options = expiry === 0 ? {} : { ttlMs: expiry * 1000 };
        await new FileBackend({ directory, now: () => 0 }).set(row.key_utf8, hex(row.payload_hex), options);
        assertBytesEqual(readFileSync(path), hex(row.file_hex));
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  }),
];
