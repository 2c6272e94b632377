import { cpus, loadavg, totalmem } from 'node:os';
import { hardwareAcceleration } from './product.js';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  os: string;
  node: string;
  openssl: string;
  aes: string;
  /** Of the last minute, at the start: above the number of candidates' threads, the figures are not of a quiet machine. */
  load: number;
}

export function machine(): Machine {
  const { aes, name } = hardwareAcceleration();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${process.arch}`,
    node: process.version,
    openssl: process.versions.openssl,
    aes: aes ? name : 'none',
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

export function machineLine({ cpu, cores, memoryGiB, os, node, openssl, aes }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, node ${node} (OpenSSL ${openssl}), AES by ${aes}`;
}
