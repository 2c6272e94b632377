const NATIVE_FAULTS = '__test__/security/native-faults.test.ts';

/** Of wiping, of memory that is lent, and of panics, in Rust. */
export const memory = [
  {
    name: 'secret-not-wiped',
    file: 'src-rs/secret.rs',
    from: '        self.0.zeroize();\n',
    to: '',
    test: 'tests::memory::key_bytes_are_zeros_when_their_memory_is_freed',
    smoke: true,
  },
  {
    name: 'expanded-key-not-wiped',
    file: 'src-rs/secret.rs',
    from: '        std::slice::from_mut(&mut *self.0).zeroize();\n',
    to: '',
    test: 'tests::memory::key_bytes_are_zeros_when_their_memory_is_freed',
  },
  {
    name: 'secret-printed',
    file: 'src-rs/secret.rs',
    from: `impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")`,
    to: `impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.0).finish()`,
    test: 'tests::memory::secrets_print_as_redacted',
  },
  {
    name: 'payload-left-by-a-failed-seal',
    file: 'src-rs/sealer/mod.rs',
    from: `        if sealed.is_err() {
            out[NONCE_LEN..NONCE_LEN + len].fill(0);
        }
`,
    to: '',
    test: 'tests::containers::a_seal_without_a_nonce_leaves_nothing_of_the_payload',
  },
  {
    name: 'bytes-left-by-a-failed-open-in-place',
    file: 'src-rs/sealer/open.rs',
    from: '        if opened.is_err() {\n            buffer.fill(0);\n        }\n',
    to: '',
    test: 'tests::aead::every_flipped_bit_and_every_truncation_is_refused',
  },
  {
    name: 'plaintext-left-by-a-wrong-checksum',
    file: 'src-rs/sealer/open.rs',
    from: '            if opened.is_err() {\n                region[CHECKSUM_LEN..].fill(0);\n            }\n',
    to: '',
    test: 'tests::containers::a_checksum_that_does_not_match_is_refused_and_leaves_zeros',
  },
  {
    name: 'plaintext-left-behind-the-payload',
    file: 'src-rs/sealer/open.rs',
    from: `            if !matches!(read, Err(Failure::Needs(_))) {
                container.fill(0);
`,
    to: `            if !matches!(read, Err(Failure::Needs(_))) {
`,
    test: 'tests::containers::what_was_sealed_opens_and_nothing_else_is_written',
  },
  {
    name: 'plaintext-left-by-refused-msgpack',
    file: 'src-rs/container.rs',
    from: '                payload.fill(0);\n',
    to: '',
    test: 'tests::containers::a_payload_outside_messagepacks_bounds_is_refused_in_every_container',
  },
  {
    name: 'block-left-behind-an-interop-container',
    file: 'src-rs/interop_v2.rs',
    from: '            out[at + len..block.end].fill(0);\n',
    to: '',
    test: 'tests::interop_v2::a_payload_is_compressed_where_that_makes_it_shorter',
  },
  {
    name: 'plaintext-left-by-a-panic',
    file: 'src-rs/binding/memory.rs',
    from: '            self.0.fill(0);\n',
    to: '            let _ = &self.0;\n',
    test: 'tests::memory::an_output_is_zeroed_when_its_call_panics',
  },
  {
    name: 'memory-behind-a-result-not-cleared',
    file: 'src-rs/binding/asynchronous.rs',
    from: '            out[len..].fill(0);\n',
    to: '',
    test: {
      file: '__test__/security/lent-memory.test.ts',
      title: 'around every result there are zeros or other results',
    },
  },
  {
    name: 'panic-not-caught',
    file: 'src-rs/binding/status.rs',
    from: `    .unwrap_or_else(|payload| {
        // Dropping it could panic again.
        mem::forget(payload);
        Err(Failure::Panic)
    })`,
    to: '    .unwrap_or_else(|payload| std::panic::resume_unwind(payload))',
    test: {
      file: NATIVE_FAULTS,
      title: 'a panic in any native function is an error in JavaScript, and the process lives',
    },
  },
  {
    name: 'first-tier-kept-after-a-panic',
    file: 'src-rs/binding/tiers.rs',
    from: '            tier.recover();\n',
    to: '',
    test: {
      file: NATIVE_FAULTS,
      title: 'a panic in any native function is an error in JavaScript, and the process lives',
    },
  },
  {
    name: 'key-not-wiped-by-destroy',
    file: 'src-rs/binding/sealers.rs',
    from: `        for slot in self.slots.borrow_mut().iter_mut().filter(|slot| slot.master == master) {
            slot.sealer = None;
        }
`,
    to: '        let _ = master;\n',
    test: {
      file: '__test__/keys/keyring.test.ts',
      title: 'destroy wipes also the keys of tenants that the keyring does not keep any more',
    },
  },
  {
    name: 'handle-given-out-again',
    file: 'src-rs/binding/sealers.rs',
    from: '            slot.handle = slot.handle.next();\n',
    to: '',
    test: { file: '__test__/keys/sealer.test.ts', title: 'the handle of a sealer that is gone names no other one' },
  },
  {
    name: 'output-over-an-input',
    file: 'src-rs/binding/call.rs',
    from: `        if inputs.iter().any(|input| out.overlaps(*input)) {
            return Err(Failure::Overlap);
        }
`,
    to: '',
    test: {
      file: '__test__/security/aliasing.test.ts',
      title: 'the output of sealInto and openInto may lie beside an input, but not on it',
    },
  },
  {
    name: 'shared-memory-taken',
    file: 'src-rs/binding/call.rs',
    from: '            if untrusted {\n',
    to: '            if untrusted && self.count == 0 {\n',
    test: {
      file: '__test__/security/memory.test.ts',
      title: 'the addon asks for a closer look before it does anything, and takes a trusted array as it is',
    },
  },
  {
    name: 'cache-key-length-little-endian-in-batches',
    file: 'src-rs/binding/batch.rs',
    from: '(key.len() as u32).to_be_bytes()',
    to: '(key.len() as u32).to_le_bytes()',
    test: {
      file: '__test__/codec/batch.test.ts',
      title: 'a batch of any size, of values of any size and of several tenants is what one by one is',
    },
  },
];
