import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Type-checks one changed file after the other: the tests run without that, and an error that the compiler finds is no mutant. */
export class TypeChecker {
  #folder;
  #service;
  /** The changed file, in which version. */
  #changed = { path: '', text: '', version: 0 };

  constructor(folder) {
    this.#folder = folder;
    const read = ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile);
    const { options, fileNames } = ts.parseJsonConfigFileContent(read.config, ts.sys, folder);
    this.#service = ts.createLanguageService({
      // What a mutant does not use any more is no error of its own.
      getCompilationSettings: () => ({ ...options, noUnusedLocals: false, noUnusedParameters: false }),
      getScriptFileNames: () => fileNames,
      getScriptVersion: (path) => (path === this.#changed.path ? `${this.#changed.version}` : '0'),
      getScriptSnapshot: (path) => this.#snapshot(path),
      getCurrentDirectory: () => folder,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: existsSync,
      readFile: (path) => readFileSync(path, 'utf8'),
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
      realpath: ts.sys.realpath,
    });
  }

  /** The first error in a file with this text; undefined: there is none. */
  errorsIn(file, text) {
    const path = ts.sys.resolvePath(join(this.#folder, file)).replaceAll('\\', '/');
    this.#changed = { path, text, version: this.#changed.version + 1 };
    const [first] = [...this.#service.getSyntacticDiagnostics(path), ...this.#service.getSemanticDiagnostics(path)];
    return first && ts.flattenDiagnosticMessageText(first.messageText, '\n');
  }

  #snapshot(path) {
    if (path === this.#changed.path) return ts.ScriptSnapshot.fromString(this.#changed.text);
    return existsSync(path) ? ts.ScriptSnapshot.fromString(readFileSync(path, 'utf8')) : undefined;
  }
}
