//! Identities as types, so that one cannot stand where another is wanted.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finding::Subject;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A rule: `S3-001`, `EC2-002` (the scanner's own ids), `posture.disk-encryption`, `threat.block`.
    RuleId
}
text_id! {
    /// An AWS account number, twelve digits.
    AccountId
}
text_id! {
    /// A remediation function: `notify-telegram`, `open-jira`.
    FunctionName
}
text_id! {
    /// One intended effect in the ledger; sorts by time (UUIDv7).
    ChangeId
}
text_id! {
    /// One piece of work for one function. The same observations make the same id, so that a second delivery is recognised.
    TaskId
}

impl ChangeId {
    /// A new id, later than all before it.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }
}

/// A person, by e-mail address: trimmed and in lower case.
///
/// `Debug` and `Display` mask the address, so that it cannot reach a log or an error by accident;
/// [`Person::as_str`] is the whole of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Person(String);

impl Person {
    pub fn new(email: &str) -> Self {
        Self(email.trim().to_lowercase())
    }

    /// The whole address. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `a…@example.com`.
    pub fn masked(&self) -> String {
        match self.0.split_once('@') {
            Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('…')),
            None => "…".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|email| Self::new(&email))
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The stable identity of (rule, subject): dedupe, incidents and locks all use it.
///
/// The first 128 bits of SHA-256 over the length-prefixed parts, as 32 hexadecimal digits. It says nothing about the person behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub fn of(rule: &RuleId, subject: &Subject) -> Self {
        let mut parts = vec!["1", rule.as_str()];
        parts.extend(subject.key_parts());
        Self(digest(&parts))
    }

    /// The 32 digits, or nothing if `text` is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// One of `shards` numbers, the same one every time.
    pub fn shard(&self, shards: u8) -> u8 {
        self.0[0] % shards
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no fingerprint: expected 32 hexadecimal digits"
            ))
        })
    }
}

/// The first 128 bits of SHA-256 over parts, each preceded by its length, so that no two lists of parts run together.
pub fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

/// [`digest`] as 32 hexadecimal digits.
pub fn digest_hex(parts: &[&str]) -> String {
    Fingerprint(digest(parts)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_never_printed_whole() {
        let person = Person::new("  Alice.Smith@Example.com ");
        assert_eq!(person.as_str(), "alice.smith@example.com");
        assert_eq!(
            format!("{person} {person:?}"),
            "a…@example.com a…@example.com"
        );
    }

    #[test]
    fn a_fingerprint_survives_its_text() {
        let print = Fingerprint::of(&"S3-001".into(), &Subject::resource("bucket"));
        assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
        assert_eq!(Fingerprint::parse("not one"), None);
        assert_eq!(Fingerprint::parse(&"é".repeat(16)), None);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
