import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { inspectStored } from '../inspect-stored.js';
import type { Wire } from '../wire.js';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show the header and the sizes of a sealed value, as JSON. It needs no key and opens nothing.')
    .argument('<file>', 'the stored bytes, or - for the standard input')
    .addOption(
      new Option('--wire <wire>', 'how the value was written; by default as its first bytes tell').choices([
        'protocol',
        'interop',
        'python',
      ]),
    )
    .action(inspect);
}

async function inspect(file: string, { wire }: { wire?: Wire }): Promise<void> {
  const stored = file === '-' ? await buffer(process.stdin) : await readFile(file);
  const shown = inspectStored(stored, wire ?? (beginsFrame(stored) ? 'python' : 'protocol'));
  console.log(JSON.stringify(shown, (_, value) => (typeof value === 'bigint' ? value.toString() : value), 2));
}

/** `CK`, version 3: what Python writes around every value. */
function beginsFrame(stored: Buffer): boolean {
  return stored.length >= 3 && stored.readUIntBE(0, 3) === 0x434b03;
}
