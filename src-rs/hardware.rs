//! Which AES-GCM implementation this machine's processor lets ring use. AWS-LC's have other names.

/// The fastest one available: `vaes-avx2`, `aes-avx`, `aes-clmul`, `armv8-aes`, or `software` without AES instructions.
pub fn implementation() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("aes") && has!("pclmulqdq") && has!("ssse3") {
            return match () {
                () if has!("vaes") && has!("vpclmulqdq") && has!("avx2") => "vaes-avx2",
                () if has!("avx") && has!("movbe") => "aes-avx",
                () => "aes-clmul",
            };
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        // The pmull that GCM needs is part of the `aes` feature.
        if std::arch::is_aarch64_feature_detected!("aes") {
            return "armv8-aes";
        }
    }
    "software"
}
