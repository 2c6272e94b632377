/** Of what lies inside the seal, and of limits on what untrusted bytes claim, in Rust. */
export const containers = [
  {
    name: 'envelope-checksum-not-compared',
    file: 'src-rs/envelope/reader.rs',
    from: 'Ok(len) if len == out.len() && checksum(out) == self.checksum => Ok(len),',
    to: 'Ok(len) if len == out.len() => Ok(len),',
    test: 'tests::envelope::broken_envelopes_are_refused',
    smoke: true,
  },
  {
    name: 'envelope-filled-up-from-memory',
    file: 'src-rs/envelope/reader.rs',
    from: 'Ok(len) if len == out.len() && checksum(out) == self.checksum => Ok(len),',
    to: 'Ok(_) if checksum(out) == self.checksum => Ok(out.len()),',
    test: 'tests::envelope::a_block_shorter_than_its_size_is_never_filled_up_from_memory',
  },
  {
    name: 'envelope-claim-not-bounded',
    file: 'src-rs/envelope/reader.rs',
    from: 'let plausible = (self.payload_len as u64) <= lz4::max_payload_len(self.block.len());',
    to: 'let plausible = true;',
    test: 'tests::memory::a_small_envelope_that_claims_gigabytes_costs_less_than_a_mebibyte',
  },
  {
    name: 'envelope-limit-dropped',
    file: 'src-rs/envelope/reader.rs',
    from: 'if self.payload_len <= MAX_LEN && plausible {',
    to: 'if plausible {',
    test: 'tests::envelope::sizes_at_the_limit_are_told_apart_before_anything_is_read',
  },
  {
    name: 'legacy-array-allocated-by-its-claim',
    file: 'src-rs/envelope/reader.rs',
    from: 'marker => (0..cursor.array_len(marker)?).map(|_| integer_byte(cursor)).collect::<Option<_>>().map(Cow::Owned),',
    to: `marker => {
            let len = cursor.array_len(marker)?;
            let mut block = Vec::with_capacity(len as usize);
            for _ in 0..len {
                block.push(integer_byte(cursor)?);
            }
            Some(Cow::Owned(block))
        }`,
    test: 'tests::memory::a_small_envelope_that_claims_gigabytes_costs_less_than_a_mebibyte',
  },
  {
    name: 'envelope-checksum-little-endian',
    file: 'src-rs/hash.rs',
    from: 'xxhash_rust::xxh3::xxh3_64(payload).to_be_bytes()',
    to: 'xxhash_rust::xxh3::xxh3_64(payload).to_le_bytes()',
    test: 'tests::envelope::envelopes_of_the_python_package_are_read_and_written_alike',
  },
  {
    name: 'lz4-bound-of-the-protocol',
    file: 'src-rs/lz4.rs',
    from: 'len as u64 * 255',
    to: 'len as u64 * 1000',
    test: 'tests::memory::a_small_envelope_that_claims_gigabytes_costs_less_than_a_mebibyte',
  },
  {
    name: 'checksum-container-not-compared',
    file: 'src-rs/sealer/open.rs',
    from: '    if checksum(payload) == sum {\n        Ok(())\n    } else {\n        Err(Failure::Envelope)\n    }',
    to: '    let _ = (checksum(payload), sum);\n    Ok(())',
    test: 'tests::containers::a_checksum_that_does_not_match_is_refused_and_leaves_zeros',
  },
  {
    name: 'interop-container-with-more-behind-it',
    file: 'src-rs/interop_v2.rs',
    from: 'fields != FIELDS || !cursor.rest.is_empty() || size > MAX_LEN as u64',
    to: 'fields != FIELDS || size > MAX_LEN as u64',
    test: 'tests::interop_v2::everything_else_is_refused',
  },
  {
    name: 'msgpack-of-any-depth',
    file: 'src-rs/msgpack.rs',
    from: '        if open.len() > MAX_DEPTH {\n            return None;\n        }\n',
    to: '',
    test: 'tests::msgpack::nesting_is_bounded_whatever_is_nested',
    smoke: true,
  },
  {
    name: 'msgpack-with-more-behind-it',
    file: 'src-rs/msgpack.rs',
    from: 'None => return (at == bytes.len()).then_some(()),',
    to: 'None => return (at <= bytes.len()).then_some(()),',
    test: 'tests::msgpack::every_marker_has_exactly_one_length',
  },
  {
    name: 'msgpack-map-counted-like-an-array',
    file: 'src-rs/msgpack.rs',
    from: '0xde => 2 * uint(bytes, &mut at, 2)?,',
    to: '0xde => uint(bytes, &mut at, 2)?,',
    test: 'tests::msgpack::every_wide_form_has_the_length_that_messagepack_says',
  },
  {
    name: 'msgpack-check-left-out',
    file: 'src-rs/container.rs',
    from: '        if self.check_msgpack {\n',
    to: '        if self.check_msgpack && self.kind == Kind::Bare {\n',
    test: 'tests::containers::a_payload_outside_messagepacks_bounds_is_refused_in_every_container',
  },
  {
    name: 'lz4-frame-header-not-compared',
    file: 'src-rs/lz4_frame.rs',
    from: 'if rest.byte()? != header_checksum(descriptor) {',
    to: 'if rest.byte()? != header_checksum(descriptor) && flags & CONTENT_CHECKSUM == 0 {',
    test: 'tests::lz4_frames::every_altered_bit_of_a_frame_with_checksums_is_seen',
  },
  {
    name: 'index-of-a-column-equal-to-the-count',
    file: 'src-rs/columns.rs',
    from: 'indices.is_empty() || largest < count',
    to: 'indices.is_empty() || largest <= count',
    test: 'tests::columns::one_index_that_is_not_below_is_found_wherever_it_is',
  },
];
