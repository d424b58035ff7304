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

/// As many as Telegram keeps in one message; the rest is dropped without a word.
const MAX_ENTITIES: usize = 100;

/// Brings text and entities into the form in which Telegram stores them: no whitespace around the text, entities
/// inside it, touching spans of one plain style joined, no style on code, no code in a link or a link in code,
/// sorted by position with the outer one first.
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
    let mut kept = without_crossing(joined);
    sort(&mut kept);
    kept.truncate(MAX_ENTITIES);
    (body.to_owned(), kept)
}

/// Code, links and the like cannot share characters: the first one stays. Styles are cut out where code stands.
fn without_crossing(sorted: Vec<Entity>) -> Vec<Entity> {
    let is_quote = |entity: &Entity| entity.kind.ends_with("blockquote");
    let mut kept: Vec<Entity> = Vec::new();
    let mut styles: Vec<Entity> = Vec::new();
    for entity in sorted {
        if entity.mergeable() {
            styles.push(entity);
            continue;
        }
        let crossed = kept.iter().any(|other| {
            is_quote(other) == is_quote(&entity)
                && other.offset < entity.end()
                && entity.offset < other.end()
        });
        if !crossed {
            kept.push(entity);
        }
    }
    let code: Vec<(usize, usize)> = kept
        .iter()
        .filter(|entity| matches!(entity.kind.as_str(), "code" | "pre"))
        .map(|entity| (entity.offset, entity.end()))
        .collect();
    for style in styles {
        kept.extend(cut_out(&style, &code));
    }
    kept
}

/// What is left of a span outside the given ranges, which are in order.
fn cut_out(entity: &Entity, ranges: &[(usize, usize)]) -> Vec<Entity> {
    let mut pieces = Vec::new();
    let mut piece = |from: usize, to: usize| {
        if to > from {
            pieces.push(Entity {
                offset: from,
                length: to - from,
                ..entity.clone()
            });
        }
    };
    let mut at = entity.offset;
    for (start, end) in ranges {
        piece(at, (*start).min(entity.end()));
        at = at.max(*end);
    }
    piece(at, entity.end());
    pieces
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

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str, entities: Vec<Entity>) -> Vec<(String, usize, usize)> {
        let (_, entities) = normalise(text, entities);
        entities
            .into_iter()
            .map(|e| (e.kind, e.offset, e.length))
            .collect()
    }

    #[test]
    fn given_space_around_a_text_when_normalised_then_entities_move_with_what_is_left() {
        let entities = vec![Entity::new("bold", 0, 4), Entity::new("italic", 5, 3)];
        assert_eq!(
            normalise("  ab cd\n", entities),
            (
                "ab cd".into(),
                vec![Entity::new("bold", 0, 2), Entity::new("italic", 3, 2)]
            )
        );
    }

    #[test]
    fn given_one_style_twice_when_normalised_then_touching_spans_are_joined() {
        let entities = vec![Entity::new("bold", 0, 2), Entity::new("bold", 2, 2)];
        assert_eq!(spans("abcdef", entities), [("bold".into(), 0, 4)]);
    }

    #[test]
    fn given_bold_around_code_when_normalised_then_the_code_is_cut_out_of_the_bold() {
        let entities = vec![Entity::new("bold", 0, 6), Entity::new("code", 2, 2)];
        assert_eq!(
            spans("abcdef", entities),
            [
                ("bold".into(), 0, 2),
                ("code".into(), 2, 2),
                ("bold".into(), 4, 2)
            ]
        );
    }

    #[test]
    fn given_code_in_a_link_when_normalised_then_the_outer_one_stays() {
        let entities = vec![Entity::new("text_link", 0, 6), Entity::new("code", 2, 2)];
        assert_eq!(spans("abcdef", entities), [("text_link".into(), 0, 6)]);
    }

    #[test]
    fn given_styles_in_a_quote_when_normalised_then_both_stay() {
        let entities = vec![Entity::new("blockquote", 0, 6), Entity::new("bold", 0, 3)];
        assert_eq!(
            spans("abcdef", entities),
            [("blockquote".into(), 0, 6), ("bold".into(), 0, 3)]
        );
    }
}
