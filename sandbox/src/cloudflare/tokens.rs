//! The words of a rule expression.

use std::net::IpAddr;
use std::str::FromStr;

/// Where an expression is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Counted from 1.
    pub(crate) column: usize,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(column: usize, text: impl Into<String>) -> Self {
        Self {
            column,
            text: text.into(),
        }
    }
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// Field, function, operator or `true`.
    Name(String),
    Text(String),
    Integer(i64),
    Address,
    /// `$name`, without the dollar.
    List(String),
    /// `( ) { } [ ] , *` and the operators made of signs.
    Sign(&'static str),
}

/// A word and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) column: usize,
    pub(crate) word: Word,
}

/// Longer ones first: `<=` is not `<`.
const SIGNS: [&str; 21] = [
    "&&", "||", "^^", "==", "!=", "<=", ">=", "..", "(", ")", "{", "}", "[", "]", ",", "*", "!",
    "<", ">", "~", "&",
];

/// Splits an expression into words, up to its end or to what is no word.
pub(crate) fn split(text: &str) -> (Vec<Token>, Option<Fault>) {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (word, length) = match next(&text[at..], at + 1) {
            Ok(found) => found,
            Err(fault) => return (tokens, Some(fault)),
        };
        tokens.push(Token {
            column: at + 1,
            word,
        });
        at += length;
    }
    (tokens, None)
}

fn next(rest: &str, column: usize) -> Result<(Word, usize), Fault> {
    if rest.starts_with('"') || rest.starts_with("r\"") {
        return string(rest, column);
    }
    if let Some(name) = rest.strip_prefix('$') {
        let length = name
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(name.len());
        if length == 0 {
            return Err(Fault::new(column, "expected the name of a list"));
        }
        return Ok((Word::List(name[..length].to_owned()), length + 1));
    }
    let wordlike = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-');
    let length = rest.find(|c: char| !wordlike(c)).unwrap_or(rest.len());
    if length > 0 && !rest.starts_with("..") {
        return bare(&rest[..length], column).map(|word| (word, length));
    }
    SIGNS
        .iter()
        .find(|sign| rest.starts_with(**sign))
        .map(|sign| (Word::Sign(sign), sign.len()))
        .ok_or_else(|| Fault::new(column, "unexpected character"))
}

/// An address, a range of addresses, a number or a name.
fn bare(text: &str, column: usize) -> Result<Word, Fault> {
    if let Ok(number) = text.parse() {
        return Ok(Word::Integer(number));
    }
    if text.split("..").all(is_address) {
        return Ok(Word::Address);
    }
    if let Some((low, high)) = text.split_once("..")
        && let (Ok(number), Ok(_)) = (low.parse(), high.parse::<i64>())
    {
        return Ok(Word::Integer(number));
    }
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !text.contains([':', '/', '-']);
    if is_name {
        Ok(Word::Name(text.to_owned()))
    } else {
        Err(Fault::new(column, "invalid digit found in string"))
    }
}

fn is_address(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "0"));
    let Ok(length) = length.parse::<u8>() else {
        return false;
    };
    match IpAddr::from_str(address) {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(_)) => length <= 128,
        Err(_) => false,
    }
}

fn string(rest: &str, column: usize) -> Result<(Word, usize), Fault> {
    let raw = rest.starts_with('r');
    let start = if raw { 2 } else { 1 };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in rest[start..].char_indices() {
        match c {
            c if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' if !raw => escaped = true,
            '"' => return Ok((Word::Text(value), start + at + 1)),
            c => value.push(c),
        }
    }
    Err(Fault::new(column, "missing ending quote"))
}
