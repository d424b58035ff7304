//! Telegram's HTML parse mode: the accepted tags, the decoded entities, and the refusals with their texts.
//!
//! It is not HTML: no `<br>`, no `&nbsp;`, attributes only where they mean something, every tag closed by its own
//! name. The behaviour and the wording of the refusals follow TDLib's `MessageEntity.cpp`. Positions in refusals
//! are byte offsets into the text as sent.

use super::entity::{Entity, utf16_len};

/// A text that was refused; the message is what stands after `can't parse entities: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarkupError(pub(crate) String);

/// Parses HTML-mode text into plain text and entities.
pub(crate) fn parse(source: &str) -> Result<(String, Vec<Entity>), MarkupError> {
    let mut parser = Parser {
        source,
        at: 0,
        text: String::with_capacity(source.len()),
        utf16: 0,
        open: Vec::new(),
        entities: Vec::new(),
    };
    parser.run()?;
    Ok((parser.text, parser.entities))
}

const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "tg-time",
    "span",
    "pre",
    "code",
    "blockquote",
];

struct OpenTag {
    name: String,
    /// `href`, language, class, emoji id, `1` for an expandable quote: whatever the tag takes.
    argument: String,
    /// `format` of `tg-time`.
    format: String,
    utf16: usize,
    byte: usize,
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    text: String,
    utf16: usize,
    open: Vec<OpenTag>,
    entities: Vec<Entity>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), MarkupError> {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '<' if self.rest().starts_with("</") => self.end_tag()?,
                '<' => self.start_tag()?,
                '&' => {
                    let decoded = self.character_reference()?;
                    self.put(decoded.unwrap_or('&'));
                    if decoded.is_none() {
                        self.at += 1;
                    }
                }
                c => {
                    self.put(c);
                    self.at += c.len_utf8();
                }
            }
        }
        match self.open.last() {
            Some(tag) => Err(MarkupError(format!(
                "Can't find end tag corresponding to start tag {}",
                tag.name
            ))),
            None => Ok(()),
        }
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn put(&mut self, c: char) {
        self.text.push(c);
        self.utf16 += c.len_utf16();
    }

    /// Takes everything up to the first character that `stop` accepts, or to the end.
    fn take_until(&mut self, stop: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let length = rest.find(stop).unwrap_or(rest.len());
        let taken = rest[..length].to_owned();
        self.at += length;
        taken
    }

    fn skip_space(&mut self) {
        self.take_until(|c| !is_space(c));
    }

    /// Decodes the reference at the current `&` and moves past it; `None` leaves the position alone.
    fn character_reference(&mut self) -> Result<Option<char>, MarkupError> {
        let Some((code, length)) = decode_reference(self.rest()) else {
            return Ok(None);
        };
        self.at += length;
        char::from_u32(code).map(Some).ok_or_else(|| {
            MarkupError(
                "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched \
                 surrogate code units"
                    .into(),
            )
        })
    }

    fn start_tag(&mut self) -> Result<(), MarkupError> {
        let begin = self.at;
        self.at += 1;
        let name = self
            .take_until(|c| is_space(c) || c == '>')
            .to_ascii_lowercase();
        if self.rest().is_empty() {
            return Err(MarkupError(format!(
                "Unclosed start tag at byte offset {begin}"
            )));
        }
        if !TAGS.contains(&name.as_str()) {
            return Err(MarkupError(format!(
                "Unsupported start tag \"{name}\" at byte offset {begin}"
            )));
        }
        let mut tag = OpenTag {
            name,
            argument: String::new(),
            format: String::new(),
            utf16: self.utf16,
            byte: self.text.len(),
        };
        self.attributes(&mut tag, begin)?;
        if tag.name == "span" && tag.argument != "spoiler" {
            return Err(MarkupError(format!(
                "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"
            )));
        }
        self.open.push(tag);
        Ok(())
    }

    fn attributes(&mut self, tag: &mut OpenTag, begin: usize) -> Result<(), MarkupError> {
        loop {
            self.skip_space();
            if self.rest().starts_with('>') {
                self.at += 1;
                return Ok(());
            }
            if self.rest().is_empty() {
                return Err(MarkupError(format!(
                    "Unclosed start tag \"{}\" at byte offset {begin}",
                    tag.name
                )));
            }
            let name = self.take_until(|c| is_space(c) || matches!(c, '=' | '>' | '"' | '\''));
            if name.is_empty() {
                return Err(MarkupError(format!(
                    "Empty attribute name in the tag \"{}\" at byte offset {begin}",
                    tag.name
                )));
            }
            self.skip_space();
            if tag.name == "blockquote" && name == "expandable" && !self.rest().starts_with('=') {
                tag.argument = "1".into();
                continue;
            }
            let value = self.attribute_value(tag, begin)?;
            tag.accept(&name, value);
        }
    }

    fn attribute_value(&mut self, tag: &OpenTag, begin: usize) -> Result<String, MarkupError> {
        if !self.rest().starts_with('=') {
            return Err(MarkupError(format!(
                "Expected equal sign in declaration of an attribute of the tag \"{}\" at byte offset {begin}",
                tag.name
            )));
        }
        self.at += 1;
        self.skip_space();
        let value = match self.rest().chars().next() {
            None => {
                return Err(MarkupError(format!(
                    "Unclosed start tag \"{}\" at byte offset {begin}",
                    tag.name
                )));
            }
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some(_) => self.name_token()?,
        };
        if self.rest().is_empty() {
            return Err(MarkupError(format!(
                "Unclosed start tag at byte offset {begin}"
            )));
        }
        Ok(value)
    }

    fn name_token(&mut self) -> Result<String, MarkupError> {
        let begin = self.at;
        let token = self.take_until(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')));
        match self.rest().chars().next() {
            Some(c) if is_space(c) || c == '>' => Ok(token.to_ascii_lowercase()),
            _ => Err(MarkupError(format!(
                "Unexpected end of name token at byte offset {begin}"
            ))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, MarkupError> {
        self.at += 1;
        let mut value = String::new();
        while let Some(c) = self.rest().chars().next() {
            if c == quote {
                self.at += 1;
                break;
            }
            match if c == '&' {
                self.character_reference()?
            } else {
                None
            } {
                Some(decoded) => value.push(decoded),
                None => {
                    value.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
        Ok(value)
    }

    fn end_tag(&mut self) -> Result<(), MarkupError> {
        let begin = self.at;
        if self.open.is_empty() {
            return Err(MarkupError(format!(
                "Unexpected end tag at byte offset {begin}"
            )));
        }
        self.at += 2;
        let name = self
            .take_until(|c| is_space(c) || c == '>')
            .to_ascii_lowercase();
        self.skip_space();
        if !self.rest().starts_with('>') {
            return Err(MarkupError(format!(
                "Unclosed end tag at byte offset {begin}"
            )));
        }
        self.at += 1;
        let Some(tag) = self.open.pop() else {
            return Ok(());
        };
        // `</>` closes whatever is open; the real parser takes it too.
        if !name.is_empty() && name != tag.name {
            return Err(MarkupError(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
                tag.name
            )));
        }
        if self.utf16 > tag.utf16 {
            self.close(tag)?;
        }
        Ok(())
    }

    fn close(&mut self, tag: OpenTag) -> Result<(), MarkupError> {
        let (offset, length) = (tag.utf16, self.utf16 - tag.utf16);
        let plain = |kind: &str| Entity::new(kind, offset, length);
        let entity = match tag.name.as_str() {
            "b" | "strong" => plain("bold"),
            "i" | "em" => plain("italic"),
            "u" | "ins" => plain("underline"),
            "s" | "strike" | "del" => plain("strikethrough"),
            "tg-spoiler" | "span" => plain("spoiler"),
            "blockquote" if tag.argument == "1" => plain("expandable_blockquote"),
            "blockquote" => plain("blockquote"),
            "pre" | "code" => return self.close_code(&tag, offset, length),
            "tg-emoji" => Entity {
                custom_emoji_id: Some(emoji_id(&tag.argument)?),
                ..plain("custom_emoji")
            },
            "tg-time" => Entity {
                unix_time: Some(unix_time(&tag.argument)?),
                date_time_format: Some(tag.format).filter(|format| !format.is_empty()),
                ..plain("date_time")
            },
            _ => {
                let shown = &self.text[tag.byte..];
                let target = if tag.argument.is_empty() {
                    shown
                } else {
                    &tag.argument
                };
                // A link that Telegram would not open is dropped without a word, its text stays.
                match checked_link(target) {
                    Some(url) => Entity {
                        url: Some(url),
                        ..plain("text_link")
                    },
                    None => return Ok(()),
                }
            }
        };
        self.entities.push(entity);
        Ok(())
    }

    /// `<pre><code class="language-x">` over the same text is one `pre` with a language; alone, `code` has none.
    fn close_code(
        &mut self,
        tag: &OpenTag,
        offset: usize,
        length: usize,
    ) -> Result<(), MarkupError> {
        let partner = if tag.name == "pre" { "code" } else { "pre" };
        let language = Some(tag.argument.clone()).filter(|language| !language.is_empty());
        if let Some(inner) = self.entities.last_mut()
            && inner.kind == partner
            && (inner.offset, inner.length) == (offset, length)
            && (inner.language.is_some() || language.is_some())
        {
            inner.kind = "pre".into();
            inner.language = inner.language.take().or(language);
            return Ok(());
        }
        self.entities.push(Entity {
            language,
            ..Entity::new(&tag.name, offset, length)
        });
        Ok(())
    }
}

impl OpenTag {
    /// Keeps the attributes that mean something to this tag; all others are accepted and ignored.
    fn accept(&mut self, name: &str, value: String) {
        match (self.name.as_str(), name) {
            ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "unix") => self.argument = value,
            ("tg-time", "format") => self.format = value,
            ("code", "class") => {
                if let Some(language) = value.strip_prefix("language-") {
                    self.argument = language.to_owned();
                }
            }
            ("span", "class") => {
                if let Some(class) = value.strip_prefix("tg-") {
                    self.argument = class.to_owned();
                }
            }
            ("blockquote", "expandable") => self.argument = "1".into(),
            _ => {}
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\0' | '\u{b}')
}

/// Code point and byte length of the character reference at the start of `text`. Only `lt`, `gt`, `amp`, `quot` and
/// numbers are known; the semicolon may be missing.
fn decode_reference(text: &str) -> Option<(u32, usize)> {
    let body = text.strip_prefix('&')?;
    let (code, length) = if let Some(number) = body.strip_prefix('#') {
        let (radix, digits) = match number.strip_prefix('x') {
            Some(hex) => (16, hex),
            None => (10, number),
        };
        let end = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let consumed = text.len() - digits.len() + end;
        let code = u32::from_str_radix(&digits[..end], radix).ok()?;
        if code == 0 || code >= 0x10_ffff || consumed >= 10 {
            return None;
        }
        (code, consumed)
    } else {
        let end = body
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(body.len());
        let code = match &body[..end] {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => return None,
        };
        (u32::from(code), end + 1)
    };
    let semicolon = usize::from(text[length..].starts_with(';'));
    Some((code, length + semicolon))
}

fn emoji_id(argument: &str) -> Result<String, MarkupError> {
    match argument.parse::<i64>() {
        Ok(id) if id != 0 => Ok(id.to_string()),
        _ => Err(MarkupError(
            "Invalid custom emoji identifier specified".into(),
        )),
    }
}

fn unix_time(argument: &str) -> Result<i64, MarkupError> {
    argument
        .parse()
        .map_err(|_| MarkupError("Invalid Unix time specified".into()))
}

/// The link as Telegram would store it: `http`, `https` or `tg`, with a host that has a dot; a bare host gets `http://`.
fn checked_link(target: &str) -> Option<String> {
    let target = target.trim();
    let lower = target.to_ascii_lowercase();
    if ["tg:", "ton:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
    {
        return Some(target.to_owned());
    }
    let full = if lower.starts_with("http://") || lower.starts_with("https://") {
        target.to_owned()
    } else if lower.contains("://") || target.contains(char::is_whitespace) {
        return None;
    } else {
        format!("http://{target}")
    };
    let url = url::Url::parse(&full).ok()?;
    let host = url.host_str()?;
    (host.contains('.') || host.starts_with('[')).then(|| url.to_string())
}

/// Adds what Telegram finds by itself in plain text: web and e-mail addresses, outside code and links.
pub(crate) fn find_addresses(text: &str, entities: &mut Vec<Entity>) {
    let mut found = Vec::new();
    let mut utf16 = 0;
    for word in text.split_inclusive([' ', '\n', '\t', '<', '>', '"']) {
        let length = utf16_len(word);
        if let Some((skip, address, kind)) = address_in(word) {
            found.push(Entity::new(
                kind,
                utf16 + utf16_len(&word[..skip]),
                utf16_len(address),
            ));
        }
        utf16 += length;
    }
    found.retain(|address| {
        !entities.iter().any(|entity| {
            matches!(
                entity.kind.as_str(),
                "pre" | "code" | "text_link" | "text_mention"
            ) && entity.offset < address.end()
                && address.offset < entity.end()
        })
    });
    entities.append(&mut found);
}

fn address_in(word: &str) -> Option<(usize, &str, &'static str)> {
    let closing = [
        ' ', '\n', '\t', '<', '>', '"', '.', ',', ';', ':', '!', '?', ')', ']', '\'',
    ];
    let trimmed = word.trim_end_matches(closing);
    if let Some(start) = trimmed.find("https://").or_else(|| trimmed.find("http://")) {
        let address = &trimmed[start..];
        let host = url::Url::parse(address).ok()?.host_str()?.to_owned();
        return host.contains('.').then_some((start, address, "url"));
    }
    let address = trimmed.trim_start_matches(['(', '[', '\'', ',']);
    let (local, domain) = address.split_once('@')?;
    let local_ok = !local.is_empty()
        && local
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._%+-".contains(c));
    let domain_ok = domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
    (local_ok && domain_ok).then_some((trimmed.len() - address.len(), address, "email"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(source: &str) -> String {
        parse(source).unwrap_err().0
    }

    fn kinds(source: &str) -> Vec<(String, usize, usize)> {
        let (_, entities) = parse(source).unwrap();
        entities
            .into_iter()
            .map(|e| (e.kind, e.offset, e.length))
            .collect()
    }

    #[test]
    fn given_every_accepted_tag_when_parsed_then_each_becomes_its_entity() {
        for (source, kind) in [
            ("<b>x</b>", "bold"),
            ("<STRONG>x</strong>", "bold"),
            ("<i>x</i>", "italic"),
            ("<em>x</em>", "italic"),
            ("<u>x</u>", "underline"),
            ("<ins>x</ins>", "underline"),
            ("<s>x</s>", "strikethrough"),
            ("<strike>x</strike>", "strikethrough"),
            ("<del>x</del>", "strikethrough"),
            ("<tg-spoiler>x</tg-spoiler>", "spoiler"),
            ("<span class=\"tg-spoiler\">x</span>", "spoiler"),
            ("<code>x</code>", "code"),
            ("<pre>x</pre>", "pre"),
            ("<blockquote>x</blockquote>", "blockquote"),
            (
                "<blockquote expandable>x</blockquote>",
                "expandable_blockquote",
            ),
            ("<a href='https://example.com/'>x</a>", "text_link"),
            (
                "<tg-emoji emoji-id=\"5368324170671202286\">x</tg-emoji>",
                "custom_emoji",
            ),
            ("<tg-time unix=\"1700000000\">x</tg-time>", "date_time"),
        ] {
            assert_eq!(kinds(source), [(kind.to_owned(), 0, 1)], "{source}");
        }
    }

    #[test]
    fn given_tags_of_a_web_page_when_parsed_then_they_are_refused_by_name_and_position() {
        assert_eq!(
            refusal("a<br>b"),
            "Unsupported start tag \"br\" at byte offset 1"
        );
        assert_eq!(
            refusal("é<p>b</p>"),
            "Unsupported start tag \"p\" at byte offset 2"
        );
        assert_eq!(
            refusal("1 < 2 > 0"),
            "Unsupported start tag \"\" at byte offset 2"
        );
        assert_eq!(refusal("a<"), "Unclosed start tag at byte offset 1");
    }

    #[test]
    fn given_unbalanced_tags_when_parsed_then_the_refusal_says_what_was_expected() {
        assert_eq!(
            refusal("<b>x"),
            "Can't find end tag corresponding to start tag b"
        );
        assert_eq!(refusal("x</b>"), "Unexpected end tag at byte offset 1");
        assert_eq!(
            refusal("<b><i>x</b></i>"),
            "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""
        );
        assert_eq!(refusal("<b>x</b"), "Unclosed end tag at byte offset 4");
        assert_eq!(
            refusal("<span class=\"x\">y</span>"),
            "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"
        );
        assert_eq!(
            refusal("<a href=x y>z</a>"),
            "Expected equal sign in declaration of an attribute of the tag \"a\" at byte offset 0"
        );
    }

    #[test]
    fn given_character_references_when_parsed_then_only_the_four_names_and_numbers_are_decoded() {
        let text = |source: &str| parse(source).unwrap().0;
        assert_eq!(text("&lt;b&gt; &amp; &quot;"), "<b> & \"");
        assert_eq!(text("&#39;&#x27;&#128512;"), "''😀");
        assert_eq!(text("&apos;&nbsp;&laquo;&#0;"), "&apos;&nbsp;&laquo;&#0;");
        assert_eq!(text("&lt &amp"), "< &");
        assert_eq!(text("&amp;lt;"), "&lt;");
        assert!(refusal("&#xD83D;").contains("invalid Unicode"));
    }

    #[test]
    fn given_characters_outside_the_basic_plane_when_parsed_then_offsets_count_utf16_units() {
        assert_eq!(kinds("😀<b>é😀</b>"), [("bold".to_owned(), 2, 3)]);
    }

    #[test]
    fn given_a_code_block_with_a_language_when_parsed_then_it_is_one_pre() {
        let (_, entities) =
            parse("<pre><code class=\"language-powershell\">Get-X</code></pre>").unwrap();
        assert_eq!(entities.len(), 1);
        assert_eq!(entities[0].kind, "pre");
        assert_eq!(entities[0].language.as_deref(), Some("powershell"));
    }

    #[test]
    fn given_links_that_telegram_will_not_open_when_parsed_then_the_text_stays_and_the_link_goes() {
        assert!(kinds("<a href=\"javascript:alert(1)\">x</a>").is_empty());
        assert!(kinds("<a href=\"http://localhost:8080/\">x</a>").is_empty());
        assert_eq!(kinds("<a href=\"example.com\">x</a>").len(), 1);
        assert_eq!(kinds("<a href=\"http://127.0.0.1:8080/\">x</a>").len(), 1);
    }

    #[test]
    fn given_plain_addresses_when_searched_then_urls_and_mails_are_found_outside_code() {
        let mut entities = vec![Entity::new("code", 0, 15)];
        find_addresses(
            "see a@example.io or (b@example.com), https://example.com/x.",
            &mut entities,
        );
        let found: Vec<_> = entities[1..]
            .iter()
            .map(|e| (e.kind.as_str(), e.offset, e.length))
            .collect();
        assert_eq!(found, [("email", 21, 13), ("url", 37, 21)]);
    }
}
