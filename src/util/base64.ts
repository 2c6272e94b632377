/** The bytes of base64 with its padding; `undefined` for text that is something else. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  // What is not base64 is skipped in decoding, and comes out shorter.
  return Math.ceil(bytes.length / 3) * 4 === text.length ? bytes : undefined;
}
