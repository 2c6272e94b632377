import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

export interface ChildResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

const tsx = import.meta.resolve('tsx');

/** The path of a module beside this file. */
export const supportFile = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Runs a TypeScript module in a Node process of its own and waits for its end. */
export function runNode(file: string, args: string[], options: { env?: NodeJS.ProcessEnv } = {}): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`--import=${tsx}`, file, ...args], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** A worker that runs a TypeScript module, which the loader of the main thread does not do for it. */
export function startWorker(name: string, workerData: unknown): Worker {
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const module = JSON.stringify(new URL(name, import.meta.url).href);
  const source = `import(${loader}).then(({ register }) => (register(), import(${module})))`;
  return new Worker(source, { eval: true, execArgv: [], workerData });
}
