import { join } from 'node:path';
import type { NextConfig } from 'next';

const config: NextConfig = {
  cacheHandler: join(process.cwd(), 'cache-handler.mjs'),
  // What this process would keep beside it.
  cacheMaxMemorySize: 0,
  cacheHandlers: { default: join(process.cwd(), 'use-cache-handler.mjs') },
  experimental: { useCache: true },
  turbopack: { root: process.cwd() },
};

export default config;
