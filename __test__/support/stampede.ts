import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What each process is told, and what it answers. */
export interface StampedeJob {
  /** The module to test: the sources, or what is published. */
  module: string;
  redis: string;
  lock: boolean;
  callers: number;
  loadMs: number;
  /** Names the entry; another one in each round. */
  round: string;
}

export interface StampedeAnswer {
  loads: number;
  /** How many got the value. */
  right: number;
  /** From the common start to the last answer. */
  lastMs: number;
}

const caller = fileURLToPath(new URL('stampede-caller.ts', import.meta.url));

/** Processes that ask for one missing entry at the same moment, each with many callers. */
export class Stampede {
  readonly #children: ChildProcess[];

  private constructor(children: ChildProcess[]) {
    this.#children = children;
  }

  static async start(processes: number): Promise<Stampede> {
    const children = Array.from({ length: processes }, () =>
      fork(caller, [], { execArgv: [`--import=${import.meta.resolve('tsx')}`] }),
    );
    await Promise.all(children.map((child) => once(child, 'message')));
    return new Stampede(children);
  }

  async run(job: StampedeJob): Promise<StampedeAnswer[]> {
    const prepared = this.#children.map((child) => once(child, 'message'));
    for (const child of this.#children) child.send({ job });
    await Promise.all(prepared);
    const answers = this.#children.map((child) => once(child, 'message'));
    const startAt = Date.now() + 100;
    for (const child of this.#children) child.send({ startAt });
    return (await Promise.all(answers)).map(([answer]) => answer as StampedeAnswer);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const exited = once(child, 'exit');
        child.disconnect();
        await exited;
      }),
    );
  }
}
