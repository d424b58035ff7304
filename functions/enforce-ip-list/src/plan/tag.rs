//! The comment by which an entry is known as ours, and which says until when it stays.
//!
//! ```text
//! eil1:prod s=4 e=1767225600 src=ipsum,et
//! eil1:prod s=5 e=1767139200 p=1 src=soc
//! ```
//!
//! `eil1:` and the instance; `s`, the score when it was written; `e`, the second in which it ends, a midnight (UTC) unless it was
//! named by itself, so that comments do not change with every run; `p=1` for an entry that was named by itself and stays until its
//! end whatever snapshots say; `src`, who says so. A comment that differs from this in anything is a person's: somebody who edits
//! one takes the entry over.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::threat::{Score, Seconds, SourceNames, SourceSet, is_plain};

const PREFIX: &str = "eil1:";
/// The longest comment that Cloudflare takes, in characters. Ours are ASCII.
pub const LONGEST_COMMENT: usize = 500;

/// The name of this installation: 1 to 32 of `a-z`, `0-9`, `-`. Two installations in one account leave each other's entries alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance(Box<str>);

/// A text that is no [`Instance`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of an instance: expected 1 to 32 lower-case letters, digits or dashes")]
pub struct NotAnInstance(String);

impl FromStr for Instance {
    type Err = NotAnInstance;

    fn from_str(text: &str) -> Result<Self, NotAnInstance> {
        if is_instance(text) {
            Ok(Self(text.into()))
        } else {
            Err(NotAnInstance(crate::net::shown(text)))
        }
    }
}

fn is_instance(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl Instance {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// 1 to 5.
    pub score: Score,
    pub expires: Seconds,
    /// To be read with the names it was made with.
    pub sources: SourceSet,
    /// Named by itself: stays until it expires.
    pub pinned: bool,
}

/// Whose entry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Ours(Mark),
    /// Tagged by another installation.
    OtherInstance,
    /// Not tagged, or not as we tag.
    Person,
}

impl Owner {
    /// Reads a comment.
    pub fn of(comment: Option<&str>, instance: &Instance, names: &mut SourceNames) -> Self {
        let Some((by, mark)) = comment.and_then(|comment| parse(comment, names)) else {
            return Self::Person;
        };
        if by == instance.as_str() {
            Self::Ours(mark)
        } else {
            Self::OtherInstance
        }
    }
}

fn parse<'a>(comment: &'a str, names: &mut SourceNames) -> Option<(&'a str, Mark)> {
    let mut parts = comment.strip_prefix(PREFIX)?.split(' ');
    let instance = parts.next().filter(|text| is_instance(text))?;
    let score = match parts.next()?.strip_prefix("s=")?.as_bytes() {
        [digit @ b'1'..=b'5'] => Score::of(f64::from(digit - b'0')).ok()?,
        _ => return None,
    };
    let end = parts.next()?.strip_prefix("e=")?;
    // `parse` would take a sign and leading zeros, which we never write.
    if !end.starts_with(|c: char| matches!(c, '1'..='9')) {
        return None;
    }
    let mut mark = Mark {
        score,
        expires: Seconds::new(end.parse().ok()?),
        sources: SourceSet::default(),
        pinned: false,
    };
    let mut next = parts.next();
    if next == Some("p=1") {
        mark.pinned = true;
        next = parts.next();
    }
    if let Some(sources) = next {
        for name in sources.strip_prefix("src=")?.split(',') {
            if !is_plain(name) {
                return None;
            }
            mark.sources = mark.sources.union(names.set_of(name));
        }
    }
    parts.next().is_none().then_some((instance, mark))
}

impl Mark {
    /// The comment that says this.
    pub fn comment(&self, instance: &Instance, names: &SourceNames) -> String {
        let mut comment = String::with_capacity(64);
        // Writing to a string does not fail.
        let _ = write!(
            comment,
            "{PREFIX}{instance} s={} e={}",
            self.score,
            self.expires.get()
        );
        if self.pinned {
            comment.push_str(" p=1");
        }
        const REST: &str = ",others";
        let mut before = " src=";
        for name in names.names(self.sources) {
            if comment.len() + 1 + name.len() + REST.len() > LONGEST_COMMENT {
                comment.push_str(REST);
                break;
            }
            comment.push_str(before);
            comment.push_str(name);
            before = ",";
        }
        comment
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instance() -> Instance {
        "prod".parse().unwrap()
    }

    fn owner(comment: &str) -> Owner {
        Owner::of(Some(comment), &instance(), &mut SourceNames::default())
    }

    #[test]
    fn given_a_tag_of_ours_when_it_is_read_then_it_says_what_was_written() {
        let mut names = SourceNames::default();
        let mark = Mark {
            score: Score::of(4.0).unwrap(),
            expires: Seconds::new(1_767_225_600),
            sources: names.set_of_all(&["ipsum", "et"]),
            pinned: false,
        };
        let comment = mark.comment(&instance(), &names);
        assert_eq!(comment, "eil1:prod s=4 e=1767225600 src=ipsum,et");
        assert_eq!(
            Owner::of(Some(&comment), &instance(), &mut names),
            Owner::Ours(mark)
        );
        let pinned = Mark {
            pinned: true,
            ..mark
        };
        let comment = pinned.comment(&instance(), &names);
        assert_eq!(comment, "eil1:prod s=4 e=1767225600 p=1 src=ipsum,et");
        assert_eq!(
            Owner::of(Some(&comment), &instance(), &mut names),
            Owner::Ours(pinned)
        );
    }

    #[test]
    fn given_anything_else_when_it_is_read_then_it_is_a_persons() {
        for comment in [
            "",
            "our scanner",
            "eil1:prod",
            "eil1:prod s=4",
            "eil1:prod s=0 e=1767225600",
            "eil1:prod s=6 e=1767225600",
            "eil1:prod s=4 e=+1767225600",
            "eil1:prod s=4 e=01767225600",
            "eil1:prod s=4 e=99999999999",
            "eil1:prod s=4 e=1767225600 src=",
            "eil1:prod s=4 e=1767225600 src=ipsum checked by bob",
            "eil1:prod s=4 e=1767225600 ",
            "eil1:prod  s=4 e=1767225600",
            "EIL1:prod s=4 e=1767225600",
            " eil1:prod s=4 e=1767225600",
            "eil2:prod s=4 e=1767225600",
            "eil1:Prod s=4 e=1767225600",
        ] {
            assert_eq!(owner(comment), Owner::Person, "{comment}");
        }
        assert_eq!(
            Owner::of(None, &instance(), &mut SourceNames::default()),
            Owner::Person
        );
    }

    #[test]
    fn given_another_installation_when_its_tag_is_read_then_the_entry_is_not_ours() {
        assert_eq!(owner("eil1:staging s=4 e=1767225600"), Owner::OtherInstance);
        assert_eq!(owner("eil1:prod-2 s=4 e=1767225600"), Owner::OtherInstance);
    }

    #[test]
    fn given_more_sources_than_a_comment_holds_when_it_is_written_then_it_fits_and_reads_as_ours() {
        let mut names = SourceNames::default();
        let many: Vec<String> = (0..63)
            .map(|n| format!("a-source-with-a-long-name-{n}"))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mark = Mark {
            score: Score::HIGHEST,
            expires: Seconds::FAR,
            sources: names.set_of_all(&many),
            pinned: true,
        };
        let comment = mark.comment(&instance(), &names);
        assert!(
            comment.len() <= LONGEST_COMMENT && comment.ends_with(",others"),
            "{comment}"
        );
        assert!(matches!(owner(&comment), Owner::Ours(_)));
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_the_same(
            score in 1u8..=5, expires in 1u32.., pinned: bool,
            sources in proptest::collection::vec("[ -~]{0,40}", 0..8),
        ) {
            let mut names = SourceNames::default();
            let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
            let mark = Mark {
                score: Score::of(f64::from(score)).unwrap(),
                expires: Seconds::new(expires),
                sources: names.set_of_all(&sources),
                pinned,
            };
            let comment = mark.comment(&instance(), &names);
            prop_assert_eq!(Owner::of(Some(&comment), &instance(), &mut names), Owner::Ours(mark));
        }

        #[test]
        fn no_comment_makes_reading_panic(comment: String, tail: String) {
            owner(&comment);
            owner(&format!("eil1:prod s={comment} e={tail}"));
        }
    }
}
