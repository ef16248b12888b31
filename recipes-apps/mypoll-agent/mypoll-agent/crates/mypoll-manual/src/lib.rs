// SPDX-License-Identifier: MIT OR Apache-2.0
//! The man pages and shell completions of the programs, and the licences of their crates. The build script generates
//! them, in the directory in the environment variable `MYPOLL_MANUAL` or in `OUT_DIR`.

/// The directory with the files, laid out as below `/usr/share`.
pub const FOLDER: &str = env!("MYPOLL_MANUAL_FOLDER");

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn all_programs_have_all_files() {
        for (file, part) in [
            ("man/man1/mypollctl.1", "mypollctl\\-monitor(1)"),
            ("man/man1/mypollctl-wait.1", "exits with 124"),
            ("man/man1/mypoll-agent.1", "mypoll\\-agent\\-check(1)"),
            ("bash-completion/completions/mypollctl", "--since"),
            ("bash-completion/completions/mypoll-agent", "--probe"),
            ("zsh/site-functions/_mypollctl", "--since"),
            ("zsh/site-functions/_mypoll-agent", "--probe"),
            ("fish/vendor_completions.d/mypollctl.fish", "since"),
            ("fish/vendor_completions.d/mypoll-agent.fish", "probe"),
            ("licenses/mypoll-agent/crates.txt", "\nring 0.17"),
        ] {
            let path = Path::new(super::FOLDER).join(file);
            let text = fs::read_to_string(&path).expect(file);
            assert!(text.contains(part), "{file}: {text}");
        }
    }
}
