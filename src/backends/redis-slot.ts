const SLOTS = 16_384;
/** CRC-16/XMODEM, which the cluster specification asks for. */
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key, by the part in its first `{…}` when there is something in it. */
export function slotOf(key: string): number {
  const bytes = Buffer.from(key);
  let [start, end] = [0, bytes.length];
  const open = bytes.indexOf('{');
  const close = open < 0 ? -1 : bytes.indexOf('}', open + 1);
  if (close > open + 1) [start, end] = [open + 1, close];
  let crc = 0;
  for (let i = start; i < end; i++) crc = (crc << 8) ^ (CRC_TABLE[((crc >> 8) ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return (crc & 0xffff) % SLOTS;
}
