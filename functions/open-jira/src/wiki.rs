//! Jira's wiki text, which Data Center's REST v2 takes.
//!
//! <https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all>. Data must not come alive in it: braces would be
//! macros, brackets links and mentions, exclamation marks images. What can be markup is escaped with a backslash; a backslash
//! itself, and what has no such escape, becomes a character reference.

use std::fmt::Write as _;

use crate::document::{Block, Document, Inline, linkable};
use crate::text;

/// The document as wiki text.
pub fn render(document: &Document) -> String {
    let blocks: Vec<String> = document
        .0
        .iter()
        .map(block)
        .filter(|text| !text.is_empty())
        .collect();
    blocks.join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(text) => match escape(&text::one_line(text)) {
            text if text.trim().is_empty() => String::new(),
            text => format!("h3. {text}"),
        },
        Block::Paragraph(inlines) => line(inlines),
        Block::List(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| line(item))
                .filter(|item| !item.trim().is_empty())
                .map(|item| format!("* {item}"))
                .collect();
            items.join("\n")
        }
        Block::Verbatim(text) => match verbatim(&text::lines(text)) {
            text if text.is_empty() => text,
            text => format!("{{noformat}}\n{text}\n{{noformat}}"),
        },
    }
}

fn line(inlines: &[Inline]) -> String {
    inlines.iter().fold(String::new(), |mut line, inline| {
        // Infallible: writing to a `String`.
        let _ = match inline {
            Inline::Text(text) => write!(line, "{}", escape(&text::one_line(text))),
            Inline::Strong(text) => write!(line, "*{}*", escape(&text::one_line(text))),
            Inline::Link { text, url } => match linkable(url) {
                Some(url) => write!(
                    line,
                    "[{}|{}]",
                    escape(&text::one_line(text)),
                    link_target(&url)
                ),
                None => write!(line, "{}", escape(&text::one_line(text))),
            },
        };
        line
    })
}

/// An address as it may stand in a link: what would end the link is percent-encoded.
fn link_target(url: &str) -> String {
    url.chars().fold(String::new(), |mut target, c| {
        match c {
            '|' => target.push_str("%7C"),
            '[' => target.push_str("%5B"),
            ']' => target.push_str("%5D"),
            '{' => target.push_str("%7B"),
            '}' => target.push_str("%7D"),
            '!' => target.push_str("%21"),
            '\\' => target.push_str("%5C"),
            c => target.push(c),
        }
        target
    })
}

/// One line of data, so that it reads as it is.
pub fn escape(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut escaped = String::with_capacity(text.len() + 8);
    for (index, &c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(index + 1).copied();
        match c {
            '\\' => escaped.push_str("&#92;"),
            '&' => escaped.push_str("&amp;"),
            // `://` makes a bare address a link; `:)` and its like are pictures.
            ':' if matches!(after, Some('/' | '\\' | '(' | ')' | 'P' | 'D')) => {
                escaped.push_str("&#58;");
            }
            ';' if after == Some(')') => escaped.push_str("&#59;"),
            // `h1.` and `bq.` at the start of a line.
            '.' if is_block_name(&chars[..index]) => escaped.push_str("&#46;"),
            '{' | '}' | '[' | ']' | '|' | '*' | '^' | '~' | '!' | '#' | '(' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // Markup only at the edge of a word: dates and host names stay readable.
            '_' | '+' | '-' if !(is_word(before) && is_word(after)) => {
                escaped.push('\\');
                escaped.push(c);
            }
            '?' if before == Some('?') || after == Some('?') => escaped.push_str("\\?"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

fn is_block_name(start: &[char]) -> bool {
    matches!(start, ['h', '1'..='6'] | ['b', 'q'])
}

/// Several lines of data between `{noformat}` marks. Nothing can be escaped there; the mark itself is broken up by a
/// character that is not seen.
fn verbatim(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, mark) = rest.split_at(at);
        broken.push_str(before);
        broken.push('{');
        let is_mark = mark
            .get(1..9)
            .is_some_and(|word| word.eq_ignore_ascii_case("noformat"));
        if is_mark {
            broken.push('\u{200B}');
        }
        rest = &mark[1..];
    }
    broken.push_str(rest);
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_reads_as_it_is_and_is_no_markup() {
        let table = [
            ("{color:red}x{color}", r"\{color:red\}x\{color\}"),
            ("[~admin]", r"\[\~admin\]"),
            ("!http://evil/x.png!", r"\!http&#58;//evil/x.png\!"),
            (r"C:\Users\x", r"C&#58;&#92;Users&#92;x"),
            ("2025-11-21 host_name-1", "2025-11-21 host_name-1"),
            ("-struck- _leaning_", r"\-struck\- \_leaning\_"),
            ("----", r"\-\-\-\-"),
            ("h1. Title", r"h1&#46; Title"),
            ("is it on? ??cited??", r"is it on? \?\?cited\?\?"),
            ("&#123;quote}", r"&amp;\#123;quote\}"),
        ];
        for (data, escaped) in table {
            assert_eq!(escape(data), escaped, "{data}");
        }
    }

    #[test]
    fn verbatim_data_cannot_end_its_block() {
        let document = Document(vec![Block::Verbatim("a {NoFormat} {code}".to_owned())]);
        assert_eq!(
            render(&document),
            "{noformat}\na {\u{200B}NoFormat} {code}\n{noformat}"
        );
    }

    #[test]
    fn a_link_cannot_be_broken_out_of() {
        let document = Document(vec![Block::Paragraph(vec![
            Inline::Link {
                text: "a|b]".to_owned(),
                url: "https://example.com/x|y]z".to_owned(),
            },
            Inline::Link {
                text: "run".to_owned(),
                url: "javascript:alert(1)".to_owned(),
            },
        ])]);
        assert_eq!(
            render(&document),
            r"[a\|b\]|https://example.com/x%7Cy%5Dz]run"
        );
    }
}
