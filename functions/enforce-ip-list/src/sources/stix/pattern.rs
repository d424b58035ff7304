//! The addresses that a STIX pattern stands for.
//! <https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9>
//!
//! A pattern describes an observation; a list holds addresses. One can stand for the other only where an address *alone* makes
//! the pattern match: `[ipv4-addr:value = '198.51.100.1' OR url:value = '…']` does, `[ipv4-addr:value = '198.51.100.1' AND
//! network-traffic:dst_port = 22]` does not, since whoever is at that address may do other things than the pattern describes.
//! From a pattern of the second kind nothing is taken.

use super::super::loose::brief;

/// How deep parentheses may be nested.
const DEEPEST: usize = 32;

/// The addresses and networks of which each makes the pattern match by itself, as they are written; none if there are none.
///
/// # Errors
/// When it is no pattern.
pub(super) fn addresses(pattern: &str) -> Result<Vec<String>, String> {
    let wrong = |reason| format!("pattern `{}`: {reason}", brief(pattern));
    let mut parser = Parser {
        rest: pattern,
        ahead: None,
        depth: 0,
    };
    let meaning = parser.observations().map_err(wrong)?;
    match parser.next().map_err(wrong)? {
        None => Ok(meaning.into_addresses()),
        Some(_) => Err(wrong("something follows its end")),
    }
}

/// What must be observed for a part of a pattern to match.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// Any of these.
    Addresses(Vec<String>),
    /// That the party at one end of a connection is named by an address, which says nothing by itself.
    ByAddress,
    /// Something that no address decides.
    Other,
}

impl Meaning {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Addresses(mut these), Self::Addresses(those)) => {
                these.extend(those);
                Self::Addresses(these)
            }
            (Self::Addresses(these), _) | (_, Self::Addresses(these)) => Self::Addresses(these),
            _ => Self::Other,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            // `src_ref.type = 'ipv4-addr' AND src_ref.value = '…'` is how some write an address.
            (Self::ByAddress, meaning) | (meaning, Self::ByAddress) => meaning,
            _ => Self::Other,
        }
    }

    fn into_addresses(self) -> Vec<String> {
        match self {
            Self::Addresses(addresses) => addresses,
            Self::ByAddress | Self::Other => Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// `[`, `]`, `(`, `)`, `,`
    Mark(char),
    /// `=`, `!=`, `<` …
    Comparison(String),
    /// A text in quotes, without them.
    Text(String),
    /// A keyword, an object path, a number, a typed literal.
    Word(String),
}

struct Parser<'p> {
    rest: &'p str,
    ahead: Option<Token>,
    depth: usize,
}

type Parsed<T> = Result<T, &'static str>;

impl Parser<'_> {
    /// `a FOLLOWEDBY b`: neither is enough.
    fn observations(&mut self) -> Parsed<Meaning> {
        let mut meaning = self.alternatives(Self::joint_observations)?;
        while self.keyword("FOLLOWEDBY")? {
            self.alternatives(Self::joint_observations)?;
            meaning = Meaning::Other;
        }
        Ok(meaning)
    }

    fn joint_observations(&mut self) -> Parsed<Meaning> {
        self.joint(Self::observation)
    }

    fn observation(&mut self) -> Parsed<Meaning> {
        let meaning = match self.next()? {
            Some(Token::Mark('(')) => self.nested(Self::observations, ')')?,
            Some(Token::Mark('[')) => self.nested(Self::comparisons, ']')?,
            _ => return Err("expected `[` or `(`"),
        };
        self.qualified(meaning)
    }

    /// `WITHIN`, `REPEATS`, `START … STOP …` behind an observation.
    fn qualified(&mut self, mut meaning: Meaning) -> Parsed<Meaning> {
        loop {
            if self.keyword("WITHIN")? {
                self.word()?;
                self.expect("SECONDS")?;
            } else if self.keyword("REPEATS")? {
                self.word()?;
                self.expect("TIMES")?;
                // Once is not enough.
                meaning = Meaning::Other;
            } else if self.keyword("START")? {
                self.word()?;
                self.expect("STOP")?;
                self.word()?;
                // It was so at that time.
                meaning = Meaning::Other;
            } else {
                return Ok(meaning);
            }
        }
    }

    fn comparisons(&mut self) -> Parsed<Meaning> {
        self.alternatives(|parser| parser.joint(Self::comparison))
    }

    fn alternatives(&mut self, part: impl Fn(&mut Self) -> Parsed<Meaning>) -> Parsed<Meaning> {
        let mut meaning = part(self)?;
        while self.keyword("OR")? {
            meaning = meaning.or(part(self)?);
        }
        Ok(meaning)
    }

    fn joint(&mut self, part: impl Fn(&mut Self) -> Parsed<Meaning>) -> Parsed<Meaning> {
        let mut meaning = part(self)?;
        while self.keyword("AND")? {
            meaning = meaning.and(part(self)?);
        }
        Ok(meaning)
    }

    fn nested(
        &mut self,
        inner: impl Fn(&mut Self) -> Parsed<Meaning>,
        end: char,
    ) -> Parsed<Meaning> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deep");
        }
        let meaning = inner(self)?;
        self.depth -= 1;
        match self.next()? {
            Some(Token::Mark(mark)) if mark == end => Ok(meaning),
            _ => Err("a bracket is not closed"),
        }
    }

    fn comparison(&mut self) -> Parsed<Meaning> {
        if self.peek()? == Some(&Token::Mark('(')) {
            self.next()?;
            return self.nested(Self::comparisons, ')');
        }
        let mut negated = self.keyword("NOT")?;
        if self.keyword("EXISTS")? {
            self.word()?;
            return Ok(Meaning::Other);
        }
        let path = self.word()?;
        negated |= self.keyword("NOT")?;
        let (operator, values) = self.test()?;
        Ok(if negated {
            Meaning::Other
        } else {
            meaning(&path, &operator, values)
        })
    }

    /// An operator and what it compares with; of values that are no texts none is given.
    fn test(&mut self) -> Parsed<(String, Vec<String>)> {
        let operator = match self.next()? {
            Some(Token::Comparison(operator)) => operator,
            Some(Token::Word(word)) => word.to_ascii_uppercase(),
            _ => return Err("expected an operator"),
        };
        let mut values = Vec::new();
        match operator.as_str() {
            "IN" => {
                if self.next()? != Some(Token::Mark('(')) {
                    return Err("expected `(` after IN");
                }
                loop {
                    values.extend(self.literal()?);
                    match self.next()? {
                        Some(Token::Mark(',')) => {}
                        Some(Token::Mark(')')) => break,
                        _ => return Err("a set is not closed"),
                    }
                }
            }
            "=" | "==" | "!=" | "<>" | "<" | ">" | "<=" | ">=" | "LIKE" | "MATCHES"
            | "ISSUBSET" | "ISSUPERSET" => values.extend(self.literal()?),
            _ => return Err("an operator is unknown"),
        }
        Ok((operator, values))
    }

    fn literal(&mut self) -> Parsed<Option<String>> {
        match self.next()? {
            Some(Token::Text(text)) => Ok(Some(text)),
            Some(Token::Word(_)) => Ok(None),
            _ => Err("expected a value"),
        }
    }

    fn word(&mut self) -> Parsed<String> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            _ => Err("expected a word"),
        }
    }

    fn expect(&mut self, keyword: &str) -> Parsed<()> {
        if self.keyword(keyword)? {
            Ok(())
        } else {
            Err("a qualifier is not complete")
        }
    }

    /// Takes the keyword if it is next.
    fn keyword(&mut self, keyword: &str) -> Parsed<bool> {
        let is_next =
            matches!(self.peek()?, Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        if is_next {
            self.next()?;
        }
        Ok(is_next)
    }

    fn peek(&mut self) -> Parsed<Option<&Token>> {
        if self.ahead.is_none() {
            self.ahead = self.token()?;
        }
        Ok(self.ahead.as_ref())
    }

    fn next(&mut self) -> Parsed<Option<Token>> {
        match self.ahead.take() {
            Some(token) => Ok(Some(token)),
            None => self.token(),
        }
    }

    fn token(&mut self) -> Parsed<Option<Token>> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let (token, length) = match first {
            '[' | ']' | '(' | ')' | ',' => (Token::Mark(first), 1),
            '=' | '!' | '<' | '>' => {
                let length = self
                    .rest
                    .find(|c| !matches!(c, '=' | '!' | '<' | '>'))
                    .unwrap_or(self.rest.len());
                (Token::Comparison(self.rest[..length].to_owned()), length)
            }
            '\'' => {
                let (text, length) = quoted(self.rest)?;
                (Token::Text(text), length)
            }
            _ => {
                let length = word_length(self.rest)?;
                (Token::Word(self.rest[..length].to_owned()), length)
            }
        };
        self.rest = &self.rest[length..];
        Ok(Some(token))
    }
}

/// What it means that the value at `path` is, or lies in, any of `values`.
fn meaning(path: &str, operator: &str, values: Vec<String>) -> Meaning {
    let path = path.to_ascii_lowercase();
    match (path.as_str(), operator) {
        (
            "ipv4-addr:value"
            | "ipv6-addr:value"
            | "network-traffic:src_ref.value"
            | "network-traffic:dst_ref.value",
            "=" | "==" | "IN" | "ISSUBSET",
        ) if !values.is_empty() => Meaning::Addresses(values),
        ("network-traffic:src_ref.type" | "network-traffic:dst_ref.type", "=" | "==" | "IN")
            if !values.is_empty()
                && values
                    .iter()
                    .all(|kind| matches!(kind.as_str(), "ipv4-addr" | "ipv6-addr")) =>
        {
            Meaning::ByAddress
        }
        _ => Meaning::Other,
    }
}

/// A text at the start of `rest` and how many bytes it takes; `\'` and `\\` are the only escapes.
fn quoted(rest: &str) -> Parsed<(String, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((text, at + 1)),
            '\\' => match characters.next() {
                Some((_, escaped)) => text.push(escaped),
                None => break,
            },
            _ => text.push(character),
        }
    }
    Err("a text is not closed")
}

/// How far a word goes: `file:hashes.'SHA-256'`, `a:b[*].c`, `t'2026-01-01T00:00:00Z'`, `-1.5`.
fn word_length(rest: &str) -> Parsed<usize> {
    let mut at = 0;
    while let Some(character) = rest[at..].chars().next() {
        match character {
            '\'' => at += quoted(&rest[at..])?.1,
            '[' => match rest[at..].find(']') {
                Some(end) => at += end + 1,
                None => return Err("an index is not closed"),
            },
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '+' | '$') => {
                at += 1;
            }
            _ => break,
        }
    }
    if at == 0 {
        return Err("a character has no meaning there");
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Vec<String> {
        addresses(pattern).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn given_addresses_of_which_each_is_enough_then_all_are_taken() {
        for (pattern, expected) in [
            (
                "[ipv4-addr:value = '198.51.100.1/32']",
                vec!["198.51.100.1/32"],
            ),
            ("[ipv6-addr:value='2001:db8::1']", vec!["2001:db8::1"]),
            (
                "[ipv4-addr:value = '198.51.100.1' OR ipv4-addr:value = '198.51.100.2' OR ipv6-addr:value = '2001:db8::/64']",
                vec!["198.51.100.1", "198.51.100.2", "2001:db8::/64"],
            ),
            (
                "[ipv4-addr:value = '198.51.100.1'] OR ([ipv4-addr:value = '198.51.100.2'])",
                vec!["198.51.100.1", "198.51.100.2"],
            ),
            (
                "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
                vec!["198.51.100.0/24"],
            ),
            (
                "[ipv4-addr:value IN ('198.51.100.1', '198.51.100.2')]",
                vec!["198.51.100.1", "198.51.100.2"],
            ),
            (
                "[(ipv4-addr:value = '198.51.100.1' OR domain-name:value = 'example.com')] WITHIN 300 SECONDS",
                vec!["198.51.100.1"],
            ),
            (
                "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.1']",
                vec!["198.51.100.1"],
            ),
            (
                r"[file:name = 'it\'s' OR file:hashes.'SHA-256' = 'ab' OR ipv4-addr:value = '198.51.100.1']",
                vec!["198.51.100.1"],
            ),
            (
                "[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0 OR ipv4-addr:value = '198.51.100.1']",
                vec!["198.51.100.1"],
            ),
        ] {
            assert_eq!(of(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn given_an_address_that_is_not_enough_then_nothing_is_taken() {
        for pattern in [
            "[ipv4-addr:value = '198.51.100.1' AND network-traffic:dst_port = 22]",
            "[ipv4-addr:value = '198.51.100.1'] AND [ipv4-addr:value = '198.51.100.2']",
            "[ipv4-addr:value = '198.51.100.1'] FOLLOWEDBY [ipv4-addr:value = '198.51.100.2']",
            "[ipv4-addr:value != '198.51.100.1']",
            "[ipv4-addr:value NOT = '198.51.100.1']",
            "[NOT ipv4-addr:value = '198.51.100.1']",
            "[ipv4-addr:value NOT IN ('198.51.100.1')]",
            "[ipv4-addr:value ISSUPERSET '198.51.100.1/32']",
            "[ipv4-addr:value LIKE '198.51.100.%']",
            "[ipv4-addr:value MATCHES '^198']",
            "[ipv4-addr:value = '198.51.100.1'] REPEATS 5 TIMES WITHIN 60 SECONDS",
            "[ipv4-addr:value = '198.51.100.1'] START t'2020-01-01T00:00:00Z' STOP t'2020-01-02T00:00:00Z'",
            "[domain-name:value = 'example.com']",
            "[network-traffic:src_ref.type = 'ipv4-addr']",
            "[EXISTS ipv4-addr:value]",
            "[artifact:payload_bin = b'AAAA' AND x:y = true]",
        ] {
            assert_eq!(of(pattern), Vec::<String>::new(), "{pattern}");
        }
    }

    #[test]
    fn given_no_pattern_then_it_is_an_error() {
        let deep = format!("{}[a:b = 'c']{}", "(".repeat(5000), ")".repeat(5000));
        for pattern in [
            "",
            "198.51.100.1",
            "[ipv4-addr:value = '198.51.100.1'",
            "[ipv4-addr:value = '198.51.100.1]",
            "[ipv4-addr:value '198.51.100.1']",
            "[ipv4-addr:value = ]",
            "[]",
            "[ipv4-addr:value = '198.51.100.1'] x",
            "[ipv4-addr:value IN ('a' 'b')]",
            "[ipv4-addr:value ~ 'a']",
            &deep,
        ] {
            assert!(addresses(pattern).is_err(), "{pattern}");
        }
    }
}
