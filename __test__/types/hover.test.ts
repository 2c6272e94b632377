import { join } from 'node:path';
import test from 'ava';
import ts from 'typescript';

/* What an editor shows of a cached function: asked of TypeScript's language service, which editors ask. */

const root = join(import.meta.dirname, '../..');
const file = join(import.meta.dirname, 'hovered.ts');

class Editor {
  readonly #service: ts.LanguageService;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      strict: true,
      types: ['node'],
    };
    this.#service = ts.createLanguageService({
      ...ts.sys,
      useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
      fileExists: (name) => name === file || ts.sys.fileExists(name),
      getScriptFileNames: () => [file],
      getScriptVersion: () => '1',
      getScriptSnapshot: (name) => {
        const content = name === file ? text : ts.sys.readFile(name);
        return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
      },
      getCurrentDirectory: () => root,
      getCompilationSettings: () => options,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
    });
  }

  get errors(): string[] {
    return this.#service
      .getSemanticDiagnostics(file)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }

  /** What is shown over the name that the text has `after`. */
  hover(name: string, after = ''): string {
    const info = this.#service.getQuickInfoAtPosition(
      file,
      this.#at(after) + this.#text.slice(this.#at(after)).indexOf(name),
    );
    return ts.displayPartsToString(info?.displayParts).replace(/\s+/g, ' ');
  }

  /** What is shown of the parameters inside the brackets that the text opens with. */
  signatures(opening: string): string[] {
    const help = this.#service.getSignatureHelpItems(file, this.#at(opening) + opening.length, undefined);
    return (help?.items ?? []).map(({ prefixDisplayParts, parameters, suffixDisplayParts }) =>
      [
        ts.displayPartsToString(prefixDisplayParts),
        parameters.map(({ displayParts }) => ts.displayPartsToString(displayParts)).join(', '),
        ts.displayPartsToString(suffixDisplayParts),
      ].join(''),
    );
  }

  #at(part: string): number {
    const at = this.#text.indexOf(part);
    if (at < 0) throw new Error(`The text does not have ${part}`);
    return at;
  }
}

const editor = new Editor(`
  import { cache, cachedMethod } from 'cachekit-native';
  interface User { id: number }
  declare function find(id: number): Promise<number>;
  declare function find(name: string): Promise<string>;
  const wrap = cache.secure({ namespace: 'n', operation: 'o', key: (id: number) => String(id) });
  const sync = cache.secure({ namespace: 'n', operation: 'o' })((id: number, n = 3) => id + n);
  const user = cache.secure({ namespace: 'n', operation: 'o' })(async (id: number, n = 3): Promise<User> => ({ id: id + n }));
  const generic = cache()(async <V>(value: V) => value);
  const found = cache()(find);
  class Users { @cache()async byId(id: number): Promise<User> { return { id }; } }
  const byId = cachedMethod(new Users(), 'byId');
  sync(1); user(2); generic('x'); found('x'); byId(4); user.entry(5);
`);

test('over the name of a cached function: its own signature and a Promise, and its members', (t) => {
  t.deepEqual(editor.errors, []);
  t.is(
    editor.hover('sync'),
    'const sync: ((id: number, n?: number | undefined) => Promise<number>) & CachedMembers<[id: number, n?: number | undefined], number>',
  );
  t.is(
    editor.hover('user', 'const user'),
    'const user: ((id: number, n?: number) => Promise<User>) & CachedMembers<[id: number, n?: number | undefined], User>',
  );
  t.is(
    editor.hover('generic'),
    'const generic: (<V>(value: V) => Promise<V>) & CachedMembers<[value: unknown], unknown>',
  );
  t.is(
    editor.hover('found'),
    'const found: { (id: number): Promise<number>; (name: string): Promise<string>; } & CachedMembers<[name: string] | [id: number], string | number>',
  );
  t.is(
    editor.hover('byId', 'const byId'),
    'const byId: ((id: number) => Promise<User>) & CachedMembers<[id: number], User>',
  );
  t.is(editor.hover('wrap'), 'const wrap: CacheWrap<[id: number], unknown[]>');
});

test('over a call, and between its brackets: the signature alone', (t) => {
  t.is(editor.hover('sync', 'sync(1)'), 'const sync: (id: number, n?: number | undefined) => Promise<number>');
  t.is(editor.hover('user', 'user(2)'), 'const user: (id: number, n?: number) => Promise<User>');
  t.is(editor.hover('generic', "generic('x')"), 'const generic: <string>(value: string) => Promise<string>');
  t.is(editor.hover('found', "found('x')"), 'const found: (name: string) => Promise<string> (+1 overload)');
  t.regex(
    editor.hover('entry', 'user.entry(5)'),
    /entry: \(id: number, n\?: number \| undefined\) => Promise<Entry<User>>$/,
  );
  t.deepEqual(editor.signatures('sync('), ['sync(id: number, n?: number | undefined): Promise<number>']);
  t.deepEqual(editor.signatures('found('), [
    'found(id: number): Promise<number>',
    'found(name: string): Promise<string>',
  ]);
  t.deepEqual(editor.signatures('; byId('), ['byId(id: number): Promise<User>']);
});

test('an error names the option, what it takes and what the function takes', (t) => {
  const wrong = new Editor(`
    import { cache } from 'cachekit-native';
    cache({ key: (id: number) => String(id) })((id: string) => id);
  `);
  t.is(wrong.errors.length, 1);
  t.regex(
    wrong.errors[0] ?? '',
    /DoesNotFit<"key or tags take other arguments than this function", \[id: number\], \[id: string\]>/,
  );
});
