import { mkdirSync, writeFileSync } from 'node:fs';
import { transformFile } from '@swc/core';

const { code } = await transformFile('src/main.ts', {
  swcrc: false,
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'es6' },
});
mkdirSync('swc', { recursive: true });
writeFileSync('swc/main.js', code);
