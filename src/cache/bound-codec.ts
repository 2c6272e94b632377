import type { Backend } from '../backends/backend.js';
import type { ValueCodec, ValueContext } from '../codec/value-codec.js';
import { assertWellFormed } from '../util/bytes.js';

/**
 * A codec that binds values to the whole of what the backend's client writes, its prefix included, so that a value that is
 * moved to another prefix does not open. Without a prefix it is the codec itself.
 */
export function boundCodec(codec: ValueCodec, backend: Pick<Backend, 'keyPrefix'> | undefined): ValueCodec {
  if (backend?.keyPrefix === undefined) return codec;
  assertWellFormed('backend.keyPrefix', backend.keyPrefix);
  const bound = <C extends ValueContext>(context: C): C => ({
    ...context,
    cacheKey: (backend.keyPrefix ?? '') + context.cacheKey,
  });
  return {
    serialize: (value, context) => codec.serialize(value, bound(context)),
    deserialize: (sealed, context) => codec.deserialize(sealed, bound(context)),
    serializeAsync: (value, context) => codec.serializeAsync(value, bound(context)),
    deserializeAsync: (sealed, context) => codec.deserializeAsync(sealed, bound(context)),
    serializeSized: (value, context) => codec.serializeSized(value, bound(context)),
    deserializeSized: (sealed, context) => codec.deserializeSized(sealed, bound(context)),
    rewrapSized: (sealed, context) => codec.rewrapSized(sealed, bound(context)),
    serializeMany: (items) => codec.serializeMany(items.map(bound)),
    deserializeMany: (items) => codec.deserializeMany(items.map(bound)),
  };
}
