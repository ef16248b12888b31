// SPDX-License-Identifier: MIT OR Apache-2.0
//! What usually helps, by what a failed step's log says.

/// Text in the log, and what to do about it. The first that is found counts.
const CURES: &[(&str, &str)] = &[
    (
        "No space left on device",
        "free some disk space: the builds need about 6 GB in the cache, the Yocto tests as much again (XDG_CACHE_HOME moves it)",
    ),
    (
        "sudo: a password is required",
        "run it on a terminal, or as root, or install the packages that were named by hand",
    ),
    (
        "sudo: a terminal is required",
        "run it on a terminal, or as root, or install the packages that were named by hand",
    ),
    (
        "Could not get lock",
        "another package manager is at work: wait until it is done, then run this again",
    ),
    (
        "Unable to locate package",
        "check that apt's sources include the distribution's main archive (Ubuntu: universe, too)",
    ),
    (
        "Could not resolve",
        "check the network: a host name could not be resolved",
    ),
    (
        "Temporary failure resolving",
        "check the network: a host name could not be resolved",
    ),
    (
        "Connection timed out",
        "check the network, or http_proxy and https_proxy",
    ),
    (
        "Failed to connect",
        "check the network, or http_proxy and https_proxy",
    ),
    (
        "spurious network error",
        "check the network, or http_proxy and https_proxy",
    ),
    (
        "Rust is not available",
        "see 'make rustavailable' in the log: rustc, bindgen, libclang or rust-src is missing or too old",
    ),
    (
        "Unable to find libclang",
        "install libclang-NN-dev of the same version as clang-NN",
    ),
    (
        "can't find crate for `core`",
        "rustup target add aarch64-unknown-linux-gnu, or set MYPOLL_NO_RUSTUP=1",
    ),
    (
        "linker `aarch64-linux-gnu-gcc` not found",
        "install gcc-aarch64-linux-gnu",
    ),
    (
        "needs to be updated but --locked was passed",
        "commit the Cargo.lock that 'cargo check' writes",
    ),
    (
        "signal: 9",
        "the machine may be out of memory: close something, or add swap",
    ),
    (
        "Killed",
        "the machine may be out of memory: close something, or add swap",
    ),
    (
        "command not found",
        "install the program that the log names",
    ),
    (
        "Permission denied",
        "check who owns the cache: an earlier run may have been root's",
    ),
];

/// The likely cure of a failure that left `text`.
pub(super) fn find(text: &str) -> Option<&'static str> {
    CURES
        .iter()
        .find(|(sign, _)| text.contains(sign))
        .map(|&(_, cure)| cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_failures_have_a_cure() {
        for (log, cure) in [
            (
                "fatal error: error writing to /x.o: No space left on device",
                "disk space",
            ),
            ("make: *** Rust is not available!", "rustavailable"),
            ("E: Unable to locate package clang-19", "apt's sources"),
            ("curl: (6) Could not resolve host: example.org", "network"),
            (
                "error[E0463]: can't find crate for `core`",
                "rustup target add",
            ),
        ] {
            assert!(find(log).is_some_and(|found| found.contains(cure)), "{log}");
        }
    }

    #[test]
    fn an_unknown_failure_has_none() {
        assert_eq!(find("error: expected `;`"), None);
    }

    #[test]
    fn no_sign_hides_a_later_one() {
        for (index, (sign, _)) in CURES.iter().enumerate() {
            assert!(
                CURES[..index]
                    .iter()
                    .all(|(earlier, _)| !sign.contains(earlier)),
                "{sign}"
            );
        }
    }
}
