import { KeyError } from '../errors.js';
import { abortable, settled, signalOf } from '../native/abort.js';
import { type NativeSealer, type NativeSequence, native, TRUSTED, TRUSTED_OUT } from '../native/addon.js';
import { fitsSlab, SLAB_MAX, Slab, sealedSlab } from '../native/memory.js';
import { checked, guarded, NATIVE_CODE, NEEDS, nativeError } from '../native/result.js';
import { assertTenantId } from '../protocol/derive.js';
import { assertValueLen, MAX_VALUE_LEN, SEAL_OVERHEAD } from '../protocol/limits.js';
import { type MasterKeyInput, masterKeyBytes } from '../protocol/master-key.js';
import { allocate, assertBytes, copyOf, hasBytes, kindOf, lengthOf, partOf } from '../util/bytes.js';

const NONCE_LEN = 12;

/**
 * One tenant's encryption key, derived in Rust and never visible to JavaScript, with a nonce sequence.
 * Seals bytes as nonce (12) | ciphertext | tag (16) with AES-256-GCM.
 *
 * Protocol: docs/protocol.md, "Ciphertext Format".
 */
export class Sealer implements Disposable {
  // Held for its handle: the key goes when it goes.
  readonly #native: NativeSealer;
  readonly #handle: number;
  readonly #sequence: NativeSequence;
  readonly #fingerprint: string;
  /** Small plaintexts share memory with those of the same key only. */
  readonly #opened = new Slab();
  #destroyed = false;

  /**
   * @param tenantId 1 to 1,024 bytes as UTF-8.
   * @throws TypeError for a wrong type, KeyError for a malformed master key, RangeError for a tenant's length.
   */
  constructor(masterKey: MasterKeyInput, tenantId: string) {
    assertTenantId(tenantId);
    const bytes = masterKeyBytes('masterKey', masterKey);
    try {
      const master = guarded(() => new native.MasterKey(bytes));
      this.#sequence = guarded(() => new native.NonceSequence(false));
      this.#native = guarded(() => master.sealer(Buffer.from(tenantId), this.#sequence));
      master.destroy();
    } finally {
      bytes.fill(0);
    }
    this.#handle = this.#native.handle;
    const fingerprint = Buffer.alloc(16);
    checked(native.fingerprint(this.#handle, fingerprint));
    this.#fingerprint = fingerprint.toString('hex');
  }

  /**
   * @param aad what the value is bound to; an empty array is allowed.
   * @returns `plaintext.length + 28` bytes that the caller owns.
   * @throws NonceExhaustedError after 2^32 seals, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
   */
  seal(plaintext: Uint8Array, aad: Uint8Array): Buffer {
    if (hasBytes(plaintext) && hasBytes(aad)) {
      // An array's own `length` may be wrong: the native addon's result is the true one.
      const length = plaintext.length + SEAL_OVERHEAD;
      if (fitsSlab(length)) {
        const sealed = sealedSlab.take(length);
        const result = native.sealInto(this.#handle | TRUSTED_OUT, sealed, plaintext, aad);
        if (result === length) return sealed;
        if (result < 0 && !isInDoubt(result)) throw nativeError(result);
      }
    }
    return this.#sealValidated(plaintext, aad);
  }

  /**
   * @returns the plaintext in a Buffer that the caller owns; a small one shares its memory with others opened by this sealer.
   * @throws AuthenticationError when the key, the AAD or the bytes are not those that were sealed; KeyError after `destroy`.
   */
  open(sealed: Uint8Array, aad: Uint8Array): Buffer {
    if (hasBytes(sealed) && hasBytes(aad)) {
      const length = sealed.length - SEAL_OVERHEAD;
      if (fitsSlab(length)) {
        const plaintext = this.#opened.take(length);
        const result = native.openInto(this.#handle | TRUSTED_OUT, plaintext, sealed, aad);
        if (result === length) return plaintext;
        if (result < 0 && !isInDoubt(result)) throw nativeError(result);
      }
    }
    return this.#openValidated(sealed, aad);
  }

  /**
   * Seals off the event loop. The inputs are copied at the call and the nonce is taken then.
   *
   * @throws (rejects) as {@link seal}; with the signal's reason when it aborts before the work has started.
   */
  async sealAsync(plaintext: Uint8Array, aad: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Buffer> {
    // Read first: an option's getter, and a signal's own methods, are user code, which may detach the arrays.
    const signal = signalOf(options);
    assertInputs(plaintext, aad);
    const inputs = [copyOf(plaintext), copyOf(aad)] as const;
    const sealed = allocate(inputs[0].length + SEAL_OVERHEAD);
    settled(
      await abortable(signal, (fired) => {
        const [copy, aad] = inputs;
        return native.sealAsync(this.#handle, sealed, 0, copy, aad, aad.length, 0, fired);
      }),
      signal,
    );
    return sealed;
  }

  /** Opens off the event loop. The inputs are copied at the call. @throws (rejects) as {@link open}. */
  async openAsync(sealed: Uint8Array, aad: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Buffer> {
    const signal = signalOf(options);
    assertSealed(sealed, aad);
    const inputs = [copyOf(sealed), copyOf(aad)] as const;
    const plaintext = allocate(Math.max(0, inputs[0].length - SEAL_OVERHEAD));
    settled(
      await abortable(signal, (fired) => {
        const [copy, aad] = inputs;
        return native.openAsync(this.#handle, plaintext, 0, copy, 0, aad, aad.length, 0, fired);
      }),
      signal,
    );
    return plaintext;
  }

  /**
   * Seals into the caller's memory; nothing is allocated.
   *
   * @param out room for `plaintext.length + 28` bytes, not overlapping an input.
   * @returns the bytes written.
   * @throws RangeError when `out` is too small or overlaps; else as {@link seal}.
   */
  sealInto(out: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): number {
    if (hasBytes(out) && hasBytes(plaintext) && hasBytes(aad)) {
      const length = native.sealInto(this.#handle, out, plaintext, aad);
      if (!isInDoubt(length)) return checked(length);
    }
    assertSealInto(out, plaintext, aad);
    return checked(native.sealInto(this.#handle | TRUSTED, out, plaintext, aad));
  }

  /**
   * Opens into the caller's memory; nothing is allocated. A failed open leaves zeros there.
   *
   * @param out room for `sealed.length - 28` bytes, not overlapping an input.
   * @returns the bytes written.
   * @throws RangeError when `out` is too small or overlaps; else as {@link open}.
   */
  openInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): number {
    if (hasBytes(out) && hasBytes(sealed) && hasBytes(aad)) {
      const length = native.openInto(this.#handle, out, sealed, aad);
      if (!isInDoubt(length)) return checked(length);
    }
    assertOpenInto(out, sealed, aad);
    return checked(native.openInto(this.#handle | TRUSTED, out, sealed, aad));
  }

  /**
   * Seals the plaintext at `buffer[12 .. 12 + plaintextLen]` where it lies.
   *
   * @param buffer has 12 bytes of headroom and at least 16 of tailroom around the plaintext.
   * @returns `buffer[0 .. plaintextLen + 28]`, a view; `buffer` itself when that is all of it.
   * @throws RangeError when the lengths do not fit; else as {@link seal}.
   */
  sealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): Uint8Array {
    let length: number = NATIVE_CODE.NEEDS_VALIDATION;
    if (hasBytes(buffer) && hasBytes(aad) && isLength(plaintextLen)) {
      length = native.sealInPlace(this.#handle, buffer, plaintextLen, aad);
    }
    if (isInDoubt(length) || length === NATIVE_CODE.OUTPUT_TOO_SMALL) {
      assertSealInPlace(buffer, plaintextLen, aad);
      length = native.sealInPlace(this.#handle | TRUSTED, buffer, plaintextLen, aad);
    }
    return checked(length) === buffer.length ? buffer : partOf(buffer, 0, length);
  }

  /**
   * Opens all of `buffer` where it lies. A failed open leaves zeros in it.
   *
   * @returns the plaintext, `buffer[12 .. -16]`, a view.
   * @throws as {@link open}.
   */
  openInPlace(buffer: Uint8Array, aad: Uint8Array): Uint8Array {
    let length: number = NATIVE_CODE.NEEDS_VALIDATION;
    if (hasBytes(buffer) && hasBytes(aad)) length = native.openInPlace(this.#handle, buffer, aad);
    if (isInDoubt(length)) {
      assertSealed(buffer, aad, 'buffer');
      length = native.openInPlace(this.#handle | TRUSTED, buffer, aad);
    }
    return partOf(buffer, NONCE_LEN, checked(length));
  }

  /** Fingerprint of the derived key: 32 hex digits. */
  get fingerprint(): string {
    this.#assertUsable();
    return this.#fingerprint;
  }

  /** The first 8 bytes of every nonce; goes up by one per sequence in a process, from a random start. */
  get instanceId(): bigint {
    this.#assertUsable();
    return this.#sequence.instanceId;
  }

  /** 2^32 less the seals done. */
  get sealsRemaining(): number {
    this.#assertUsable();
    return 2 ** 32 - this.#sequence.used;
  }

  /** Wipes the key; any later use is a KeyError. Async work under way finishes. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    native.destroy(this.#handle);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** For what is empty or large, and for arrays that are not what they seem. */
  #sealValidated(plaintext: Uint8Array, aad: Uint8Array): Buffer {
    assertInputs(plaintext, aad);
    const length = lengthOf(plaintext) + SEAL_OVERHEAD;
    const sealed = length <= SLAB_MAX ? sealedSlab.take(length) : allocate(length);
    checked(native.sealInto(this.#handle | TRUSTED, sealed, plaintext, aad));
    return sealed;
  }

  #openValidated(sealed: Uint8Array, aad: Uint8Array): Buffer {
    assertSealed(sealed, aad);
    const length = Math.max(0, lengthOf(sealed) - SEAL_OVERHEAD);
    const plaintext = length <= SLAB_MAX ? this.#opened.take(length) : allocate(length);
    checked(native.openInto(this.#handle | TRUSTED, plaintext, sealed, aad));
    return plaintext;
  }

  #assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This key was destroyed');
  }
}

/** Whether nothing was done, because an array has to be looked at, or may have a length that its property does not tell. */
function isInDoubt(result: number): boolean {
  return result === NATIVE_CODE.NEEDS_VALIDATION || result <= NEEDS;
}

/* Methods check only what costs nothing. When that fails, or the addon asks for validation, these check all, in the order of the arguments. */

/** Whether the native addon accepts it as a length; whether it fits, the addon checks. */
function isLength(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_VALUE_LEN;
}

function assertInputs(plaintext: Uint8Array, aad: Uint8Array): void {
  assertBytes('plaintext', plaintext);
  assertBytes('aad', aad);
  assertValueLen(lengthOf(plaintext));
}

function assertSealed(sealed: Uint8Array, aad: Uint8Array, name = 'sealed'): void {
  assertBytes(name, sealed);
  assertBytes('aad', aad);
}

function assertSealInto(out: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void {
  assertBytes('out', out);
  assertInputs(plaintext, aad);
  assertRoom(out, lengthOf(plaintext) + SEAL_OVERHEAD);
}

function assertOpenInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): void {
  assertBytes('out', out);
  assertSealed(sealed, aad);
  assertRoom(out, lengthOf(sealed) - SEAL_OVERHEAD);
}

function assertSealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): void {
  assertBytes('buffer', buffer);
  if (typeof plaintextLen !== 'number') {
    throw new TypeError(`plaintextLen must be a number, not ${kindOf(plaintextLen)}`);
  }
  if (!Number.isInteger(plaintextLen) || plaintextLen < 0 || plaintextLen + SEAL_OVERHEAD > lengthOf(buffer)) {
    throw new RangeError(`plaintextLen must be an integer from 0 to the buffer's length less ${SEAL_OVERHEAD}`);
  }
  assertBytes('aad', aad);
  assertValueLen(plaintextLen);
}

function assertRoom(out: Uint8Array, needed: number): void {
  const length = lengthOf(out);
  if (length < needed) throw new RangeError(`out must have at least ${needed} bytes, not ${length}`);
}
