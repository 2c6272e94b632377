/**
 * Makes each `var NAME = require('…')` at the top of a CommonJS file a function that requires when something of it is first
 * used. Of the other modules, which are complete by then, it makes constants of what is used: they are as fast as the
 * file's own, and properties of a large object are not.
 *
 * @param inFile of which files; those of an entry's own code are as rollup writes them.
 * @param isLazy which modules are required when they are used.
 */
export function lazyRequires({ inFile, isLazy }) {
  return {
    name: 'lazy-requires',
    async renderChunk(code, { fileName }) {
      if (!inFile(fileName)) return null;
      const { default: ts } = await import('typescript');
      const { default: MagicString } = await import('magic-string');
      const source = ts.createSourceFile(fileName, code, ts.ScriptTarget.ES2022, true);
      const text = new MagicString(code);
      const required = source.statements
        .map((statement) => ({ statement, ...requireOf(ts, statement) }))
        .filter(({ name }) => name);
      const lazy = required.filter(({ from }) => isLazy(from));
      for (const { statement, name, from } of lazy) {
        text.overwrite(
          statement.getStart(),
          statement.end,
          `let ${name}$;\nconst ${name} = () => (${name}$ ??= require('${from}'));`,
        );
      }
      const names = new Set(lazy.map(({ name }) => name));
      for (const node of usesOf(ts, source, names)) {
        // In `new name.Class(…)` the call would be that of the class.
        text.overwrite(node.getStart(), node.end, isInNew(ts, node) ? `(${node.text}())` : `${node.text}()`);
      }
      for (const { statement, name, from } of required) {
        if (names.has(name)) continue;
        const members = new Set();
        for (const { parent } of usesOf(ts, source, new Set([name]))) {
          const member = parent.name.text;
          members.add(member);
          text.overwrite(parent.getStart(), parent.end, `${name}$${member}`);
        }
        const constants = [...members].sort().map((member) => `${member}: ${name}$${member}`);
        text.overwrite(statement.getStart(), statement.end, `const { ${constants.join(', ')} } = require('${from}');`);
      }
      return { code: text.toString(), map: text.generateMap({ hires: 'boundary' }) };
    },
  };
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
