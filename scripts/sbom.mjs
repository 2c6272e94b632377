import { asksForHelp, main, packageJson, Stop } from './lib/project.mjs';
import { cargoBill, npmBill } from './lib/sbom.mjs';

const usage = `
node scripts/sbom.mjs npm|cargo

Prints one half of the bill of materials in CycloneDX: the npm packages that are installed with this one, or the crates
that are compiled into the addons. Fails when one is missing.
`;

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  if (args[0] !== 'npm' && args[0] !== 'cargo') throw new Stop(usage.trim());
  const bill = args[0] === 'npm' ? npmBill(packageJson()) : await cargoBill();
  process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
});
