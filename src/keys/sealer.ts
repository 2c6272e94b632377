import { allocate, assertBytes, kindOf, SLAB_MAX, sealedSlab } from '../bytes.js';
import { KeyError, ValueTooLargeError } from '../errors.js';
import { checked, type NativeSealer, type NativeSequence, native } from '../native.js';
import { assertTenantId } from './derive.js';
import { type MasterKeyInput, masterKeyBytes } from './master-key.js';

/** Bytes that sealing adds: a nonce of 12 in front, a tag of 16 behind. */
export const SEAL_OVERHEAD = 28;
/** The most bytes that are sealed as one value: 512 MiB. */
export const MAX_VALUE_LEN = 536_870_912;
const NONCE_LEN = 12;

/**
 * One tenant's encryption key, derived in Rust and never visible to JavaScript, with a nonce sequence.
 * Seals bytes as nonce (12) | ciphertext | tag (16) with AES-256-GCM.
 *
 * Source: protocol text, "Ciphertext Format" and "Nonce Generation".
 */
export class Sealer implements Disposable {
  readonly #native: NativeSealer;
  readonly #sequence: NativeSequence;
  readonly #fingerprint: string;
  #destroyed = false;

  /**
   * @param tenantId 1 to 1,024 bytes as UTF-8.
   * @throws TypeError for a wrong type, KeyError for a malformed master key, RangeError for a tenant's length.
   */
  constructor(masterKey: MasterKeyInput, tenantId: string) {
    assertTenantId(tenantId);
    const bytes = masterKeyBytes('masterKey', masterKey);
    try {
      const master = new native.MasterKey(bytes);
      this.#sequence = new native.NonceSequence(false);
      this.#native = master.sealer(Buffer.from(tenantId), this.#sequence);
      master.destroy();
    } finally {
      bytes.fill(0);
    }
    const fingerprint = Buffer.alloc(16);
    checked(this.#native.fingerprint(fingerprint));
    this.#fingerprint = fingerprint.toString('hex');
  }

  /**
   * @param aad what the value is bound to; an empty array is allowed.
   * @returns `plaintext.length + 28` bytes that nobody else holds.
   * @throws NonceExhaustedError after 2^32 seals, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
   */
  seal(plaintext: Uint8Array, aad: Uint8Array): Buffer {
    assertInputs(plaintext, aad);
    const length = plaintext.length + SEAL_OVERHEAD;
    if (length > SLAB_MAX) {
      const sealed = allocate(length);
      checked(this.#native.seal(sealed, 0, plaintext, aad, aad.length, 0));
      return sealed;
    }
    sealedSlab.reserve(length);
    checked(this.#native.seal(sealedSlab.buffer, sealedSlab.offset, plaintext, aad, aad.length, 0));
    return sealedSlab.take(length);
  }

  /**
   * @returns the plaintext in a Buffer of its own.
   * @throws AuthenticationError when the key, the AAD or the bytes are not those that were sealed; KeyError after `destroy`.
   */
  open(sealed: Uint8Array, aad: Uint8Array): Buffer {
    assertBytes('sealed', sealed);
    assertBytes('aad', aad);
    const plaintext = Buffer.allocUnsafe(Math.max(0, sealed.length - SEAL_OVERHEAD));
    checked(this.#native.open(plaintext, 0, sealed, 0, aad, aad.length, 0));
    return plaintext;
  }

  /**
   * Seals off the event loop. The inputs are copied at the call and the nonce is taken then.
   *
   * @throws (rejects) as {@link seal}; with the signal's reason when it aborts before the work has started.
   */
  async sealAsync(plaintext: Uint8Array, aad: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Buffer> {
    assertInputs(plaintext, aad);
    const signal = signalOf(options);
    const sealed = allocate(plaintext.length + SEAL_OVERHEAD);
    const copy = copyOf(plaintext);
    await settled(this.#native.sealAsync(sealed, 0, copy, aad, aad.length, 0, signal), signal);
    return sealed;
  }

  /** Opens off the event loop. The inputs are copied at the call. @throws (rejects) as {@link open}. */
  async openAsync(sealed: Uint8Array, aad: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Buffer> {
    assertBytes('sealed', sealed);
    assertBytes('aad', aad);
    const signal = signalOf(options);
    const plaintext = allocate(Math.max(0, sealed.length - SEAL_OVERHEAD));
    const copy = copyOf(sealed);
    await settled(this.#native.openAsync(plaintext, 0, copy, 0, aad, aad.length, 0, signal), signal);
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
    assertBytes('out', out);
    assertInputs(plaintext, aad);
    assertRoom(out, plaintext.length + SEAL_OVERHEAD);
    return checked(this.#native.seal(out, 0, plaintext, aad, aad.length, 0));
  }

  /**
   * Opens into the caller's memory; nothing is allocated. A failed open leaves zeros there.
   *
   * @param out room for `sealed.length - 28` bytes, not overlapping an input.
   * @returns the bytes written.
   * @throws RangeError when `out` is too small or overlaps; else as {@link open}.
   */
  openInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): number {
    assertBytes('out', out);
    assertBytes('sealed', sealed);
    assertBytes('aad', aad);
    assertRoom(out, sealed.length - SEAL_OVERHEAD);
    return checked(this.#native.open(out, 0, sealed, 0, aad, aad.length, 0));
  }

  /**
   * Seals the plaintext at `buffer[12 .. 12 + plaintextLen]` where it lies.
   *
   * @param buffer has 12 bytes of headroom and at least 16 of tailroom around the plaintext.
   * @returns `buffer[0 .. plaintextLen + 28]`, a view.
   * @throws RangeError when the lengths do not fit; else as {@link seal}.
   */
  sealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): Uint8Array {
    assertBytes('buffer', buffer);
    if (typeof plaintextLen !== 'number')
      throw new TypeError(`plaintextLen must be a number, not ${kindOf(plaintextLen)}`);
    if (!Number.isInteger(plaintextLen) || plaintextLen < 0 || plaintextLen + SEAL_OVERHEAD > buffer.length) {
      throw new RangeError(`plaintextLen must be an integer from 0 to the buffer's length less ${SEAL_OVERHEAD}`);
    }
    assertBytes('aad', aad);
    assertValueLen(plaintextLen);
    return buffer.subarray(0, checked(this.#native.sealInPlace(buffer, plaintextLen, aad, aad.length)));
  }

  /**
   * Opens all of `buffer` where it lies. A failed open leaves zeros in it.
   *
   * @returns the plaintext, `buffer[12 .. -16]`, a view.
   * @throws as {@link open}.
   */
  openInPlace(buffer: Uint8Array, aad: Uint8Array): Uint8Array {
    assertBytes('buffer', buffer);
    assertBytes('aad', aad);
    const length = checked(this.#native.openInPlace(buffer, aad, aad.length));
    return buffer.subarray(NONCE_LEN, NONCE_LEN + length);
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
    this.#native.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This key was destroyed');
  }
}

/** The value of an async native call. @throws the error for a failure, or the signal's reason. */
export async function settled<T>(pending: Promise<number | T>, signal: AbortSignal | undefined): Promise<number | T> {
  const result = await pending;
  if (typeof result === 'number' && result < 0) {
    if (signal?.aborted) throw signal.reason;
    return checked(result);
  }
  return result;
}

/** @throws TypeError unless it is an AbortSignal or absent; the reason of one that has aborted. */
export function signalOf(options: { signal?: AbortSignal } | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined) return undefined;
  if (!(signal instanceof AbortSignal)) throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  signal.throwIfAborted();
  return signal;
}

function assertInputs(plaintext: unknown, aad: unknown): asserts plaintext is Uint8Array {
  assertBytes('plaintext', plaintext);
  assertBytes('aad', aad);
  assertValueLen(plaintext.length);
}

/** @throws ValueTooLargeError over 512 MiB, before anything is allocated for it. */
export function assertValueLen(length: number): void {
  if (length > MAX_VALUE_LEN) throw new ValueTooLargeError(`The value has ${length} bytes; the limit is 512 MiB`);
}

function assertRoom(out: Uint8Array, needed: number): void {
  if (out.length < needed) throw new RangeError(`out must have at least ${needed} bytes, not ${out.length}`);
}

function copyOf(bytes: Uint8Array): Buffer {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
