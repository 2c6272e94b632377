import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { type InspectedValue, inspectStored } from '../codec/inspect.js';
import { SealedFormatError } from '../errors.js';
import type { Wire } from '../protocol/wire.js';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native inspect [options] <file>

Show the header and the sizes of a sealed value, as JSON. It needs no key and opens nothing. What is
certainly no sealed value is an error.

Arguments:
  file           the stored bytes, or - for the standard input

Options:
  --wire <wire>  how the value was written: protocol, interop, interop-v2 or python
                 (default: as its first bytes tell, protocol or python)
  -h, --help     show this text
`.trim();

export async function inspect(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { wire: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return print(usage);
  const [file, ...others] = positionals;
  if (file === undefined) throw new UsageError('the file is missing');
  if (others.length > 0) throw new UsageError('too many arguments');
  const wire = values.wire === undefined ? undefined : wireOption(values.wire);
  const stored = file === '-' ? await buffer(process.stdin) : await readFile(file);
  const shown = inspectStored(stored, wire ?? (beginsFrame(stored) ? 'python' : 'protocol'));
  if (isForeign(stored, shown)) throw new SealedFormatError('This is not a sealed value');
  await print(JSON.stringify(shown, (_, value) => (typeof value === 'bigint' ? value.toString() : value), 2));
}

function wireOption(text: string): Wire {
  if (text === 'protocol' || text === 'interop' || text === 'interop-v2' || text === 'python') return text;
  throw new UsageError('--wire must be protocol, interop, interop-v2 or python');
}

/** Without a key, text and what is too short can be told from sealed bytes, and nothing else. */
function isForeign(stored: Buffer, { header, frame, instanceId }: InspectedValue): boolean {
  if (instanceId === undefined) return true;
  // Random bytes, which a sealed value has at least 24 of, are text once in 10^10.
  return header === undefined && frame === undefined && isUtf8(stored) && !hasControls(stored);
}

function hasControls(bytes: Buffer): boolean {
  return bytes.some((byte) => byte === 0x7f || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d));
}

/** `CK`, version 3: what Python writes around every value. */
function beginsFrame(stored: Buffer): boolean {
  return stored.length >= 3 && stored.readUIntBE(0, 3) === 0x434b03;
}
