/**
 * Who shares the stored bytes: every process of this package (`protocol`), every CacheKit SDK (`interop`, and compressed
 * `interop-v2`, which is a draft), or a Python `@cache` function (`python`). A reader never guesses it from bytes.
 */
export type Wire = 'protocol' | 'interop' | 'interop-v2' | 'python';
