/**
 * Every way in which bytes tend to be printed: raw, hex with and without spaces, decimal lists, base64 at each
 * of its three alignments.
 */
export function forms(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const list = [...bytes];
  // The first and last characters at an alignment depend on the neighbours, so they are left out.
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    return text.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [
    bytes.toString('latin1'),
    bytes.toString('hex'),
    list.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    list.join(','),
    list.join(', '),
    list.map((byte, index) => `"${index}":${byte}`).join(','),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** The forms that `text` shows, whatever its case and its line breaks. */
export function shownIn(text: string, secretForms: string[]): string[] {
  const exact = text.replace(/\s+/g, ' ');
  const lower = exact.toLowerCase();
  return secretForms.filter((form) => {
    const normal = form.replace(/\s+/g, ' ');
    return exact.includes(normal) || (/^[0-9a-f ]+$/.test(normal) && lower.includes(normal));
  });
}
