import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import ts from 'typescript';

/*
 * With `--import` after `tsx`: each function of src/ notes `file#name` in `globalThis.entered` when it is entered,
 * if that is an array.
 */
const SOURCE = '/src/';

// The hooks run in a thread of their own, which loads this module too.
if (isMainThread) {
  globalThis.entered = null;
  register(import.meta.url);
}

export async function load(url, context, next) {
  const loaded = await next(url, context);
  const name = new URL(url).pathname;
  if (!name.includes(SOURCE) || name.includes('/node_modules/') || loaded.format !== 'module') {
    return loaded;
  }
  const file = name.slice(name.lastIndexOf(SOURCE) + SOURCE.length);
  return { ...loaded, source: traced(String(loaded.source), file) };
}

function traced(source, file) {
  const tree = ts.createSourceFile('module.js', source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const noteOf = (node) => `globalThis.entered?.push(${JSON.stringify(`${file}#${node.name?.getText(tree) ?? ''}`)})`;
  const insertions = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const note = noteOf(node);
      if (ts.isBlock(node.body)) {
        insertions.push([node.body.getStart(tree) + 1, `${note};`]);
      } else {
        insertions.push([node.body.getStart(tree), `(${note}, `], [node.body.getEnd(), ')']);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  // From the end, so that earlier positions stay; of two at one position the outer comes first in the text.
  insertions.sort((a, b) => b[0] - a[0]);
  return insertions.reduce((text, [at, inserted]) => text.slice(0, at) + inserted + text.slice(at), source);
}
