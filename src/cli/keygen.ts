import { randomBytes } from 'node:crypto';
import { Command } from 'commander';

export function keygenCommand(): Command {
  return new Command('keygen')
    .description('Print a new master key: 32 random bytes as 64 hex digits, for CACHEKIT_MASTER_KEY.')
    .action(() => console.log(randomBytes(32).toString('hex')));
}
