import { ConfigurationError } from '../errors.js';
import { CONTAINER, MODE_CHECK_MSGPACK, MODE_FORMAT_SHIFT, MODE_LITERALS } from '../native/addon.js';
import { CHECKSUM_LEN } from '../native/memory.js';
import { encodeFramePrefix, type FrameMetadata } from '../protocol/frame.js';
import { envelopeBound } from '../protocol/limits.js';
import type { Wire } from '../protocol/wire.js';
import { type BuiltIn, builtInOf, isBuiltIn } from '../serializers/built-in.js';
import { InteropSerializer } from '../serializers/interop.js';
import { assertSerializer, type Serializer } from '../serializers/serializer.js';
import { StandardSerializer } from '../serializers/standard.js';
import { kindOf } from '../util/bytes.js';

/** Why a store with a prefix is not for such a wire. */
export function prefixedInterop(wire: Wire): ConfigurationError {
  return new ConfigurationError(
    `wire '${wire}' has cache keys that every SDK knows: nothing may stand in front of them, and the store's client has a prefix`,
  );
}

/** Everything about a value's bytes that its wire and serializer decide. */
export interface WireProfile {
  readonly wire: Wire;
  readonly serializer: Serializer;
  readonly container: 'envelope' | 'checksum' | 'none' | 'interop-v2';
  /** Whether the payload's length is known only when the container has been opened. */
  readonly hidesLength: boolean;
  /** Bytes that the container may need besides the payload, and besides what compression may add. */
  readonly containerLen: number;
  /** Parts of the AAD. */
  readonly format: string;
  readonly compressed: boolean;
  readonly originalType: string | undefined;
  /** The serializer's name in a Python frame. */
  readonly frameName: BuiltIn['frameName'];
  /** The end of a function's cache keys: whether there is an envelope, and the serializer's letter. */
  readonly keySuffix: string;
  /** The native addon's mode without the format's length. */
  readonly mode: number;
}

const MAX_FORMAT_LEN = 255;
const WIRES: readonly unknown[] = ['protocol', 'interop', 'interop-v2', 'python'];

/** Whether every SDK makes the same cache keys, and values of canonical MessagePack. */
export function isInterop(wire: Wire): boolean {
  return wire === 'interop' || wire === 'interop-v2';
}

/**
 * @param compress false writes without compression, so that a length does not depend on what else is in a value.
 * @throws TypeError for a wrong type, RangeError for an unknown wire, ConfigurationError for a serializer that the wire does not carry.
 * Protocol: docs/protocol.md, "Wires".
 */
export function wireProfile(wire: Wire = 'protocol', given?: Serializer, compress = true): WireProfile {
  if (typeof wire !== 'string') throw new TypeError(`wire must be a string, not ${kindOf(wire)}`);
  if (!WIRES.includes(wire)) throw new RangeError("wire must be 'protocol', 'interop', 'interop-v2' or 'python'");
  if (typeof compress !== 'boolean') throw new TypeError(`compress must be a boolean, not ${kindOf(compress)}`);
  const serializer = given ?? (isInterop(wire) ? new InteropSerializer() : new StandardSerializer());
  assertSerializer(serializer);
  const builtIn = builtInOf(serializer);
  const frameName = builtIn?.frameName;
  if (isInterop(wire) && !(serializer instanceof InteropSerializer)) {
    throw new ConfigurationError(`wire '${wire}' carries the InteropSerializer only`);
  }
  if (wire === 'python' && frameName === undefined) {
    throw new ConfigurationError(
      "wire 'python' carries the StandardSerializer, the JsonSerializer or the ArrowSerializer only",
    );
  }
  const container = wire === 'interop-v2' ? wire : (serializer.container ?? 'envelope');
  const hidesLength = container === 'envelope' || container === 'interop-v2';
  const format = serializer.format;
  const literals = compress ? 0 : MODE_LITERALS;
  const messagePack = isBuiltIn(serializer) && format === 'msgpack';
  return {
    wire,
    serializer,
    container,
    hidesLength,
    containerLen: hidesLength ? envelopeBound(0, MAX_FORMAT_LEN) : container === 'checksum' ? CHECKSUM_LEN : 0,
    format,
    // In interop/v2 it says that there is a container, whatever that holds.
    compressed: wire === 'interop-v2' || (serializer.compressed ?? container === 'envelope'),
    originalType: wire === 'python' ? format : isInterop(wire) ? undefined : serializer.originalType,
    frameName,
    keySuffix: `${container === 'envelope' ? 1 : 0}${builtIn?.keyLetter ?? 'x'}`,
    mode: CONTAINER[container] | literals | (messagePack ? MODE_CHECK_MSGPACK : 0),
  };
}

/** The native addon's mode with the format's length, for a value with this format. */
export function modeOf(profile: WireProfile, formatLen: number): number {
  return profile.mode | (formatLen << MODE_FORMAT_SHIFT);
}

/** What goes in front of each value of wire `python`; undefined in the others. @param key of a sealed value. */
export function framePrefix(
  { wire, frameName, format, compressed, originalType }: WireProfile,
  key?: { readonly tenantId: string; readonly keyFingerprint: string },
): Buffer | undefined {
  if (wire !== 'python' || frameName === undefined) return undefined;
  return encodeFramePrefix(frameName, {
    format: format as FrameMetadata['format'],
    compressed,
    originalType: originalType ?? null,
    encrypted: key !== undefined,
    tenantId: key?.tenantId,
    keyFingerprint: key?.keyFingerprint,
  });
}
