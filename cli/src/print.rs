//! Output for people: colours only on a terminal, and nothing from outside that could steer it.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

/// Prints a line to standard output, like `println!`, except that nobody listening any more (`remediate run … | head`) is no
/// reason to stop in the middle of a repair.
macro_rules! say {
    ($($format:tt)*) => {
        $crate::print::line(format_args!($($format)*))
    };
}
pub(crate) use say;

/// See [`say!`].
pub fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Says on standard error what went wrong. The text may have lines, and parts from outside.
pub fn error(text: &str) {
    let lines: Vec<_> = text.lines().map(tame).collect();
    let word = paint(std::io::stderr().is_terminal(), Colour::Red, "error:");
    eprintln!("{word} {}", lines.join("\n"));
}

/// The few colours there are.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// Whether standard output may be coloured: it is a terminal and nobody said no (<https://no-color.org>).
pub fn coloured() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text in a colour, if colours are on.
pub fn paint(on: bool, colour: Colour, text: &str) -> String {
    let code = match colour {
        Colour::Bold => "1",
        Colour::Dim => "2",
        Colour::Red => "31",
        Colour::Green => "32",
        Colour::Yellow => "33",
        Colour::Cyan => "36",
    };
    if on {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Data from outside on one line: control characters, with which it could rewrite the screen, are shown, not sent.
pub fn tame(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            if character.is_control() || is_bidi(character) {
                character.escape_default().collect::<Vec<_>>()
            } else {
                vec![character]
            }
        })
        .collect()
}

/// Longer than any ARN in use.
const LONGEST_NAME: usize = 300;

/// The name of something outside, tamed, and cut off where no name is that long.
pub fn named(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!(
            "{}… ({} characters)",
            tame(&text[..end]),
            grouped(text.chars().count() as u64)
        ),
        None => tame(text),
    }
}

/// The characters that turn the direction of what follows.
fn is_bidi(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whole numbers with thousands apart: `1,500,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 row`, `1,500 rows`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// Rows in columns as wide as they must be.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()) + 2,
            ));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_steer_the_terminal() {
        assert_eq!(
            tame("a\u{1b}[2Jb\nc\u{202e}d"),
            "a\\u{1b}[2Jb\\nc\\u{202e}d"
        );
    }

    #[test]
    fn a_name_is_cut_off_where_none_is_that_long() {
        assert_eq!(named("bucket\u{7}"), "bucket\\u{7}");
        let endless = named(&"ä".repeat(100_000));
        assert!(endless.ends_with("ää… (100,000 characters)"), "{endless}");
        assert!(endless.len() < 700, "{endless}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_500_000), "1,500,000");
    }
}
