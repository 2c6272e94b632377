import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** The first line of the standard output, or what there is when it ends without one. */
  readonly firstLine: Promise<string>;
}

/** The command line in a process of its own. */
export function startCli(args: readonly string[], env: Record<string, string> = {}): RunningCli {
  const child = spawn(process.execPath, [`--import=${TSX}`, MAIN, ...args], {
    env: { ...process.env, CACHEKIT_SERVE_TOKENS: '', ...env },
    timeout: 60_000,
  });
  let [stdout, stderr] = ['', ''];
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.on('data', (text) => {
      stdout += text;
      if (stdout.includes('\n')) resolve(stdout);
    });
    child.once('close', () => resolve(stdout));
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended, firstLine };
}

export async function runCli(args: readonly string[], stdin?: Uint8Array): Promise<Ended> {
  const { child, ended } = startCli(args);
  child.stdin.end(stdin);
  return ended;
}

/** With its standard output in a file. */
export async function runCliInto(path: string, args: readonly string[]): Promise<Pick<Ended, 'code' | 'stderr'>> {
  const out = openSync(path, 'w');
  const child = spawn(process.execPath, [`--import=${TSX}`, MAIN, ...args], {
    stdio: ['ignore', out, 'pipe'],
    timeout: 60_000,
  });
  closeSync(out);
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}
