//! The Markdown of guides as [`Block`]s: headings, paragraphs, lists, code, bold, italic, links. Raw HTML is text.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::html::{Block, Gap, Kind, Span, Style};

/// What was met in a text that Telegram cannot show as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Oddity {
    RawHtml,
    Image,
    NestedList,
    /// A link to something else than a web page; Telegram would drop it without a word.
    Link,
}

/// A parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) blocks: Vec<Block>,
    /// The `##` headings in order.
    pub(crate) sections: Vec<String>,
    pub(crate) oddities: Vec<Oddity>,
}

pub(crate) fn parse(text: &str) -> Parsed {
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        builder.take(event);
    }
    builder.finish()
}

#[derive(Default)]
struct Builder {
    parsed: Parsed,
    spans: Vec<Span>,
    kind: Option<Kind>,
    bold: usize,
    italic: usize,
    strike: usize,
    quote: usize,
    links: Vec<Option<String>>,
    /// The numbers of the lists that are open; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// The item's bullet or number, until its first text.
    marker: Option<String>,
    /// Whether the next block stands close to the one before: the first one below a heading, items after the first.
    close: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, false),
            Event::Code(text) => self.text(&text, true),
            Event::Html(text) | Event::InlineHtml(text) => {
                self.odd(Oddity::RawHtml);
                self.text(&text, false);
            }
            Event::SoftBreak => self.text(" ", false),
            Event::HardBreak => self.text("\n", false),
            Event::Rule => {
                self.flush();
                self.text("———", false);
                self.flush();
            }
            // Not enabled in the parser.
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.flush();
                self.kind = Some(Kind::Heading);
                self.bold += 1;
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.kind = Some(Kind::Pre);
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.quote += 1;
            }
            Tag::List(first) => {
                self.flush();
                if !self.lists.is_empty() {
                    self.odd(Oddity::NestedList);
                    self.close = true;
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                self.marker = Some(self.next_marker());
            }
            Tag::Emphasis => self.italic += 1,
            Tag::Strong => self.bold += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link { dest_url, .. } => self.open_link(&dest_url),
            Tag::Image { dest_url, .. } => {
                self.odd(Oddity::Image);
                self.open_link(&dest_url);
            }
            _ => self.flush(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                if level == pulldown_cmark::HeadingLevel::H2 {
                    let title: String = self.spans.iter().map(|span| span.text.as_str()).collect();
                    self.parsed.sections.push(title.trim().to_owned());
                }
                self.flush();
                self.bold = self.bold.saturating_sub(1);
                self.close = true;
            }
            TagEnd::CodeBlock => {
                if let Some(last) = self.spans.last_mut() {
                    let trimmed = last.text.trim_end_matches('\n').len();
                    last.text.truncate(trimmed);
                }
                self.flush();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.quote = self.quote.saturating_sub(1);
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.close = !self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                self.marker = None;
                self.close = true;
            }
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => drop(self.links.pop()),
            _ => self.flush(),
        }
    }

    fn next_marker(&mut self) -> String {
        let depth = self.lists.len().saturating_sub(1);
        let indent = "    ".repeat(depth);
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{indent}{number}. ");
                *number += 1;
                marker
            }
            _ => format!("{indent}• "),
        }
    }

    fn open_link(&mut self, target: &str) {
        let web = target.starts_with("https://") || target.starts_with("http://");
        if !web {
            self.odd(Oddity::Link);
        }
        self.links.push(web.then(|| target.to_owned()));
    }

    fn text(&mut self, text: &str, code: bool) {
        if text.is_empty() {
            return;
        }
        if let Some(marker) = self.marker.take() {
            self.spans.push(Span::plain(marker));
        }
        let style = Style {
            bold: self.bold > 0,
            italic: self.italic > 0,
            strike: self.strike > 0,
            code,
            link: self.links.iter().rev().flatten().next().cloned(),
        };
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.spans.push(Span {
                text: text.to_owned(),
                style,
            }),
        }
    }

    fn flush(&mut self) {
        let kind = self.kind.take();
        let spans = std::mem::take(&mut self.spans);
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            return;
        }
        let close = std::mem::take(&mut self.close);
        self.parsed.blocks.push(Block {
            spans,
            gap: if close { Gap::Line } else { Gap::Paragraph },
            kind: kind.unwrap_or(if self.quote > 0 {
                Kind::Quote
            } else {
                Kind::Text
            }),
        });
    }

    fn odd(&mut self, oddity: Oddity) {
        if !self.parsed.oddities.contains(&oddity) {
            self.parsed.oddities.push(oddity);
        }
    }

    fn finish(mut self) -> Parsed {
        self.flush();
        self.parsed
    }
}

/// Text as Markdown that means just this text: every punctuation mark is escaped (CommonMark, 2.4), line breaks are spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(if c.is_whitespace() { ' ' } else { c });
    }
    escaped
}

/// Text as a code span that shows just this text, whatever backticks are in it (CommonMark, 6.1).
pub(crate) fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    if text.trim().is_empty() {
        return String::new();
    }
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // One space on either side is taken off again; it keeps a backtick or a space of the text itself from the fence.
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::html::{to_html, to_text};

    fn html(text: &str) -> String {
        to_html(&parse(text).blocks)
    }

    #[test]
    fn a_guide_becomes_headings_paragraphs_and_lists() {
        let text = "## Why\n\nA *lost* disk\nis **readable**.\n\n## Steps\n\n1. Open `Settings`.\n2. Restart.\n\nThen:\n\n- one\n- two\n\nDone.";
        assert_eq!(
            html(text),
            "<b>Why</b>\nA <i>lost</i> disk is <b>readable</b>.\n\n<b>Steps</b>\n1. Open <code>Settings</code>.\n2. Restart.\n\nThen:\n\n• one\n• two\n\nDone."
        );
        assert_eq!(parse(text).sections, ["Why", "Steps"]);
    }

    #[test]
    fn a_loose_list_and_one_that_starts_elsewhere_keep_their_numbers() {
        assert_eq!(html("3. a\n\n4. b"), "3. a\n4. b");
    }

    #[test]
    fn fenced_code_is_a_block_of_its_own() {
        assert_eq!(
            html("Run:\n\n```sh\nufw status | grep \"<x>\"\n```\n\nEnd."),
            "Run:\n\n<pre>ufw status | grep &quot;&lt;x&gt;&quot;</pre>\n\nEnd."
        );
    }

    #[test]
    fn raw_html_is_text_and_is_reported() {
        let parsed = parse("a <b>bold</b> move<br>\n\n<div onclick=x>\nboo\n</div>");
        assert!(
            !to_html(&parsed.blocks).contains("<b>"),
            "{}",
            to_html(&parsed.blocks)
        );
        assert!(to_text(&parsed.blocks).contains("<div onclick=x>"));
        assert_eq!(parsed.oddities, [Oddity::RawHtml]);
    }

    #[test]
    fn only_links_to_web_pages_are_links() {
        assert_eq!(
            html("[a](https://example.com/?x=1&y=2) [b](javascript:alert)"),
            "<a href=\"https://example.com/?x=1&amp;y=2\">a</a> b"
        );
        assert_eq!(parse("[b](javascript:alert)").oddities, [Oddity::Link]);
        assert_eq!(
            parse("![b](https://example.com/i.png)").oddities,
            [Oddity::Image]
        );
    }

    #[test]
    fn nested_lists_are_indented_and_reported() {
        let parsed = parse("- a\n  - b\n- c");
        assert_eq!(to_text(&parsed.blocks), "• a\n    • b\n• c");
        assert_eq!(parsed.oddities, [Oddity::NestedList]);
    }

    proptest! {
        #[test]
        fn an_escaped_value_is_text_and_nothing_else(value in "[!-~]{1,20}|\\PC{1,20}") {
            let value = value.trim().to_owned();
            prop_assume!(!value.is_empty());
            let parsed = parse(&format!("before {} after", escape(&value)));
            let shown: String = value.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
            prop_assert_eq!(parsed.blocks.len(), 1);
            prop_assert_eq!(to_text(&parsed.blocks), format!("before {shown} after"));
            prop_assert!(parsed.blocks[0].spans.iter().all(|span| span.style == Style::default()));
        }

        #[test]
        fn a_value_shown_as_code_is_one_span_of_code(value in "[!-~]{1,20}|[` a]{1,12}") {
            prop_assume!(!value.trim().is_empty());
            let parsed = parse(&format!("before {} after", code(&value)));
            let spans = &parsed.blocks[0].spans;
            prop_assert_eq!(spans.len(), 3);
            prop_assert!(spans[1].style.code);
            prop_assert_eq!(&spans[1].text, &value);
        }
    }
}
