const ISOLATION = '__test__/cache/isolation.test.ts';

/** Of the first tier, in Rust. */
export const firstTier = [
  {
    name: 'call-found-by-its-hash-alone',
    file: 'src-rs/l1/mod.rs',
    from: 'let same = entry.digest().is_some() && entry.identity() == identity;',
    to: 'let same = entry.digest().is_some();',
    test: 'tests::l1_identities::identities_of_one_hash_never_answer_for_each_other',
  },
  {
    name: 'entry-found-by-its-hash-alone',
    file: 'src-rs/l1/mod.rs',
    from: 'if entry.digest().is_some() || entry.identity() != key {',
    to: 'if entry.digest().is_some() {',
    test: 'tests::l1_identities::identities_of_one_hash_never_answer_for_each_other',
  },
  {
    name: 'entry-shown-to-other-tenants',
    file: 'src-rs/l1/mod.rs',
    from: '(site.tenant == tenant && valid).then_some(entry)',
    to: '(valid || site.tenant == tenant).then_some(entry)',
    test: { file: ISOLATION, title: 'L1 shows an entry to its own tenant only, also when stored keys are the same' },
  },
  {
    name: 'expiry-ignored',
    file: 'src-rs/binding/l1_calls.rs',
    from: `        let entry = tier.get(site_id, identity).filter(|entry| entry.until() > now).ok_or(Failure::Missing)?;
        let sealed =`,
    to: `        let _ = now;
        let entry = tier.get(site_id, identity).ok_or(Failure::Missing)?;
        let sealed =`,
    test: {
      file: '__test__/cache/times.test.ts',
      title: 'an entry of this process ends with its TTL, and one that never ends does not',
    },
  },
  {
    name: 'budget-without-the-entries-memory',
    file: 'src-rs/l1/table.rs',
    from: '(entry.taken() + PLACE_LEN + digest_row_len + ROW_LEN * entry.tag_count()) as u64',
    to: '(entry.stored().len() + digest_row_len + ROW_LEN * entry.tag_count()) as u64',
    test: 'tests::l1_memory::a_tier_takes_about_what_it_counts',
  },
  {
    name: 'tag-index-not-kept-in-step',
    file: 'src-rs/l1/index.rs',
    from: '                rows.remove(hash);\n',
    to: '                let _ = hash;\n',
    test: 'tests::l1::behaves_as_a_map',
  },
  {
    name: 'unknown-tags-never-end',
    file: 'src-rs/l1/changes.rs',
    from: '                    self.index.end_epoch(id);\n',
    to: '                    let _ = id;\n',
    test: {
      file: '__test__/cache/first-tier.test.ts',
      title: 'tags that were set elsewhere end the copies of a tenant, and only theirs',
    },
  },
  {
    name: 'older-copy-kept-beside-the-new-one',
    file: 'src-rs/l1/changes.rs',
    from: `        if let Some(hash) = self.hash_by_digest(key) {
            self.remove_hash(hash, |_| true);
        }
`,
    to: '',
    test: 'tests::l1::behaves_as_a_map',
  },
];
