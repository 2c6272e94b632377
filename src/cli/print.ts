/** Writes to the standard output. @throws what the system says: a key that was not written must not pass for one. */
export function print(text: string | Uint8Array): Promise<void> {
  const { stdout } = process;
  return new Promise((resolve, reject) => {
    // The stream tells of it as well, and without a listener that would end the process.
    stdout.once('error', reject);
    stdout.write(typeof text === 'string' ? `${text}\n` : text, (error) => {
      if (error) return reject(error);
      stdout.off('error', reject);
      resolve();
    });
  });
}
