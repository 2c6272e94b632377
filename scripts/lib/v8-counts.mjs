import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { at } from './project.mjs';

const SOURCES = [pathToFileURL(at('index.ts')).href, `${pathToFileURL(at('src')).href}/`];

const isSource = (url) => SOURCES.some((source) => url.startsWith(source));
const lengthOf = ({ functions }) => functions[0]?.ranges[0]?.endOffset;

/**
 * Leaves of what processes have counted what can be added up: a source is compiled to another text in a few of them (in workers,
 * by another way of the compiler), whose places are not those of the others. The text that most have counts.
 */
export function keepComparable(folder) {
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const texts = new Map();
  for (const path of paths) {
    const counts = read(path);
    if (counts === undefined) continue;
    const result = counts.result.filter(({ url }) => isSource(url));
    for (const script of result) {
      const lengths = texts.get(script.url) ?? new Map();
      texts.set(script.url, lengths.set(lengthOf(script), (lengths.get(lengthOf(script)) ?? 0) + 1));
    }
    const maps = Object.entries(counts['source-map-cache'] ?? {}).filter(([url]) => isSource(url));
    writeFileSync(path, JSON.stringify({ ...counts, result, 'source-map-cache': Object.fromEntries(maps) }));
  }
  const usual = new Map([...texts].map(([url, lengths]) => [url, [...lengths].sort(([, a], [, b]) => b - a)[0]?.[0]]));
  for (const path of paths) {
    const counts = read(path);
    if (counts === undefined) continue;
    const result = counts.result.filter((script) => lengthOf(script) === usual.get(script.url));
    const kept = new Set(result.map(({ url }) => url));
    const maps = Object.entries(counts['source-map-cache'] ?? {}).filter(([url]) => kept.has(url));
    writeFileSync(path, JSON.stringify({ ...counts, result, 'source-map-cache': Object.fromEntries(maps) }));
  }
}

/** undefined: of a process that was killed while it wrote. */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    writeFileSync(path, JSON.stringify({ result: [] }));
    return undefined;
  }
}
