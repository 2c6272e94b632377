import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { removed } from './file-entry.js';
import { FileLease } from './file-locks.js';
import { isOlder } from './file-temporary.js';

const TEMPORARY = /^[0-9a-f]{32}\.tmp\./;
const GUARD = /^\.[0-9a-f]{32}\.guard$/;
const LOCK = /^\.([0-9a-f]{32})\.lock$/;
/** No writer takes as long: what is older was left by a process that ended. The Python SDK's limit, too. */
const STRAY_AFTER_MS = 60_000;

/** Removes the temporary files, guards and ended locks of processes that ended before they were done. */
export async function reclaimStrays(directory: string, now: () => number): Promise<void> {
  for await (const { name } of await opendir(directory)) {
    const [, locked] = LOCK.exec(name) ?? [];
    if (locked === undefined && !TEMPORARY.test(name) && !GUARD.test(name)) continue;
    const path = join(directory, name);
    if (!(await isOlder(path, STRAY_AFTER_MS))) continue;
    if (locked === undefined) await removed(path);
    else await new FileLease(join(directory, locked), now).clear();
  }
}
