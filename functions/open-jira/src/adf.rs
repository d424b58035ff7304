//! The Atlassian Document Format, which Jira Cloud's REST v3 takes.
//!
//! <https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/>. What Jira refuses is left out here: text
//! nodes that are empty, lists without items.

use serde_json::{Value, json};

use crate::document::{Block, Document, Inline, linkable};
use crate::text;

/// The document as ADF.
pub fn render(document: &Document) -> Value {
    let content: Vec<Value> = document.0.iter().filter_map(block).collect();
    json!({ "type": "doc", "version": 1, "content": content })
}

/// The text of an ADF document, without its structure: a space between blocks.
pub fn plain(adf: &Value) -> String {
    let mut words = String::new();
    gather(adf, &mut words);
    text::title(&words)
}

fn gather(node: &Value, words: &mut String) {
    if let Some(text) = node.get("text").and_then(Value::as_str) {
        words.push_str(text);
    }
    for child in node
        .get("content")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        gather(child, words);
    }
    if node.get("type").and_then(Value::as_str) != Some("text") {
        words.push(' ');
    }
}

fn block(block: &Block) -> Option<Value> {
    match block {
        Block::Heading(text) => {
            let text = text_node(&text::one_line(text), None)?;
            Some(json!({ "type": "heading", "attrs": { "level": 3 }, "content": [text] }))
        }
        Block::Paragraph(inlines) => paragraph(inlines),
        Block::List(items) => {
            let items: Vec<Value> = items
                .iter()
                .filter_map(|item| {
                    Some(json!({ "type": "listItem", "content": [paragraph(item)?] }))
                })
                .collect();
            (!items.is_empty()).then(|| json!({ "type": "bulletList", "content": items }))
        }
        Block::Verbatim(text) => {
            let text = text_node(&text::lines(text), None)?;
            Some(json!({ "type": "codeBlock", "content": [text] }))
        }
    }
}

fn paragraph(inlines: &[Inline]) -> Option<Value> {
    let content: Vec<Value> = inlines.iter().filter_map(inline).collect();
    (!content.is_empty()).then(|| json!({ "type": "paragraph", "content": content }))
}

fn inline(inline: &Inline) -> Option<Value> {
    match inline {
        Inline::Text(text) => text_node(&text::one_line(text), None),
        Inline::Strong(text) => text_node(&text::one_line(text), Some(json!({ "type": "strong" }))),
        Inline::Link { text, url } => {
            let mark =
                linkable(url).map(|href| json!({ "type": "link", "attrs": { "href": href } }));
            text_node(&text::one_line(text), mark)
        }
    }
}

fn text_node(text: &str, mark: Option<Value>) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    Some(match mark {
        Some(mark) => json!({ "type": "text", "text": text, "marks": [mark] }),
        None => json!({ "type": "text", "text": text }),
    })
}
