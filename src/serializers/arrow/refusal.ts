import { SerializationError } from '../../errors.js';

const CANNOT = 'The Table cannot be written as an Arrow file';

/** Why a table is not written. Only this package makes one: what a getter of the table throws may look like any error. */
export class TableRefusal {
  readonly #why: string;

  constructor(why: string) {
    this.#why = why;
  }

  /** What was thrown while a table was written, as the caller's error: no property is read of a value that user code may have thrown. */
  static asError(thrown: unknown): SerializationError {
    const isOurs = typeof thrown === 'object' && thrown !== null && #why in thrown;
    return new SerializationError(isOurs ? `${CANNOT}: ${thrown.#why}` : CANNOT);
  }
}
