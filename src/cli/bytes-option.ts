const UNITS = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const;

/** A number of bytes: `1048576`, `512kb`, `25mb`, `2gb`, in units of 1,024; `undefined` for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+)(b|kb|mb|gb|)$/i.exec(text);
  if (!match) return undefined;
  const bytes = Number(match[1]) * UNITS[match[2]?.toLowerCase() as keyof typeof UNITS];
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
