// biome-ignore lint/suspicious/noExplicitAny: of Next's kinds of values only some properties are known here
export type Value = any;

/** A page says its tags in a header, which is not sent; a fetch in itself. */
export function tagsOf(value: Value): string[] {
  const header = value?.headers?.['x-next-cache-tags'];
  return [...(value?.tags ?? []), ...(typeof header === 'string' ? header.split(',') : [])];
}

/** Without Maps, which not every serializer takes. */
export function packed(value: Value): Value {
  const { segmentData } = value ?? {};
  return segmentData instanceof Map ? { ...value, segmentData: [...segmentData] } : value;
}

/** As Next has given it: with Buffers and a Map of such. */
export function unpacked(value: Value): Value {
  if (value === null || typeof value !== 'object') return value;
  const restored = Object.entries(value).map(([name, part]) => [
    name,
    part instanceof Uint8Array ? bufferOf(part) : part,
  ]);
  const own = Object.fromEntries(restored);
  const { segmentData } = own;
  if (!Array.isArray(segmentData)) return own;
  return { ...own, segmentData: new Map(segmentData.map(([name, bytes]) => [name, bufferOf(bytes)])) };
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength);
