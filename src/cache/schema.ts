import { kindOf } from '../util/bytes.js';
import { CheckFailed } from './engine/checks.js';
import type { Check } from './engine/policy.js';

/** Whatever is of the interface Standard Schema, version 1: the schemas of zod, valibot, arktype and others. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** `issues`: the value does not pass. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** @throws TypeError unless it is a schema, false or left out. */
export function parseValidate(schema: unknown): { readonly check: Check | undefined } {
  if (schema === undefined || schema === false) return { check: undefined };
  const standard: Partial<StandardSchema['~standard']> | undefined =
    (typeof schema === 'object' || typeof schema === 'function') && schema !== null
      ? (schema as Partial<StandardSchema>)['~standard']
      : undefined;
  if (standard?.version !== 1 || typeof standard.validate !== 'function') {
    throw new TypeError(`validate must be a schema (Standard Schema, version 1), not ${kindOf(schema)}`);
  }
  const { validate } = standard;
  const check: Check = async (value) => {
    const result = await validate.call(standard, value);
    const { issues } = result;
    if (issues) throw new CheckFailed(issues.length);
    return (result as { value: unknown }).value;
  };
  return { check };
}
