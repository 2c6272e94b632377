import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { supportFile } from '../support/child.js';
import { Random } from '../support/random.js';
import type { ClientSettings, Question } from './client-protocol.js';
import { History, type Violation } from './history.js';
import { type StoreName, startStore } from './stores.js';

export interface TortureOptions {
  readonly store: StoreName;
  readonly seconds: number;
  readonly seed: number;
  readonly processes: number;
  readonly onFault?: (name: string) => void;
}

export interface TortureReport {
  readonly violations: readonly Violation[];
  /** Processes that ended by themselves, and what they said. */
  readonly crashes: readonly string[];
  /** Faults after which some process could not read and write within the bound. */
  readonly stuck: readonly string[];
  readonly checked: number;
  readonly excused: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
}

/** How long a first tier may be behind. */
export const BOUND_MS = 10_000;
/** How long a process may need after a fault, its own start included: not how quick this machine is. */
const RECOVER_MS = 120_000;
const KEYS = 30;

/** Processes that read, load and change the same entries over a store in which one fault follows another. */
export async function torture({
  store: name,
  seconds,
  seed,
  processes,
  onFault,
}: TortureOptions): Promise<TortureReport> {
  const random = new Random(seed);
  const history = new History(BOUND_MS);
  const store = await startStore(name, random, history);
  const [crashes, stuck]: string[][] = [[], []] as string[][];
  const [faults, counts]: Record<string, number>[] = [{}, {}];
  const lastDone = new Map<string, number>();
  let over = false;

  function start(client: string): ChildProcess {
    const settings: ClientSettings = {
      name: client,
      seed: random.below(2 ** 32),
      backend: store.backend,
      keys: KEYS,
      tags: store.tags,
      near: store.near,
    };
    const child = spawn(
      process.execPath,
      [`--import=${import.meta.resolve('tsx')}`, supportFile('../torture/client.ts'), JSON.stringify(settings)],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
    });
    const changes = new Map<number, (acknowledged: boolean) => void>();
    let nextChange = 0;
    const answer = async (question: Question): Promise<unknown> => {
      switch (question.ask) {
        case 'row':
          return history.row(question.key);
        case 'time':
          return history.now();
        case 'begin': {
          const { rows, end } = await history.change(question.keys, question.byTag);
          const id = nextChange++;
          changes.set(id, end);
          if (child.exitCode !== null || child.signalCode !== null) end(false);
          return { id, rows };
        }
        case 'end':
          return changes.get(question.change)?.(question.acknowledged);
        case 'check':
          return history.check(client, question.key, question.reading, question.askedAt, question.value);
        case 'count':
          if (question.what === 'operations') lastDone.set(client, history.now());
          counts[question.what] = (counts[question.what] ?? 0) + 1;
      }
    };
    child.on('message', ({ id, question }: { id: number; question: Question }) => {
      answer(question).then((given) => {
        if (child.connected) child.send({ id, answer: given }, () => {});
      });
    });
    child.once('exit', (code, signal) => {
      for (const end of changes.values()) end(false);
      if (!over && signal !== 'SIGKILL') crashes.push(`${client} ended with ${code ?? signal}: ${said}`);
    });
    lastDone.set(client, history.now());
    return child;
  }

  const clients = new Map<string, ChildProcess>();
  for (let i = 0; i < processes; i++) clients.set(`process ${i}`, start(`process ${i}`));
  const all: Record<string, () => Promise<void>> = {
    ...store.faults,
    'a process killed': async () => {
      const [client, child] = random.pick([...clients]);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      clients.set(client, start(client));
    },
    'a process stopped': async () => {
      const [, child] = random.pick([...clients]);
      child.kill('SIGSTOP');
      await pause(random.below(3000));
      child.kill('SIGCONT');
    },
  };
  const until = history.now() + seconds * 1000;
  try {
    // So that there is something to break.
    await pause(Math.min(2000, seconds * 100));
    while (history.now() < until && history.violations.length === 0) {
      const fault = random.pick(Object.keys(all));
      onFault?.(fault);
      faults[fault] = (faults[fault] ?? 0) + 1;
      await all[fault]?.();
      const mended = history.now();
      for (const client of clients.keys()) {
        while ((lastDone.get(client) as number) <= mended && history.now() < mended + RECOVER_MS) await pause(50);
        if ((lastDone.get(client) as number) <= mended) stuck.push(`${client} after: ${fault}`);
      }
      await pause(random.below(1500));
    }
  } finally {
    over = true;
    for (const child of clients.values()) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await store.stop();
  }
  const { violations, checked, excused } = history;
  return { violations, crashes, stuck, checked, excused, faults, counts };
}
