import { ensurePeerVenv } from './lib/peer-venv.mjs';
import { asksForHelp, main } from './lib/project.mjs';

const usage = `
node scripts/peer-venv.mjs

Makes .venv with the Python peer of the compatibility tests (__test__/peer/requirements.txt), when it is missing
or out of date. Without Python it says so and succeeds, and those tests are skipped; with CI=true that is a failure.
`;

await main((args) => {
  if (!asksForHelp(args, usage)) ensurePeerVenv();
});
