// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens: a token gives a client its role.
//!
//! The file has a line `ROLE:HASH:COMMENT` for each, with the role `read` or `control` and the SHA-256 hash of the secret
//! in hexadecimal digits. Blank lines and lines that start with `#` are ignored. Secrets are 32 random bytes, too many to
//! guess, so the hash needs neither salt nor key stretching. Don't use passwords chosen by people.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use thiserror::Error;

use super::{Role, file};

/// The SHA-256 hash of a secret.
pub(super) type Hash = [u8; 32];

/// The tokens of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens(Vec<(Hash, Role)>);

/// A newly created token.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The secret for the client: 64 hexadecimal digits.
    pub secret: String,
    /// The line for the token file, without a newline.
    pub line: String,
}

/// Why creating a token failed.
#[derive(Debug, Error)]
pub enum NewTokenError {
    /// The comment is not one line.
    #[error("the comment of a token must be one line of text")]
    Comment,
    /// Random numbers are unavailable.
    #[error("cannot read random numbers from /dev/random")]
    Random(#[source] io::Error),
}

/// Creates a token. Nothing keeps the secret: give it to the client, and the line to the file.
///
/// # Errors
///
/// The comment is not one line, or random numbers are unavailable.
pub fn new_token(role: Role, comment: &str) -> Result<NewToken, NewTokenError> {
    if comment.contains(char::is_control) {
        return Err(NewTokenError::Comment);
    }
    let mut bytes = [0; 32];
    // Unlike urandom, it waits early at boot until the kernel has entropy.
    File::open("/dev/random")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(NewTokenError::Random)?;
    let secret = hexadecimal(&bytes);
    let line = format!("{role}:{}:{comment}", hexadecimal(&hash(&secret)));
    Ok(NewToken { secret, line })
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    ///
    /// It is unreadable, accessible to others, or has an invalid line.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = file::read_confidential(path)?;
        let text = std::str::from_utf8(&bytes)
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut tokens: Vec<(Hash, Role)> = Vec::new();
        // A line may contain a secret by mistake, so no error repeats it.
        for (line, number) in text.lines().zip(1..) {
            let place = format_args!("{}:{number}", path.display());
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.splitn(3, ':');
            let (Some(role), Some(hash), Some(_comment)) =
                (parts.next(), parts.next(), parts.next())
            else {
                bail!("{place}: expected ROLE:HASH:COMMENT, as `mypoll-agent token new` writes it");
            };
            let role = match role {
                "read" => Role::Read,
                "control" => Role::Control,
                _ => bail!("{place}: the role of a token must be `read` or `control`"),
            };
            let Some(hash) = from_hexadecimal(hash) else {
                bail!("{place}: the hash of a token must have 64 hexadecimal digits");
            };
            if tokens.iter().any(|(other, _)| *other == hash) {
                bail!("{place}: duplicate token");
            }
            tokens.push((hash, role));
        }
        Ok(Self(tokens))
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of this secret.
    pub fn role(&self, secret: &str) -> Option<Role> {
        self.role_of(&hash(secret))
    }

    /// The role of a secret with this hash. Its run time depends only on the number of tokens.
    pub(super) fn role_of(&self, hash: &Hash) -> Option<Role> {
        let mut found = 0_u8;
        for (known, role) in &self.0 {
            let role = match role {
                Role::Read => 1,
                Role::Control => 2,
            };
            found.conditional_assign(&role, known.ct_eq(hash));
        }
        match found {
            1 => Some(Role::Read),
            2 => Some(Role::Control),
            _ => None,
        }
    }
}

/// Keeps even hashes out of the log.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Option<Hash> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut hash = [0; 32];
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.then(|| text.get(at..at + 2))??, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tokens, String> {
        Tokens::parse("tokens".as_ref(), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_new_token_is_found_by_its_line() {
        let reader = new_token(Role::Read, "the kitchen's panel: 2").unwrap();
        let controller = new_token(Role::Control, "").unwrap();
        assert_ne!(reader.secret, controller.secret);
        assert_eq!(reader.secret.len(), 64);
        assert!(!reader.line.contains(&reader.secret));
        let text = format!(
            "# those that we have\n\n{}\n  {}\n",
            reader.line, controller.line
        );
        let tokens = parse(&text).unwrap();
        assert_eq!(tokens.role(&reader.secret), Some(Role::Read));
        assert_eq!(tokens.role(&controller.secret), Some(Role::Control));
        assert_eq!(tokens.role(&reader.secret.to_uppercase()), None);
        assert_eq!(tokens.role(""), None);
        assert_eq!(format!("{tokens:?} {reader:?}"), "2 tokens a token");
    }

    #[test]
    fn the_hash_matches_sha256sum() {
        let line = "read:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824:hello";
        assert_eq!(parse(line).unwrap().role("hello"), Some(Role::Read));
        let line = line.to_uppercase().replace("READ", "control");
        assert_eq!(parse(&line).unwrap().role("hello"), Some(Role::Control));
    }

    #[test]
    fn invalid_lines_are_refused_without_quoting_them() {
        let hash = "0".repeat(64);
        for (text, problem) in [
            (
                "nonsense".to_owned(),
                "tokens:1: expected ROLE:HASH:COMMENT",
            ),
            (
                format!("\nread:{hash}"),
                "tokens:2: expected ROLE:HASH:COMMENT",
            ),
            (format!("write:{hash}:x"), "tokens:1: the role of a token"),
            (format!("Read:{hash}:x"), "tokens:1: the role of a token"),
            ("read:0123:x".to_owned(), "tokens:1: the hash of a token"),
            (
                format!("read:{}g:x", &hash[1..]),
                "tokens:1: the hash of a token",
            ),
            (
                format!("read:{}é:x", &hash[2..]),
                "tokens:1: the hash of a token",
            ),
            (
                format!("read:{hash}:x\ncontrol:{hash}:y"),
                "tokens:2: duplicate token",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with(problem), "{text}: {error}");
            assert!(
                !error.contains("nonsense") && !error.contains(&hash),
                "{error}"
            );
        }
        assert!(parse("\n# none\n").unwrap().is_empty());
    }

    #[test]
    fn a_comment_stays_in_its_line() {
        for comment in ["two\nlines", "\r", "\u{1b}[2J"] {
            assert!(matches!(
                new_token(Role::Read, comment),
                Err(NewTokenError::Comment)
            ));
        }
    }
}
