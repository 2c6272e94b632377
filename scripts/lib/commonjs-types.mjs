/**
 * The declarations of an entry for CommonJS: each name is that of the declarations for ECMAScript modules, so that a type is the
 * same whichever way a file of a program comes to it.
 *
 * @param declarations the file of the entry's declarations.
 * @param from how the published file imports them.
 */
export async function commonjsTypes(declarations, from) {
  const { default: ts } = await import('typescript');
  const program = ts.createProgram([declarations], { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(declarations);
  const asEsm = "with { 'resolution-mode': 'import' }";
  const types = [];
  const lines = [];
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  const exported = new Set(symbols.map(({ name }) => name));
  for (const symbol of symbols) {
    const { name } = symbol;
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const isType = (target.flags & ts.SymbolFlags.Type) !== 0;
    if (target.flags & ts.SymbolFlags.Transient && !target.declarations)
      throw new Error(`${name} of ${declarations} is not found`);
    const isTypeOnly = symbol.declarations?.some((declaration) => ts.isTypeOnlyImportOrExportDeclaration(declaration));
    if (isTypeOnly || (target.flags & ts.SymbolFlags.Value) === 0) types.push(name);
    else {
      lines.push(`export declare const ${name}: typeof esm.${name};`);
      if (isType) lines.push(`export type ${name}${parametersOf(ts, target, exported)};`);
    }
  }
  return [
    `import type * as esm from '${from}' ${asEsm};`,
    ...(types.length > 0 ? [`export type { ${types.sort().join(', ')} } from '${from}' ${asEsm};`] : []),
    ...lines.sort(),
    '',
  ].join('\n');
}

/** `<T extends A = B> = esm.NAME<T>` of a class. What its bounds name is the module's too, or everywhere the same. */
function parametersOf(ts, { name, declarations }, exported) {
  const parameters = declarations.find((declaration) => declaration.typeParameters)?.typeParameters ?? [];
  if (parameters.length === 0) return ` = esm.${name}`;
  const bound = (word, type) => (type === undefined ? '' : ` ${word} ${qualified(ts, type, exported)}`);
  const declared = parameters.map(
    ({ name: parameter, constraint, default: usual }) =>
      parameter.text + bound('extends', constraint) + bound('=', usual),
  );
  return `<${declared.join(', ')}> = esm.${name}<${parameters.map(({ name: parameter }) => parameter.text).join(', ')}>`;
}

function qualified(ts, type, exported) {
  const start = type.getStart();
  let text = type.getText();
  const names = [];
  const visit = (node) => {
    if (ts.isTypeReferenceNode(node) && exported.has(node.typeName.getText())) names.push(node.getStart() - start);
    ts.forEachChild(node, visit);
  };
  visit(type);
  for (const at of names.sort((a, b) => b - a)) text = `${text.slice(0, at)}esm.${text.slice(at)}`;
  return text;
}
