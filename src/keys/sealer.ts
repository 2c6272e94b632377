import { abortable, settled, signalOf } from '../abort.js';
import { allocate, hasBytes, SLAB_MAX, sealedSlab } from '../bytes.js';
import { KeyError } from '../errors.js';
import {
  checked,
  guarded,
  type NativeSealer,
  type NativeSequence,
  native,
  UNVETTED,
  VETTED,
  VETTED_OUT,
} from '../native.js';
import { assertTenantId } from './derive.js';
import { type MasterKeyInput, masterKeyBytes } from './master-key.js';
import {
  assertInputs,
  assertOpenInPlace,
  assertOpenInto,
  assertSealed,
  assertSealInPlace,
  assertSealInto,
  hasRoom,
  isLengthIn,
  SEAL_OVERHEAD,
} from './sealer-arguments.js';

const NONCE_LEN = 12;

/**
 * One tenant's encryption key, derived in Rust and never visible to JavaScript, with a nonce sequence.
 * Seals bytes as nonce (12) | ciphertext | tag (16) with AES-256-GCM.
 *
 * Source: protocol text, "Ciphertext Format" and "Nonce Generation".
 */
export class Sealer implements Disposable {
  // Held for its handle: the key goes when it goes.
  readonly #native: NativeSealer;
  readonly #handle: number;
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
   * @returns `plaintext.length + 28` bytes that nobody else holds.
   * @throws NonceExhaustedError after 2^32 seals, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
   */
  seal(plaintext: Uint8Array, aad: Uint8Array): Buffer {
    // Above the slab's limit everything is checked before the result is allocated; below, the native addon helps.
    if (!hasBytes(plaintext) || !hasBytes(aad) || plaintext.length > SLAB_MAX - SEAL_OVERHEAD) {
      assertInputs(plaintext, aad);
    }
    const length = plaintext.length + SEAL_OVERHEAD;
    if (length > SLAB_MAX) {
      const large = allocate(length);
      checked(native.sealInto(this.#handle | VETTED, large, plaintext, aad));
      return large;
    }
    const sealed = sealedSlab.take(length);
    let result = native.sealInto(this.#handle | VETTED_OUT, sealed, plaintext, aad);
    if (result === UNVETTED) {
      assertInputs(plaintext, aad);
      result = native.sealInto(this.#handle | VETTED, sealed, plaintext, aad);
    }
    checked(result);
    return sealed;
  }

  /**
   * @returns the plaintext in a Buffer of its own.
   * @throws AuthenticationError when the key, the AAD or the bytes are not those that were sealed; KeyError after `destroy`.
   */
  open(sealed: Uint8Array, aad: Uint8Array): Buffer {
    const vetted = !hasBytes(sealed) || !hasBytes(aad) || sealed.length > SLAB_MAX;
    if (vetted) assertSealed(sealed, aad);
    const plaintext = Buffer.allocUnsafe(Math.max(0, sealed.length - SEAL_OVERHEAD));
    let result = native.openInto(this.#handle | (vetted ? VETTED : VETTED_OUT), plaintext, sealed, aad);
    if (result === UNVETTED) {
      assertSealed(sealed, aad);
      result = native.openInto(this.#handle | VETTED, plaintext, sealed, aad);
    }
    checked(result);
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
    settled(
      await abortable(signal, (fired) => native.sealAsync(this.#handle, sealed, 0, copy, aad, aad.length, 0, fired)),
      signal,
    );
    return sealed;
  }

  /** Opens off the event loop. The inputs are copied at the call. @throws (rejects) as {@link open}. */
  async openAsync(sealed: Uint8Array, aad: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Buffer> {
    assertSealed(sealed, aad);
    const signal = signalOf(options);
    const plaintext = allocate(Math.max(0, sealed.length - SEAL_OVERHEAD));
    const copy = copyOf(sealed);
    settled(
      await abortable(signal, (fired) =>
        native.openAsync(this.#handle, plaintext, 0, copy, 0, aad, aad.length, 0, fired),
      ),
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
    if (!hasBytes(out) || !hasBytes(plaintext) || !hasBytes(aad) || !hasRoom(out, plaintext.length + SEAL_OVERHEAD)) {
      assertSealInto(out, plaintext, aad);
    }
    let length = native.sealInto(this.#handle, out, plaintext, aad);
    if (length === UNVETTED) {
      assertSealInto(out, plaintext, aad);
      length = native.sealInto(this.#handle | VETTED, out, plaintext, aad);
    }
    return checked(length);
  }

  /**
   * Opens into the caller's memory; nothing is allocated. A failed open leaves zeros there.
   *
   * @param out room for `sealed.length - 28` bytes, not overlapping an input.
   * @returns the bytes written.
   * @throws RangeError when `out` is too small or overlaps; else as {@link open}.
   */
  openInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): number {
    if (!hasBytes(out) || !hasBytes(sealed) || !hasBytes(aad) || !hasRoom(out, sealed.length - SEAL_OVERHEAD)) {
      assertOpenInto(out, sealed, aad);
    }
    let length = native.openInto(this.#handle, out, sealed, aad);
    if (length === UNVETTED) {
      assertOpenInto(out, sealed, aad);
      length = native.openInto(this.#handle | VETTED, out, sealed, aad);
    }
    return checked(length);
  }

  /**
   * Seals the plaintext at `buffer[12 .. 12 + plaintextLen]` where it lies.
   *
   * @param buffer has 12 bytes of headroom and at least 16 of tailroom around the plaintext.
   * @returns `buffer[0 .. plaintextLen + 28]`, a view; `buffer` itself when that is all of it.
   * @throws RangeError when the lengths do not fit; else as {@link seal}.
   */
  sealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): Uint8Array {
    if (!hasBytes(buffer) || !hasBytes(aad) || !isLengthIn(buffer, plaintextLen)) {
      assertSealInPlace(buffer, plaintextLen, aad);
    }
    let length = native.sealInPlace(this.#handle, buffer, plaintextLen, aad);
    if (length === UNVETTED) {
      assertSealInPlace(buffer, plaintextLen, aad);
      length = native.sealInPlace(this.#handle | VETTED, buffer, plaintextLen, aad);
    }
    return checked(length) === buffer.length ? buffer : buffer.subarray(0, length);
  }

  /**
   * Opens all of `buffer` where it lies. A failed open leaves zeros in it.
   *
   * @returns the plaintext, `buffer[12 .. -16]`, a view.
   * @throws as {@link open}.
   */
  openInPlace(buffer: Uint8Array, aad: Uint8Array): Uint8Array {
    if (!hasBytes(buffer) || !hasBytes(aad)) assertOpenInPlace(buffer, aad);
    let length = native.openInPlace(this.#handle, buffer, aad);
    if (length === UNVETTED) {
      assertOpenInPlace(buffer, aad);
      length = native.openInPlace(this.#handle | VETTED, buffer, aad);
    }
    return buffer.subarray(NONCE_LEN, NONCE_LEN + checked(length));
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

  #assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This key was destroyed');
  }
}

function copyOf(bytes: Uint8Array): Buffer {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
