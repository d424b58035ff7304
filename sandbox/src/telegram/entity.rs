//! Message entities: formatting of a span of text, positions in UTF-16 units.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A formatted span, in the Bot API's own JSON shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// `bold`, `text_link`, `pre` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// Start, in UTF-16 units.
    pub offset: usize,
    /// Length, in UTF-16 units.
    pub length: usize,
    /// Target of a `text_link`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Language of a `pre`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Of a `custom_emoji`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
    /// Of a `date_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_time: Option<i64>,
    /// Of a `date_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_time_format: Option<String>,
    /// The person of a `text_mention`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Value>,
}

impl Entity {
    pub(crate) fn new(kind: &str, offset: usize, length: usize) -> Self {
        Self {
            kind: kind.to_owned(),
            offset,
            length,
            url: None,
            language: None,
            custom_emoji_id: None,
            unix_time: None,
            date_time_format: None,
            user: None,
        }
    }

    pub(crate) fn end(&self) -> usize {
        self.offset + self.length
    }

    fn mergeable(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "bold" | "italic" | "underline" | "strikethrough" | "spoiler"
        )
    }
}

/// Length of a string in UTF-16 units.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Brings text and entities into the form in which Telegram stores them: no whitespace around the text, entities
/// inside it, touching spans of one plain style joined, sorted by position with the outer one first.
pub(crate) fn normalise(text: &str, mut entities: Vec<Entity>) -> (String, Vec<Entity>) {
    let blank = |c: char| matches!(c, ' ' | '\n' | '\t' | '\r');
    let without_head = text.trim_start_matches(blank);
    let cut = utf16_len(text) - utf16_len(without_head);
    let body = without_head.trim_end_matches(blank);
    let end = utf16_len(body);
    for entity in &mut entities {
        let start = entity.offset.saturating_sub(cut).min(end);
        let stop = entity.end().saturating_sub(cut).min(end);
        entity.offset = start;
        entity.length = stop - start;
    }
    entities.retain(|entity| entity.length > 0);
    sort(&mut entities);
    let mut joined: Vec<Entity> = Vec::with_capacity(entities.len());
    for entity in entities {
        let touching = joined.iter_mut().rev().find(|other| {
            entity.mergeable() && other.kind == entity.kind && other.end() >= entity.offset
        });
        match touching {
            Some(other) => other.length = other.end().max(entity.end()) - other.offset,
            None => joined.push(entity),
        }
    }
    sort(&mut joined);
    (body.to_owned(), joined)
}

fn sort(entities: &mut [Entity]) {
    entities.sort_by(|a, b| {
        (a.offset, usize::MAX - a.length, rank(&a.kind)).cmp(&(
            b.offset,
            usize::MAX - b.length,
            rank(&b.kind),
        ))
    });
}

/// Order of entities that span the same text: blocks outside, then links, then styles.
fn rank(kind: &str) -> u8 {
    match kind {
        "blockquote" | "expandable_blockquote" => 0,
        "pre" => 1,
        "code" => 2,
        "text_link" | "text_mention" | "url" | "email" => 3,
        _ => 4,
    }
}
