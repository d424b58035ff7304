//! Text with styles, and how it becomes Telegram's HTML.
//!
//! Everything that is sent is built from [`Span`]s: a text and a style. Markup comes into being in one place only,
//! [`to_html`], where every text is escaped and every tag that is opened is closed. So no value, wherever it came from,
//! can change the structure of a message, and a text can be cut at any character without breaking a tag.
//!
//! Telegram's HTML is not that of the web: the tags used here are `b i s code pre a blockquote`, lines break at `\n`, and only
//! `&lt; &gt; &amp; &quot;` are decoded. It counts a message's length in code points after the markup is taken out; 4,096
//! are allowed (TDLib's option `message_text_length_max`).

use std::fmt::Write as _;

/// The code points that Telegram takes in one message.
pub(crate) const MESSAGE_LIMIT: usize = 4096;

/// How a piece of text looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) strike: bool,
    /// Telegram allows nothing else on code, and does not look for addresses in it.
    pub(crate) code: bool,
    pub(crate) link: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Span {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style::default(),
        }
    }

    pub(crate) fn bold(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style {
                bold: true,
                ..Style::default()
            },
        }
    }

    pub(crate) fn code(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style {
                code: true,
                ..Style::default()
            },
        }
    }
}

/// What stands between a block and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The next line: items of a list, the text below its heading.
    Line,
    /// An empty line.
    Paragraph,
}

impl Gap {
    fn as_str(self) -> &'static str {
        match self {
            Self::Line => "\n",
            Self::Paragraph => "\n\n",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A heading is not left behind at the end of a message.
    Heading,
    Pre,
    Quote,
}

/// A paragraph, a heading, an item of a list, a block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) spans: Vec<Span>,
    pub(crate) gap: Gap,
    pub(crate) kind: Kind,
}

impl Block {
    pub(crate) fn new(gap: Gap, spans: Vec<Span>) -> Self {
        Self {
            spans,
            gap,
            kind: Kind::Text,
        }
    }

    pub(crate) fn heading(text: impl Into<String>) -> Self {
        Self {
            spans: vec![Span::bold(text)],
            gap: Gap::Paragraph,
            kind: Kind::Heading,
        }
    }

    /// In code points, as Telegram counts, without the gap.
    fn length(&self) -> usize {
        self.spans
            .iter()
            .map(|span| span.text.chars().count())
            .sum()
    }
}

/// The code points of blocks as one message.
pub(crate) fn length(blocks: &[Block]) -> usize {
    let gaps: usize = blocks.iter().skip(1).map(|b| b.gap.as_str().len()).sum();
    gaps + blocks.iter().map(Block::length).sum::<usize>()
}

/// Without markup, as the person reads it.
pub(crate) fn to_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            text.push_str(block.gap.as_str());
        }
        block
            .spans
            .iter()
            .for_each(|span| text.push_str(&span.text));
    }
    text
}

/// With Telegram's markup.
pub(crate) fn to_html(blocks: &[Block]) -> String {
    let mut html = String::new();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            html.push_str(block.gap.as_str());
        }
        let (open, close) = match block.kind {
            Kind::Pre => ("<pre>", "</pre>"),
            Kind::Quote => ("<blockquote>", "</blockquote>"),
            Kind::Text | Kind::Heading => ("", ""),
        };
        html.push_str(open);
        for span in &block.spans {
            if block.kind == Kind::Pre {
                escape(&span.text, &mut html);
            } else {
                write_span(span, &mut html);
            }
        }
        html.push_str(close);
    }
    html
}

fn write_span(span: &Span, html: &mut String) {
    let style = &span.style;
    let mut tags: Vec<&str> = Vec::new();
    if style.code && style.link.is_none() {
        tags.push("code");
    } else {
        let styles = [(style.bold, "b"), (style.italic, "i"), (style.strike, "s")];
        tags.extend(styles.iter().filter(|(on, _)| *on).map(|(_, tag)| *tag));
    }
    if let Some(link) = &style.link {
        html.push_str("<a href=\"");
        escape(link, html);
        html.push_str("\">");
    }
    for tag in &tags {
        let _ = write!(html, "<{tag}>");
    }
    escape(&span.text, html);
    for tag in tags.iter().rev() {
        let _ = write!(html, "</{tag}>");
    }
    if style.link.is_some() {
        html.push_str("</a>");
    }
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
}

/// The text in markup that [`to_html`] wrote. For the last resort, a message without a parse mode.
pub(crate) fn strip(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        if c == '<' {
            // Texts are escaped, so an angle bracket always belongs to a tag, and `"` in an address to its end.
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
            continue;
        }
        let known = [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&quot;", '"'),
        ];
        let entity = known.iter().find(|(entity, _)| rest.starts_with(entity));
        let (length, c) = entity.map_or((c.len_utf8(), c), |(entity, c)| (entity.len(), *c));
        text.push(c);
        rest = &rest[length..];
    }
    text
}

/// Packs sections into messages of at most `limit` code points.
///
/// A section that fits into one message is not torn; a longer one is cut between its blocks, and a block that is longer
/// than a message at a space. Nothing is lost but the white space at the seams.
pub(crate) fn pack(sections: &[Vec<Block>], limit: usize) -> Vec<Vec<Block>> {
    let mut parts: Vec<Vec<Block>> = vec![Vec::new()];
    for section in sections {
        let whole = length(section);
        if whole <= limit {
            add(&mut parts, section, limit);
            continue;
        }
        for unit in units(section, limit) {
            add(&mut parts, &unit, limit);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Adds blocks that belong together to the last message, or begins a new one.
fn add(parts: &mut Vec<Vec<Block>>, unit: &[Block], limit: usize) {
    let Some(gap) = unit.first().map(|block| block.gap.as_str().len()) else {
        return;
    };
    match parts.last_mut() {
        Some(last) if last.is_empty() || length(last) + gap + length(unit) <= limit => {
            last.extend_from_slice(unit);
        }
        _ => parts.push(unit.to_vec()),
    }
}

/// Blocks as they may be parted: a heading with what follows it, long blocks cut.
fn units(section: &[Block], limit: usize) -> Vec<Vec<Block>> {
    let mut units: Vec<Vec<Block>> = Vec::new();
    let mut headings: Vec<Block> = Vec::new();
    for block in section {
        if block.kind == Kind::Heading && length(&headings) + 2 + block.length() <= limit / 2 {
            headings.push(block.clone());
            continue;
        }
        let room = limit.saturating_sub(match headings.as_slice() {
            [] => 0,
            before => length(before) + 2,
        });
        let mut pieces = cut(block, room.max(1), limit).into_iter();
        let mut unit = std::mem::take(&mut headings);
        unit.extend(pieces.next());
        units.push(unit);
        units.extend(pieces.map(|piece| vec![piece]));
    }
    if !headings.is_empty() {
        units.push(headings);
    }
    units
}

/// Cuts a block into pieces, the first of at most `first` code points and the others of at most `limit`.
fn cut(block: &Block, first: usize, limit: usize) -> Vec<Block> {
    let mut pieces = Vec::new();
    let mut rest = block.spans.clone();
    let mut room = first;
    while rest
        .iter()
        .map(|span| span.text.chars().count())
        .sum::<usize>()
        > room
    {
        let at = seam(&rest, room);
        let (piece, left) = split_spans(rest, at);
        pieces.push(Block {
            spans: piece,
            ..block.clone()
        });
        rest = left;
        room = limit;
    }
    pieces.push(Block {
        spans: rest,
        ..block.clone()
    });
    pieces
}

/// After which character to cut: the last white space in the second half of the room, else where the room ends.
fn seam(spans: &[Span], room: usize) -> usize {
    let characters = spans.iter().flat_map(|span| span.text.chars()).take(room);
    characters
        .enumerate()
        .filter(|(index, c)| c.is_whitespace() && *index >= room / 2)
        .last()
        .map_or(room, |(index, _)| index + 1)
}

fn split_spans(spans: Vec<Span>, at: usize) -> (Vec<Span>, Vec<Span>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut left = at;
    for span in spans {
        let count = span.text.chars().count();
        if left >= count {
            left -= count;
            head.push(span);
        } else if left == 0 {
            tail.push(span);
        } else {
            let split = span
                .text
                .char_indices()
                .nth(left)
                .map_or(span.text.len(), |(offset, _)| offset);
            let (before, after) = span.text.split_at(split);
            head.push(Span {
                text: before.to_owned(),
                style: span.style.clone(),
            });
            tail.push(Span {
                text: after.to_owned(),
                style: span.style,
            });
            left = 0;
        }
    }
    (head, tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_span() -> impl Strategy<Value = Span> {
        let text = prop_oneof![
            "[ -~]{0,40}",
            "\\PC{0,30}",
            Just("</b><a href=\"https://evil.example\">&lt;".to_owned()),
        ];
        let link = prop::option::of(Just("https://example.com/?a=1&b=\"2\"".to_owned()));
        (text, any::<[bool; 4]>(), link).prop_map(|(text, [bold, italic, strike, code], link)| {
            let style = Style {
                bold,
                italic,
                strike,
                code,
                link,
            };
            Span { text, style }
        })
    }

    fn any_block() -> impl Strategy<Value = Block> {
        let gap = prop_oneof![Just(Gap::Line), Just(Gap::Paragraph)];
        let kind = prop_oneof![
            4 => Just(Kind::Text),
            1 => Just(Kind::Heading),
            1 => Just(Kind::Pre),
            1 => Just(Kind::Quote),
        ];
        (prop::collection::vec(any_span(), 0..5), gap, kind).prop_map(|(spans, gap, kind)| Block {
            spans,
            gap,
            kind,
        })
    }

    fn any_sections() -> impl Strategy<Value = Vec<Vec<Block>>> {
        prop::collection::vec(prop::collection::vec(any_block(), 0..8), 0..6)
    }

    /// Follows Telegram's rules for tags and says what is wrong.
    fn balance(html: &str) -> Result<(), String> {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            let end = rest[start..].find('>').ok_or("a tag without an end")? + start;
            let tag = &rest[start + 1..end];
            let name = tag.split(' ').next().unwrap_or_default();
            match name.strip_prefix('/') {
                Some(name) if open.last() == Some(&name) => drop(open.pop()),
                Some(name) => return Err(format!("</{name}> closes {open:?}")),
                None if ["b", "i", "s", "code", "pre", "a", "blockquote"].contains(&name) => {
                    open.push(name);
                }
                None => return Err(format!("<{name}> is no tag of ours")),
            }
            rest = &rest[end + 1..];
        }
        open.is_empty()
            .then_some(())
            .ok_or_else(|| format!("left open: {open:?}"))
    }

    fn without_space(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    proptest! {
        #[test]
        fn whatever_the_texts_are_the_tags_are_balanced_and_the_text_is_kept(
            blocks in prop::collection::vec(any_block(), 0..8),
        ) {
            let html = to_html(&blocks);
            prop_assert_eq!(balance(&html), Ok(()));
            prop_assert_eq!(strip(&html), to_text(&blocks));
            prop_assert_eq!(length(&blocks), to_text(&blocks).chars().count());
        }

        #[test]
        fn packing_keeps_the_text_and_the_limit(sections in any_sections(), limit in 8_usize..200) {
            let parts = pack(&sections, limit);
            let whole: String = sections.iter().map(|section| to_text(section)).collect();
            let packed: String = parts.iter().map(|part| to_text(part)).collect();
            prop_assert_eq!(without_space(&packed), without_space(&whole));
            for part in &parts {
                prop_assert!(length(part) <= limit, "{} of {limit}", length(part));
                prop_assert_eq!(balance(&to_html(part)), Ok(()));
            }
        }
    }

    #[test]
    fn given_a_section_that_fits_into_a_message_when_packed_then_it_is_not_torn() {
        let section = |name: &str| {
            vec![
                Block::heading(name),
                Block::new(Gap::Line, vec![Span::plain("x".repeat(50))]),
            ]
        };
        let parts = pack(&[section("one"), section("two"), section("three")], 120);
        let texts: Vec<_> = parts.iter().map(|part| to_text(part)).collect();
        assert_eq!(parts.len(), 2, "{texts:?}");
        assert!(texts[1].starts_with("three\nxxx"), "{texts:?}");
    }

    #[test]
    fn given_a_long_paragraph_when_packed_then_it_is_cut_at_a_space_and_its_style_goes_on() {
        let block = Block::new(Gap::Paragraph, vec![Span::bold("word ".repeat(30))]);
        let parts = pack(&[vec![block]], 64);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(to_html(part).starts_with("<b>word"), "{}", to_html(part));
            assert!(to_text(part).trim_end().ends_with("word"));
        }
    }

    #[test]
    fn given_a_heading_before_a_seam_when_packed_then_it_goes_with_its_text() {
        let filler = Block::new(Gap::Paragraph, vec![Span::plain("x".repeat(50))]);
        let text = Block::new(Gap::Line, vec![Span::plain("y".repeat(40))]);
        let parts = pack(&[vec![filler, Block::heading("Steps"), text]], 64);
        assert_eq!(to_text(&parts[1]), format!("Steps\n{}", "y".repeat(40)));
    }

    #[test]
    fn length_counts_code_points_and_no_markup() {
        let blocks = [Block::new(Gap::Line, vec![Span::bold("😀<é>")])];
        assert_eq!(length(&blocks), 4);
        assert_eq!(to_html(&blocks), "<b>😀&lt;é&gt;</b>");
    }

    #[test]
    fn code_carries_no_other_style_and_a_link_wins_over_code() {
        let mut span = Span::code("a & b");
        span.style.bold = true;
        let html = |span: &Span| to_html(&[Block::new(Gap::Line, vec![span.clone()])]);
        assert_eq!(html(&span), "<code>a &amp; b</code>");
        span.style.link = Some("https://example.com/?q=\"x\"".to_owned());
        assert_eq!(
            html(&span),
            "<a href=\"https://example.com/?q=&quot;x&quot;\"><b>a &amp; b</b></a>"
        );
    }
}
