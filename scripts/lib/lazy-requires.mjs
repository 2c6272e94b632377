/**
 * Makes of CommonJS files that rollup has written a core and parts that it loads on demand.
 *
 * In the core and the parts, each `var NAME = require('…')` of a part or of another package becomes a function that requires when
 * something of it is first used. Of the core, which is complete by then, constants are made of what is used: they are as fast as a file's
 * own, and properties of a large object are not. A part is a function of the core that loads it: by its path it would get another one
 * where the table of modules was emptied in between, as Jest does.
 *
 * @param core the core's file. @param parts the files of the parts. @param traced what tools that copy a program's files must see.
 */
export function lazyRequires({ core, headers, parts, traced }) {
  return {
    name: 'lazy-requires',
    async renderChunk(code, { fileName }) {
      const { default: ts } = await import('typescript');
      const { default: MagicString } = await import('magic-string');
      const text = new MagicString(code);
      const isPart = parts.includes(fileName);
      if (isPart || fileName === core || fileName === headers) {
        rewriteRequires(ts, ts.createSourceFile(fileName, code, ts.ScriptTarget.ES2022, true), text, {
          isLazy: (from) => !from.startsWith('.') || parts.includes(from.slice(2)),
          required: (from) =>
            from.startsWith('.') && fileName !== headers ? `part$('${from}')` : `require('${from}')`,
        });
      } else {
        for (const { 0: call, 1: from, index } of code.matchAll(/require\('(\.\/[\w-]+\.cjs)'\)/g)) {
          if (parts.includes(from.slice(2)))
            text.overwrite(index, index + call.length, `require('./${core}').$part('${from}')`);
        }
      }
      const strict = "'use strict';\n";
      if (isPart) text.appendLeft(strict.length, '\nmodule.exports = (function (part$, exports) {\n').append('\n});\n');
      if (fileName === core) text.appendLeft(strict.length, partsText({ core, headers, parts, traced }));
      return { code: text.toString(), map: text.generateMap({ hires: 'boundary' }) };
    },
  };
}

/** Every path is written out, for tools that copy a program's files. */
function partsText({ core, headers, parts, traced }) {
  const files = [...parts, traced].map((file) => `  './${file}': () => require('./${file}'),\n`).join('');
  return `
const files$ = {
${files}};
const loaded$ = { './${core}': exports, './${headers}': require('./${headers}') };
const part$ = (name) => {
  if (!(name in loaded$)) files$[name]()(part$, (loaded$[name] = {}));
  return loaded$[name];
};
exports.$part = part$;
`;
}

function rewriteRequires(ts, source, text, { isLazy, required }) {
  const all = source.statements
    .map((statement) => ({ statement, ...requireOf(ts, statement) }))
    .filter(({ name }) => name);
  const lazy = all.filter(({ from }) => isLazy(from));
  for (const { statement, name, from } of lazy) {
    text.overwrite(
      statement.getStart(),
      statement.end,
      `let ${name}$;\nconst ${name} = () => (${name}$ ??= ${required(from)});`,
    );
  }
  // Of what is not used by name there is nothing to wait for: no package that is used here has an effect of its own.
  for (const statement of source.statements) {
    if (/^require\('[^.'][^']*'\);$/.test(statement.getText())) text.remove(statement.getStart(), statement.end);
  }
  const names = new Set(lazy.map(({ name }) => name));
  for (const node of usesOf(ts, source, names)) {
    // In `new name.Class(…)` the call would be that of the class.
    text.overwrite(node.getStart(), node.end, isInNew(ts, node) ? `(${node.text}())` : `${node.text}()`);
  }
  for (const { statement, name, from } of all) {
    if (names.has(name)) continue;
    const members = new Set();
    for (const { parent } of usesOf(ts, source, new Set([name]))) {
      const member = parent.name.text;
      members.add(member);
      text.overwrite(parent.getStart(), parent.end, `${name}$${member}`);
    }
    const constants = [...members].sort().map((member) => `${member}: ${name}$${member}`);
    text.overwrite(statement.getStart(), statement.end, `const { ${constants.join(', ')} } = ${required(from)};`);
  }
}

/** Of `var NAME = require('FROM');`. */
function requireOf(ts, statement) {
  if (!ts.isVariableStatement(statement) || statement.declarationList.declarations.length !== 1) return undefined;
  const [{ name, initializer }] = statement.declarationList.declarations;
  if (!initializer || !ts.isCallExpression(initializer) || initializer.expression.getText() !== 'require')
    return undefined;
  return { name: name.getText(), from: initializer.arguments[0].text };
}

/** Where these names are used, of modules that are required at the top of a file. */
function usesOf(ts, source, names) {
  const uses = [];
  const visit = (node) => {
    if (ts.isIdentifier(node) && names.has(node.text) && isUse(ts, source, node)) uses.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

function isUse(ts, source, node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (
    (ts.isMethodDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) &&
    parent.name === node
  )
    return false;
  if (ts.isVariableDeclaration(parent) && parent.name === node && parent.parent.parent.parent === source) return false;
  const isParameter = ts.isFunctionLike(parent) && parent.parameters?.includes(node);
  // A name of its own that hides the module's, or `{ NAME }`: rollup writes neither.
  if (parent.name !== node && !isParameter && !ts.isShorthandPropertyAssignment(parent)) return true;
  throw new Error(`${source.fileName}: ${node.text} is declared again`);
}

function isInNew(ts, node) {
  let expression = node;
  while (ts.isPropertyAccessExpression(expression.parent) && expression.parent.expression === expression)
    expression = expression.parent;
  return ts.isNewExpression(expression.parent) && expression.parent.expression === expression;
}
