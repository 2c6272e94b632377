import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { files, folder, RECORDING } from './monitoring/files.js';
import { record } from './monitoring/record.js';

const usage = `
npm run monitoring [-- --record]

Writes docs/monitoring: the dashboard, the alert rules and the pictures of the dashboard, from the names of the metrics.

  --record   first runs a small service for some minutes, with redis-server and prometheus (on PATH, or what PROMETHEUS
             names), and records what the panels of the dashboard show for the pictures
  --help     this text
`;

const args = process.argv.slice(2);
if (args.includes('--help')) {
  process.stdout.write(`${usage.trim()}\n`);
} else {
  if (args.includes('--record')) {
    const recording = await record((line) => process.stderr.write(`${line}\n`));
    writeFileSync(join(folder, RECORDING), `${JSON.stringify(recording)}\n`);
  }
  for (const [name, text] of Object.entries(files())) writeFileSync(join(folder, name), text);
}
