//! Rule expressions: a parser of the part of the Rules language that rules about addresses use, strict about fields,
//! types and lists.

use super::tokens::{Fault, Token, Word, split};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Ip,
    Text,
}

/// What an expression refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expression {
    /// Each field once, in order of first use.
    pub(crate) fields: Vec<String>,
    /// `$name` with the type it is compared with.
    pub(crate) lists: Vec<(String, Type)>,
    /// `matches` or `~` is used.
    pub(crate) regular: bool,
}

const FIELDS: [(&str, Type); 44] = [
    ("cf.bot_management.score", Type::Int),
    ("cf.bot_management.verified_bot", Type::Bool),
    ("cf.client.bot", Type::Bool),
    ("cf.edge.server_port", Type::Int),
    ("cf.ray_id", Type::Text),
    ("cf.threat_score", Type::Int),
    ("cf.tls_client_auth.cert_verified", Type::Bool),
    ("cf.verified_bot_category", Type::Text),
    ("cf.waf.score", Type::Int),
    ("cf.waf.score.class", Type::Text),
    ("cf.worker.upstream_zone", Type::Text),
    ("cf.zone.name", Type::Text),
    ("http.cookie", Type::Text),
    ("http.host", Type::Text),
    ("http.referer", Type::Text),
    ("http.request.cookies", Type::Text),
    ("http.request.full_uri", Type::Text),
    ("http.request.headers", Type::Text),
    ("http.request.headers.names", Type::Text),
    ("http.request.headers.values", Type::Text),
    ("http.request.method", Type::Text),
    ("http.request.timestamp.sec", Type::Int),
    ("http.request.uri", Type::Text),
    ("http.request.uri.args", Type::Text),
    ("http.request.uri.path", Type::Text),
    ("http.request.uri.path.extension", Type::Text),
    ("http.request.uri.query", Type::Text),
    ("http.request.version", Type::Text),
    ("http.response.code", Type::Int),
    ("http.user_agent", Type::Text),
    ("http.x_forwarded_for", Type::Text),
    ("ip.geoip.asnum", Type::Int),
    ("ip.geoip.continent", Type::Text),
    ("ip.geoip.country", Type::Text),
    ("ip.geoip.is_in_european_union", Type::Bool),
    ("ip.src", Type::Ip),
    ("ip.src.asnum", Type::Int),
    ("ip.src.city", Type::Text),
    ("ip.src.continent", Type::Text),
    ("ip.src.country", Type::Text),
    ("ip.src.is_in_european_union", Type::Bool),
    ("ip.src.region", Type::Text),
    ("raw.http.request.uri.path", Type::Text),
    ("ssl", Type::Bool),
];

const FUNCTIONS: [(&str, Type); 15] = [
    ("all", Type::Bool),
    ("any", Type::Bool),
    ("concat", Type::Text),
    ("ends_with", Type::Bool),
    ("is_timed_hmac_valid_v0", Type::Bool),
    ("len", Type::Int),
    ("lookup_json_string", Type::Text),
    ("lower", Type::Text),
    ("remove_bytes", Type::Text),
    ("starts_with", Type::Bool),
    ("substring", Type::Text),
    ("to_string", Type::Text),
    ("upper", Type::Text),
    ("url_decode", Type::Text),
    ("wildcard_replace", Type::Text),
];

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Expression, Fault> {
    let (tokens, broken) = split(text);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        broken,
        end: text.len() + 1,
        depth: 0,
        found: Expression::default(),
    };
    reader.any()?;
    if reader.peek().is_some() || reader.broken.is_some() {
        return Err(reader.fault("unrecognized input"));
    }
    Ok(reader.found)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// What stands behind the last word, where that is no word.
    broken: Option<Fault>,
    /// Column behind the last character.
    end: usize,
    depth: usize,
    found: Expression,
}

/// The vendor has a limit of its own; this one keeps the stack.
const DEEPEST: usize = 100;

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.tokens.get(self.at).map(|token| &token.word)
    }

    fn fault(&self, text: impl Into<String>) -> Fault {
        if self.at >= self.tokens.len()
            && let Some(broken) = &self.broken
        {
            return broken.clone();
        }
        let column = self
            .tokens
            .get(self.at)
            .map_or(self.end, |token| token.column);
        Fault::new(column, text)
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let hit = matches!(self.peek(), Some(Word::Sign(sign)) if *sign == wanted);
        self.at += usize::from(hit);
        hit
    }

    fn name(&mut self, wanted: &str) -> bool {
        let hit = matches!(self.peek(), Some(Word::Name(name)) if name == wanted);
        self.at += usize::from(hit);
        hit
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Fault> {
        if self.sign(wanted) {
            Ok(())
        } else {
            Err(self.fault(format!("expected `{wanted}`")))
        }
    }

    fn any(&mut self) -> Result<(), Fault> {
        self.exclusive()?;
        while self.name("or") || self.sign("||") {
            self.exclusive()?;
        }
        Ok(())
    }

    fn exclusive(&mut self) -> Result<(), Fault> {
        self.all()?;
        while self.name("xor") || self.sign("^^") {
            self.all()?;
        }
        Ok(())
    }

    fn all(&mut self) -> Result<(), Fault> {
        self.not()?;
        while self.name("and") || self.sign("&&") {
            self.not()?;
        }
        Ok(())
    }

    fn not(&mut self) -> Result<(), Fault> {
        while self.name("not") || self.sign("!") {}
        if self.sign("(") {
            self.descend()?;
            self.any()?;
            self.depth -= 1;
            return self.expect(")");
        }
        if self.name("true") || self.name("false") {
            return Ok(());
        }
        let kind = self.operand()?;
        self.comparison(kind)
    }

    /// A field or a function, with what stands in brackets behind it.
    fn operand(&mut self) -> Result<Type, Fault> {
        let Some(Word::Name(name)) = self.peek().cloned() else {
            return Err(self.fault("expected a field or a function"));
        };
        let known =
            |table: &[(&str, Type)]| table.iter().find(|(n, _)| *n == name).map(|(_, t)| *t);
        let kind = if let Some(kind) = known(&FIELDS) {
            if !self.found.fields.contains(&name) {
                self.found.fields.push(name);
            }
            self.at += 1;
            kind
        } else if let Some(kind) = known(&FUNCTIONS) {
            self.at += 1;
            self.arguments()?;
            kind
        } else {
            return Err(self.fault("unknown identifier"));
        };
        while self.sign("[") {
            match self.peek() {
                Some(Word::Text(_) | Word::Integer(_) | Word::Sign("*")) => self.at += 1,
                _ => return Err(self.fault("expected an index")),
            }
            self.expect("]")?;
        }
        Ok(kind)
    }

    fn descend(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault("the expression is nested too deeply"));
        }
        Ok(())
    }

    fn arguments(&mut self) -> Result<(), Fault> {
        self.expect("(")?;
        self.descend()?;
        loop {
            match self.peek() {
                Some(Word::Text(_) | Word::Integer(_)) => self.at += 1,
                _ => {
                    let kind = self.operand()?;
                    // `any(http.request.headers["x"][*] contains "y")`: an argument may be a comparison.
                    if self.peek().is_some_and(is_operator) {
                        self.comparison(kind)?;
                    }
                }
            }
            if self.sign(")") {
                self.depth -= 1;
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    fn comparison(&mut self, kind: Type) -> Result<(), Fault> {
        if self.name("in") {
            return self.set(kind);
        }
        let regular = matches!(self.peek(), Some(Word::Name(name)) if name == "matches")
            || matches!(self.peek(), Some(Word::Sign("~")));
        let operator = match self.peek() {
            Some(Word::Name(name)) => name.clone(),
            Some(Word::Sign(sign)) => (*sign).to_owned(),
            _ => String::new(),
        };
        let fits: &[&str] = match kind {
            Type::Bool => &["eq", "==", "ne", "!="],
            Type::Int | Type::Ip => &[
                "eq", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=",
            ],
            Type::Text => &[
                "eq", "==", "ne", "!=", "contains", "matches", "~", "wildcard", "strict", "lt",
                "<", "le", "<=", "gt", ">", "ge", ">=",
            ],
        };
        if !fits.contains(&operator.as_str()) {
            return if kind == Type::Bool {
                Ok(())
            } else {
                Err(self.fault("expected a comparison operator"))
            };
        }
        self.at += 1;
        if operator == "strict" && !self.name("wildcard") {
            return Err(self.fault("expected `wildcard`"));
        }
        self.found.regular |= regular;
        self.literal(kind)
    }

    fn literal(&mut self, kind: Type) -> Result<(), Fault> {
        let (fits, expected) = match (kind, self.peek()) {
            (Type::Ip, word) => (matches!(word, Some(Word::Address)), "an IP address"),
            (Type::Int, word) => (matches!(word, Some(Word::Integer(_))), "a number"),
            (Type::Text, word) => (matches!(word, Some(Word::Text(_))), "a quoted string"),
            (Type::Bool, Some(Word::Name(name))) => {
                (name == "true" || name == "false", "true or false")
            }
            (Type::Bool, _) => (false, "true or false"),
        };
        if !fits {
            return Err(self.fault(format!("expected {expected}")));
        }
        self.at += 1;
        Ok(())
    }

    fn set(&mut self, kind: Type) -> Result<(), Fault> {
        if let Some(Word::List(name)) = self.peek().cloned() {
            if kind == Type::Bool {
                return Err(self.fault("a boolean cannot be in a list"));
            }
            self.at += 1;
            if !self.found.lists.iter().any(|(known, _)| *known == name) {
                self.found.lists.push((name, kind));
            }
            return Ok(());
        }
        self.expect("{")?;
        self.literal(kind)?;
        while !self.sign("}") {
            self.literal(kind)?;
        }
        Ok(())
    }
}

fn is_operator(word: &Word) -> bool {
    const NAMES: [&str; 11] = [
        "eq", "ne", "lt", "le", "gt", "ge", "contains", "matches", "wildcard", "strict", "in",
    ];
    match word {
        Word::Name(name) => NAMES.contains(&name.as_str()),
        Word::Sign(sign) => ["==", "!=", "<", "<=", ">", ">=", "~"].contains(sign),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_expressions_about_addresses_when_read_then_their_lists_and_fields_are_known() {
        let read = parse(
            "(ip.src in $eil1_block and not ip.src in $eil1_allow) or http.host eq \"a.example\"",
        )
        .unwrap();
        assert_eq!(read.fields, ["ip.src", "http.host"]);
        assert_eq!(
            read.lists,
            [
                ("eil1_block".into(), Type::Ip),
                ("eil1_allow".into(), Type::Ip)
            ]
        );
        for fine in [
            "true",
            "ip.src in {192.0.2.0/24 2001:db8::/32 198.51.100.7}",
            "not (ip.src eq 192.0.2.1) && ssl",
            "starts_with(http.request.uri.path, \"/api/\") and http.request.method in {\"GET\" \"POST\"}",
            "any(http.request.headers[\"x-a\"][*] contains \"b\")",
            "http.request.uri.path wildcard r\"/config*\"",
            "ip.src.asnum in {13335 64496..64511}",
            "cf.client.bot or len(http.user_agent) < 5",
        ] {
            assert!(parse(fine).is_ok(), "{fine}: {:?}", parse(fine));
        }
        assert!(
            parse("http.request.uri.path matches \"^/x\"")
                .unwrap()
                .regular
        );
    }

    #[test]
    fn given_wrong_expressions_when_read_then_the_place_is_told() {
        for (wrong, column) in [
            ("", 1),
            ("ip.source in $x", 1),
            ("ip.src in", 10),
            ("ip.src in $", 11),
            ("(ip.src in $x", 14),
            ("ip.src eq \"192.0.2.1\"", 11),
            ("ip.src in {\"192.0.2.1\"}", 12),
            ("http.host eq 5", 14),
            ("ip.src in $x and", 17),
            ("ip.src in $x)", 13),
            ("ip.src contains 192.0.2.1", 8),
            ("http.host eq \"a", 14),
            ("ip.src in {192.0.2.1/33}", 12),
            ("URI Path contains /", 1),
        ] {
            let fault = parse(wrong).unwrap_err();
            assert_eq!(fault.column, column, "{wrong}: {fault:?}");
        }
        for deep in ["(", "not (", "lower("] {
            assert!(parse(&deep.repeat(100_000)).is_err());
        }
    }
}
