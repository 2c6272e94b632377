import { readFileSync } from 'node:fs';
import test from 'ava';
import { NATIVE_CODE, NEEDS } from '../../src/native/result.js';

const source = readFileSync(new URL('../../src-rs/error.rs', import.meta.url), 'utf8');

test('both languages have the same failures, by name and number', (t) => {
  const [, variants] = /pub enum Failure \{\n(.*?)\n\}/s.exec(source) as RegExpExecArray;
  const names = [...(variants as string).matchAll(/^ {4}(\w+),$/gm)].map(([, name]) => name as string);
  const codes = [...source.matchAll(/Self::(\w+) => (-\d+),/g)].map(([, name, code]) => [name as string, Number(code)]);
  t.deepEqual(
    codes.map(([name]) => name),
    names,
  );
  const upper = (name: string) => name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  t.deepEqual(Object.fromEntries(codes.map(([name, code]) => [upper(name as string), code])), { ...NATIVE_CODE });
});

test('both languages count what an output needs from the same number', (t) => {
  t.is(Number(/NEEDS: i64 = (-\d+);/.exec(source)?.[1]), NEEDS);
  t.true(Object.values(NATIVE_CODE).every((code) => code > NEEDS));
});
