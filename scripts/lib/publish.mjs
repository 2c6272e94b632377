import { npm, Stop, say } from './project.mjs';
import { filesOf, isPublished } from './release-checks.mjs';

/** What somebody types in a clone, towards a registry that is not there: npm refuses a private package before it asks. */
export const publishUnpacked = [
  'publish',
  '--ignore-scripts',
  '--registry=http://127.0.0.1:1/',
  '--//127.0.0.1:1/:_authToken=none',
  '--fetch-retries=0',
];

const manifestOf = (tarball) => JSON.parse(filesOf(tarball).get('package.json'));

/**
 * What is to be published, in order: the platform packages, then the main one, which points to them, so that nobody can install
 * a package whose addon is not there yet. What the registry has already is left out: after a failure one starts again.
 */
export function publishingPlan([main, ...platforms], registry) {
  return [...platforms, main].map((tarball) => {
    const { name, version } = manifestOf(tarball);
    return { tarball, name, version, done: isPublished(name, version, registry) };
  });
}

/** Publishes what is left of a plan. `options` are npm's. */
export function publish(plan, options) {
  for (const { tarball, name, version, done } of plan) {
    if (done) {
      say(`${name} ${version} is published already`);
      continue;
    }
    const { code, output } = npm(['publish', tarball, '--access', 'public', '--loglevel=error', ...options]);
    if (code !== 0) throw new Stop(`${output}\n${name} was not published: run this again, which goes on from here.`);
    say(`published ${name} ${version}`);
  }
}
