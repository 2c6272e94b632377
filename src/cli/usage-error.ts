/** What was typed cannot be done. The message names options, but never repeats what was typed: it may hold a token or a key. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What is wrong in the words of {@link UsageError}; `undefined` for any other error. Those of parseArgs quote what was typed. */
export function usageMessage(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return 'unknown option';
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return 'too many arguments';
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      // The name is one of ours: unknown options are refused before their values.
      const name = /^Option '(?:-\w, )?(--[a-z-]+)/.exec(message)?.[1] ?? 'an option';
      return message.includes('does not take') ? `${name} takes no value` : `${name} needs a value`;
    }
    default:
      return undefined;
  }
}
