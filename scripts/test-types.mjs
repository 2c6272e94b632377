import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asksForHelp, at, main, npm, packageJson, runQuietly, Stop, say, seconds } from './lib/project.mjs';
import { ensureReady } from './lib/steps.mjs';

const usage = `
npm run test:types [-- --ends]

Compiles __test__/types/ against the published types (index.d.ts) with each TypeScript from 5.4 to 7.0, which are installed into
.build/types: strict, the declarations checked as well, the library ES2022, each kind of modules, both kinds of decorators.

  --ends   with the oldest and the newest TypeScript alone
  --help   this text
`;

const VERSIONS = ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];
const folder = at('.build', 'types');
const packageOf = (version) => `typescript-${version}`;

const strict = {
  target: 'ES2022',
  lib: ['ES2022'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};
/** With the types of Node, which the declarations of backends and keys name, and without: then the declarations cannot be checked. */
const node = { ...strict, types: ['node'], typeRoots: [at('node_modules', '@types')] };
const withoutNode = { ...strict, skipLibCheck: true, types: [] };
const standard = ['signatures', 'decorators'];
const setups = {
  'module node16': { ...node, module: 'Node16', files: standard },
  'module nodenext': { ...node, module: 'NodeNext', files: standard },
  'module esnext, for a bundler': { ...node, module: 'ESNext', moduleResolution: 'Bundler', files: standard },
  'module nodenext, without the types of Node': { ...withoutNode, module: 'NodeNext', files: standard },
  experimentalDecorators: {
    ...node,
    module: 'NodeNext',
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    files: ['decorators'],
  },
};

function install(versions) {
  const devDependencies = Object.fromEntries(
    versions.map((version) => [packageOf(version), `npm:typescript@~${version}`]),
  );
  const text = JSON.stringify({ private: true, devDependencies }, null, 2);
  const file = join(folder, 'package.json');
  const there = versions.every((version) => existsSync(join(folder, 'node_modules', packageOf(version), 'bin', 'tsc')));
  if (there && existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  const options = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  const { code, output } = npm(['install', ...options], { cwd: folder });
  if (code !== 0) throw new Stop(`The compilers could not be installed:\n${output}`);
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const unknown = args.find((arg) => arg !== '--ends');
  if (unknown !== undefined) throw new Stop(`Unknown option ${unknown}.\n${usage}`);
  await ensureReady();
  const versions = args.includes('--ends') ? [VERSIONS[0], VERSIONS.at(-1)] : VERSIONS;
  install(versions);
  const failed = [];
  for (const version of versions) {
    const compiler = join(folder, 'node_modules', packageOf(version));
    const exact = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8')).version;
    for (const [name, { files, ...compilerOptions }] of Object.entries(setups)) {
      const start = performance.now();
      const project = join(folder, 'tsconfig.json');
      const paths = files.map((file) => at('__test__', 'types', `${file}.ts`));
      writeFileSync(project, JSON.stringify({ compilerOptions, files: paths }));
      const { code, output } = runQuietly(process.execPath, [join(compiler, 'bin', 'tsc'), '-p', project]);
      say(`${code === 0 ? 'ok    ' : 'FAILED'} TypeScript ${exact}, ${name} (${seconds(start)})`);
      if (code === 0) continue;
      failed.push(`${exact}, ${name}`);
      say(output);
    }
  }
  if (failed.length > 0) throw new Stop(`${packageJson().name}: the types fail with TypeScript ${failed.join('; ')}`);
});
