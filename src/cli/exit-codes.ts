/** What a command ends with. */
export const EXIT = {
  done: 0,
  /** It could not be done, or not to its end. */
  failed: 1,
  /** Options and arguments that the command does not have. */
  wrongUse: 2,
  /** It was done, and something is left: values that need a previous key, a check that was not passed. */
  left: 3,
} as const;

export const EXIT_CODES = `
Exit codes:
  0  done
  1  failed, or ended early
  2  wrong options or arguments
  3  done, and something is left to be done
`.trim();
