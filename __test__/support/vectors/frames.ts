import { EncryptionWrapper, type Serializer } from '../../../index.js';

/** A CK frame as Python writes it, with whatever header a row says. */
export function frameOf(header: object, payload: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.from([0x43, 0x4b, 3, 0, 0, 0, 0]);
  prefix.writeUInt32BE(json.length, 3);
  return Buffer.concat([prefix, json, payload]);
}

export interface Reader {
  masterKey: string | Uint8Array;
  tenantId: string;
  cacheKey: string;
  wire: 'python' | 'interop';
  serializer?: Serializer;
}

/** The three ways in which a wrapper reads stored bytes. */
export function readings({ cacheKey, ...options }: Reader, stored: Uint8Array): [string, () => unknown][] {
  const withWrapper = async (read: (wrapper: EncryptionWrapper) => unknown) => {
    using wrapper = new EncryptionWrapper(options);
    return await read(wrapper);
  };
  return [
    [`${options.wire} wire`, () => withWrapper((wrapper) => wrapper.deserialize(stored, { cacheKey }))],
    [`${options.wire} wire, async`, () => withWrapper((wrapper) => wrapper.deserializeAsync(stored, { cacheKey }))],
    [
      `${options.wire} wire, batch`,
      () =>
        withWrapper((wrapper) => {
          const [result] = wrapper.deserializeMany([{ sealed: stored, cacheKey }]);
          if (result?.ok) return result.value;
          throw result?.error;
        }),
    ],
  ];
}
