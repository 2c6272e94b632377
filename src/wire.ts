import { envelopeBound } from './byte-storage.js';
import { kindOf } from './bytes.js';
import { ConfigurationError } from './errors.js';
import { SEAL_OVERHEAD } from './keys/sealer-arguments.js';
import { CONTAINER, MODE_CHECK_MSGPACK, MODE_FORMAT_SHIFT, MODE_LITERALS } from './native.js';
import { ArrowSerializer } from './serializers/arrow.js';
import { isBuiltIn } from './serializers/built-in.js';
import { InteropSerializer } from './serializers/interop.js';
import { JsonSerializer } from './serializers/json.js';
import { assertSerializer, type Serializer } from './serializers/serializer.js';
import { StandardSerializer } from './serializers/standard.js';

/**
 * Who shares the stored bytes: every process of this package (`protocol`), every CacheKit SDK (`interop`),
 * or a Python `@cache` function (`python`). A reader never guesses it from bytes.
 */
export type Wire = 'protocol' | 'interop' | 'python';

/** Everything about a value's bytes that its wire and serializer decide. */
export interface WireProfile {
  readonly wire: Wire;
  readonly serializer: Serializer;
  readonly container: 'envelope' | 'checksum' | 'none';
  /** Parts of the AAD. */
  readonly format: string;
  readonly compressed: boolean;
  readonly originalType: string | undefined;
  /** The serializer's name in a Python frame. */
  readonly frameName: 'default' | 'orjson' | 'arrow' | undefined;
  /** The native addon's mode without the format's length. */
  readonly mode: number;
}

const MAX_FORMAT_LEN = 255;
const WIRES: readonly unknown[] = ['protocol', 'interop', 'python'];

/**
 * @param compress false writes literals-only LZ4, so that a length does not depend on what else is in a value.
 * @throws TypeError for a wrong type, RangeError for an unknown wire, ConfigurationError for a serializer that the wire does not carry.
 * Source: protocol, "What goes into the AAD and around the payload, by profile".
 */
export function wireProfile(wire: Wire = 'protocol', given?: Serializer, compress = true): WireProfile {
  if (typeof wire !== 'string') throw new TypeError(`wire must be a string, not ${kindOf(wire)}`);
  if (!WIRES.includes(wire)) throw new RangeError("wire must be 'protocol', 'interop' or 'python'");
  if (typeof compress !== 'boolean') throw new TypeError(`compress must be a boolean, not ${kindOf(compress)}`);
  const serializer = given ?? (wire === 'interop' ? new InteropSerializer() : new StandardSerializer());
  assertSerializer(serializer);
  const frameName = builtInName(serializer);
  if (wire === 'interop' && !(serializer instanceof InteropSerializer)) {
    throw new ConfigurationError("wire 'interop' carries the InteropSerializer only");
  }
  if (wire === 'python' && frameName === undefined) {
    throw new ConfigurationError(
      "wire 'python' carries the StandardSerializer, the JsonSerializer or the ArrowSerializer only",
    );
  }
  const container = serializer.container ?? 'envelope';
  const format = serializer.format;
  const literals = compress ? 0 : MODE_LITERALS;
  const messagePack = isBuiltIn(serializer) && format === 'msgpack';
  return {
    wire,
    serializer,
    container,
    format,
    compressed: serializer.compressed ?? container === 'envelope',
    originalType: wire === 'python' ? format : wire === 'interop' ? undefined : serializer.originalType,
    frameName,
    mode: CONTAINER[container] | literals | (messagePack ? MODE_CHECK_MSGPACK : 0),
  };
}

/** The native addon's mode with the format's length, for a value with this format. */
export function modeOf(profile: WireProfile, formatLen: number): number {
  return profile.mode | (formatLen << MODE_FORMAT_SHIFT);
}

/** The most bytes that the container of a payload may need while it is written. */
export function packedBound(profile: WireProfile, payloadLen: number): number {
  if (profile.container === 'envelope') return envelopeBound(payloadLen, MAX_FORMAT_LEN);
  return profile.container === 'checksum' ? payloadLen + 8 : payloadLen;
}

/** The most bytes that a sealed payload may need while it is written. */
export function sealedBound(profile: WireProfile, payloadLen: number): number {
  return packedBound(profile, payloadLen) + SEAL_OVERHEAD;
}

function builtInName(serializer: Serializer): WireProfile['frameName'] {
  if (serializer instanceof StandardSerializer) return 'default';
  if (serializer instanceof JsonSerializer) return 'orjson';
  if (serializer instanceof ArrowSerializer) return 'arrow';
  return undefined;
}
