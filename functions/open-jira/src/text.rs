//! Making text from outside fit for showing.

use serde::{Deserialize, Serialize};

/// Text in one line, without what cannot be seen: control characters (a line break becomes a space), characters that turn
/// the direction of writing, and the code points that are no characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| {
            if c.is_control() || is_break(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// As [`one_line`], but line breaks and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| match c {
            '\n' | '\t' => c,
            '\r' => '\n',
            c if is_break(c) => '\n',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// As [`one_line`], with runs of space made one and none at the ends.
pub(crate) fn title(text: &str) -> String {
    one_line(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Unicode's own line and paragraph separators.
fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Length as Jira counts it: Java strings count UTF-16 code units.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most `most` UTF-16 code units of the text, ending in `…` where something was cut.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(1);
    let mut short: String = text
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = room.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The beginning of a text that may have been longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    pub text: String,
    /// How many characters are left out at the end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Excerpt {
    /// The first `most` characters.
    pub fn of(text: &str, most: usize) -> Self {
        match text.char_indices().nth(most) {
            Some((end, _)) => Self {
                text: text[..end].to_owned(),
                omitted: text[end..].chars().count(),
            },
            None => Self {
                text: text.to_owned(),
                omitted: 0,
            },
        }
    }

    /// A shorter one of the same text.
    pub fn cut(&self, most: usize) -> Self {
        let shorter = Self::of(&self.text, most);
        Self {
            omitted: shorter.omitted + self.omitted,
            ..shorter
        }
    }

    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_whatever_it_is_made_of() {
        assert_eq!(
            title(" a\r\n b\u{0}\u{7}c\u{2028}d\u{202E} e "),
            "a b c d e"
        );
    }

    #[test]
    fn a_cut_falls_between_characters_and_counts_as_java_counts() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("abcd", 3), "ab…");
        assert_eq!(shorten("🔒🔒🔒", 6), "🔒🔒🔒");
        assert_eq!(shorten("🔒🔒🔒", 5), "🔒🔒…");
        assert_eq!(shorten("🔒🔒🔒", 4), "🔒…");
    }

    #[test]
    fn an_excerpt_says_how_much_is_missing_however_often_it_is_cut() {
        let excerpt = Excerpt::of("héllo world", 8).cut(2);
        assert_eq!(
            excerpt,
            Excerpt {
                text: "hé".to_owned(),
                omitted: 9
            }
        );
    }
}
