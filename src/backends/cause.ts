import { isError } from '../errors.js';
/**
 * What is kept of another library's error as a cause: name, message, code, and its own cause alike. Such errors carry
 * more: the command with its arguments, the packet that was not understood, the bytes that were read.
 */
export function bareCause(error: unknown): Error | undefined {
  if (!isError(error)) return undefined;
  const bare: Error & { code?: string } = new Error(error.message, { cause: bareCause(error.cause) });
  bare.name = error.name;
  // The trace of this function says nothing.
  bare.stack = `${error.name}: ${error.message}`;
  const code = codeOf(error);
  if (code !== undefined) bare.code = code;
  return bare;
}

/** As {@link bareCause}; nothing when it quotes one of these, as stores and their clients do as they like. */
export function causeWithout(secrets: readonly string[], error: unknown): Error | undefined {
  const text = messagesOf(error);
  return secrets.some((secret) => text.includes(secret)) ? undefined : bareCause(error);
}

function messagesOf(error: unknown): string {
  return isError(error) ? `${error.message}\n${messagesOf(error.cause)}` : '';
}

/** The first `code` of an error and its causes, like `ECONNREFUSED`. */
export function codeOf(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : codeOf(error.cause);
}
