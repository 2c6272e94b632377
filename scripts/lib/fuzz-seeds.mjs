import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from './project.mjs';

/** What is longer slows a target down, and is found by it from what is shorter. */
const MAX_LEN = 2100;
const NONCE = Buffer.alloc(12, 5);

const vectors = (path) => JSON.parse(readFileSync(at('__test__', 'vectors', path), 'utf8'));
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const short = (number) => Buffer.from([number & 0xff, number >> 8]);

/**
 * The committed inputs of each target by their names, made of the test vectors: `{ open: { name: bytes } }`. What the bytes in
 * front are for stands in the target.
 */
export async function seeds() {
  // Not above: the scripts must start before the Node modules are installed.
  const { decode } = await import('@msgpack/msgpack');
  const peer = vectors('cachekit-peer.json');
  const wire = vectors('protocol/wire-format.json');
  const bounds = vectors('protocol/decode-bounds.json');
  const all = { open: {}, envelope: {}, msgpack: {}, lz4: {}, frame: {}, keyring: {} };
  const add = (target, name, ...parts) => {
    const bytes = Buffer.concat(parts);
    if (bytes.length <= MAX_LEN) all[target][name.replaceAll(/\W+/g, '-')] = bytes;
  };

  for (const { name, bytes } of envelopes(peer, wire)) {
    add('envelope', name, Buffer.from([0, 1, 0, 0, 0]), bytes);
    add(
      'open',
      `envelope-${name}`,
      Buffer.from([1, 8, 3]),
      short(300),
      short(20),
      Buffer.from([1]),
      NONCE,
      hex('616164'),
      bytes,
    );
  }
  for (const { name, format, block, payload } of blocks(peer, decode)) {
    add(
      'envelope',
      `write-${name}`,
      Buffer.from([1, Buffer.byteLength(format), 9, 0, 4]),
      Buffer.from(format),
      payload,
    );
    add('lz4', `block-${name}`, Buffer.from([0, 0]), short(payload.length), block);
    add('lz4', `payload-${name}`, Buffer.from([2, 0, 0, 0]), payload);
    add('lz4', `content-${name}`, Buffer.from([3, 0x1d]), short(25), payload);
    add('frame', `payload-${name}`, Buffer.from([1, 3, 0, 1]), payload);
    add('frame', `checksum-${name}`, Buffer.from([2, 3, 0, 1]), payload);
    for (const kind of [0, 1, 2, 3]) {
      add(
        'open',
        `seal-${kind}-${name}`,
        Buffer.from([0x20 | kind, 8, 0]),
        short(300),
        short(20),
        Buffer.from([1]),
        NONCE,
        payload,
      );
    }
    const container = [hex('c1029301'), uint(payload.length), hex('c4'), Buffer.from([block.length]), block];
    if (block.length < 256) {
      add('frame', `container-${name}`, Buffer.from([0, 10, 0, 0]), ...container);
      add(
        'open',
        `container-${name}`,
        Buffer.from([3, 0, 0]),
        short(300),
        short(20),
        Buffer.from([1]),
        NONCE,
        ...container,
      );
    }
  }
  for (const file of ['pandas-lz4', 'polars-lz4-newest', 'pyarrow-lz4']) {
    arrowFrames(readFileSync(at('__test__', 'vectors', 'arrow', `${file}.arrow`))).forEach((frame, i) => {
      add('lz4', `frame-${file}-${i}`, Buffer.from([1, 0]), short(8191), frame);
    });
  }
  for (const { name, input_hex } of [...bounds.reject_vectors, ...bounds.accept_vectors])
    add('msgpack', name, hex(input_hex));
  for (const [i, { data_hex }] of peer.interop_value.entries()) add('msgpack', `value-${i}`, hex(data_hex));
  for (const { name, frame_hex } of vectors('protocol/python-frame.json').frame_vectors.slice(0, 3)) {
    add('frame', `python-${name}`, Buffer.from([0, 0, 0, 0]), hex(frame_hex));
  }
  for (const [i, text] of ['c1 02 93 00 01 c4 01 c0', 'c1 02 dc00 03 cc00 ce 00000002 c5 0002 91c0'].entries()) {
    add('frame', `container-${i}`, Buffer.from([0, 10, 0, 0]), hex(text));
  }
  for (const width of [0, 1, 2, 3]) {
    add(
      'frame',
      `columns-${1 << width}`,
      Buffer.from([3, 9, 0, width]),
      Buffer.from('0100000000000000080000000000000008', 'hex'),
    );
  }
  for (const { name, plaintext_hex, aad_hex = '', ciphertext_hex } of peer.aes_gcm) {
    const head = [short(40), short(3), Buffer.from([1]), NONCE];
    add('open', `bare-${name}`, Buffer.from([0, 0, aad_hex.length / 2]), ...head, hex(aad_hex), hex(plaintext_hex));
    add(
      'open',
      `sealed-${name}`,
      Buffer.from([0x30, 0, aad_hex.length / 2]),
      ...head,
      hex(aad_hex),
      hex(ciphertext_hex),
    );
  }
  // As much as a block of that length can hold, and one byte more.
  for (const [i, block] of [hex('00'), hex('1f00 0100 ff ff ff 00')].entries()) {
    for (const size of [255 * block.length, 255 * block.length + 1]) {
      const stored = [hex('c4'), Buffer.from([block.length]), block];
      const envelope = [hex('94'), ...stored, hex('98 0000000000000000'), uint(size), hex('a0')];
      add('envelope', `claims-${i}-${size}`, Buffer.from([0, 1, 0, 0, 0]), ...envelope);
      add('frame', `claims-${i}-${size}`, Buffer.from([0, 10, 0, 0]), hex('c1029301'), uint(size), ...stored);
    }
  }
  for (const shape of [0, 1]) {
    for (const number of [0, 43, 300, 301])
      add('lz4', `large-${shape}-${number}`, Buffer.from([255, shape]), short(number));
  }
  const other = Buffer.alloc(32, 9);
  for (const { name, master_key_hex, domain, tenant_id } of peer.derive_domain_key) {
    if (typeof tenant_id !== 'string' || !/encryption|cache_keys/.test(domain)) continue;
    const [key, tenant] = [hex(master_key_hex), Buffer.from(tenant_id)];
    const lens = [key.length, Buffer.byteLength(domain), 5];
    const head = Buffer.from([1, ...lens, tenant.length & 0xff, tenant.length >> 8]);
    add(
      'keyring',
      name,
      head,
      Buffer.from(domain),
      Buffer.from('value'),
      key,
      tenant,
      other.subarray(0, key.length),
      tenant,
    );
  }
  return all;
}

function envelopes(peer, wire) {
  const named = ({ name, generator, envelope_hex, envelope_b64 }, i) => ({
    name: name ?? `legacy-${i} ${generator.slice(0, 14)}`,
    bytes: envelope_hex === undefined ? Buffer.from(envelope_b64, 'base64') : hex(envelope_hex),
  });
  const rows = [peer.envelope, peer.envelope_legacy, peer.envelope_accepted_variants, wire.reject_vectors];
  return rows.flatMap((list) => list.map(named)).filter(({ bytes }) => bytes.length < 1000);
}

/** Payloads of up to 400 bytes with the blocks that hold them. */
const blocks = (peer, decode) =>
  peer.envelope
    .filter(({ data_hex, original_size }) => data_hex !== undefined && original_size <= 400)
    .map(({ name, format, envelope_b64, data_hex }) => ({
      name,
      format,
      block: Buffer.from(decode(Buffer.from(envelope_b64, 'base64'))[0]),
      payload: hex(data_hex),
    }));

/** The first three different LZ4 frames in a file, told by their magic and walked to their end. */
function arrowFrames(file) {
  const magic = hex('04224d18');
  const frames = new Set();
  for (let start = file.indexOf(magic); start !== -1 && frames.size < 3; start = file.indexOf(magic, start + 1)) {
    const flags = file[start + 4];
    let end = start + 7 + (flags & 8 ? 8 : 0);
    for (let length = 1; length !== 0; ) {
      length = file.readUInt32LE(end) & 0x7fffffff;
      end += 4 + length + (length > 0 && flags & 16 ? 4 : 0);
    }
    frames.add(file.toString('hex', start, end + (flags & 4 ? 4 : 0)));
  }
  return [...frames].map(hex);
}

const uint = (number) => (number < 128 ? Buffer.from([number]) : Buffer.from([0xcd, number >> 8, number & 0xff]));

/** Where the committed inputs of a target lie. */
export const corpusOf = (target) => at('fuzz', 'corpus', target);

export async function writeSeeds() {
  for (const [target, inputs] of Object.entries(await seeds())) {
    rmSync(corpusOf(target), { recursive: true, force: true });
    mkdirSync(corpusOf(target), { recursive: true });
    for (const [name, bytes] of Object.entries(inputs)) writeFileSync(join(corpusOf(target), name), bytes);
  }
}
