//! The Atlassian Document Format: which node may stand where, and what it must carry.
//!
//! Follows the published JSON schema of version 1 for the nodes that Jira's issue fields accept.

use serde_json::{Map, Value};

use super::document::{children, kind};

/// What may stand in `content`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// No `content` at all.
    Leaf,
    Inline,
    /// Text nodes without marks.
    PlainText,
    /// One or more of these nodes.
    Some(&'static [&'static str]),
    /// Any number of these nodes, none included.
    Any(&'static [&'static str]),
}

const BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockquote",
    "panel",
    "rule",
    "table",
    "expand",
    "taskList",
    "decisionList",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
];
const IN_LIST_ITEM: &[&str] = &[
    "paragraph",
    "bulletList",
    "orderedList",
    "codeBlock",
    "mediaSingle",
    "taskList",
];
const IN_QUOTE: &[&str] = &[
    "paragraph",
    "bulletList",
    "orderedList",
    "codeBlock",
    "mediaSingle",
    "mediaGroup",
];
const IN_PANEL: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "blockCard",
    "mediaGroup",
    "mediaSingle",
    "codeBlock",
    "taskList",
    "rule",
    "decisionList",
];
const IN_EXPAND: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockquote",
    "panel",
    "rule",
    "table",
    "nestedExpand",
    "taskList",
    "decisionList",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
];
const IN_CELL: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockquote",
    "panel",
    "rule",
    "nestedExpand",
    "taskList",
    "decisionList",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
];
const INLINE: &[&str] = &[
    "text",
    "hardBreak",
    "mention",
    "emoji",
    "date",
    "status",
    "inlineCard",
    "mediaInline",
];

/// Checks a whole document. The error names the place as a JSON pointer and the offence.
pub(crate) fn check(document: &Value) -> Result<(), String> {
    if kind(document) != "doc" {
        return Err("/type: a document is {\"type\":\"doc\",\"version\":1,\"content\":[…]}".into());
    }
    if document["version"].as_u64() != Some(1) {
        return Err("/version: must be the number 1".into());
    }
    if !document["content"].is_array() {
        return Err("/content: must be an array".into());
    }
    allowed_keys(document, "", &["type", "version", "content"])?;
    check_children(document, "", Content::Any(BLOCKS))
}

fn content_of(kind: &str) -> Option<Content> {
    Some(match kind {
        "paragraph" | "heading" | "taskItem" | "decisionItem" => Content::Inline,
        "codeBlock" => Content::PlainText,
        "bulletList" | "orderedList" => Content::Some(&["listItem"]),
        "listItem" => Content::Some(IN_LIST_ITEM),
        "blockquote" => Content::Some(IN_QUOTE),
        "panel" => Content::Some(IN_PANEL),
        "expand" | "nestedExpand" => Content::Some(IN_EXPAND),
        "table" => Content::Some(&["tableRow"]),
        "tableRow" => Content::Some(&["tableCell", "tableHeader"]),
        "tableCell" | "tableHeader" => Content::Some(IN_CELL),
        "taskList" => Content::Some(&["taskItem", "taskList"]),
        "decisionList" => Content::Some(&["decisionItem"]),
        "mediaSingle" | "mediaGroup" => Content::Some(&["media", "caption"]),
        "rule" | "text" | "hardBreak" | "mention" | "emoji" | "date" | "status" | "inlineCard"
        | "blockCard" | "media" | "mediaInline" => Content::Leaf,
        _ => return None,
    })
}

fn check_children(node: &Value, at: &str, content: Content) -> Result<(), String> {
    let allowed = match content {
        Content::Leaf if node.get("content").is_some() => {
            return Err(format!("{at}/content: a {} has no content", kind(node)));
        }
        Content::Leaf => return Ok(()),
        Content::Inline => INLINE,
        Content::PlainText => &["text"],
        Content::Some(allowed) | Content::Any(allowed) => allowed,
    };
    if node
        .get("content")
        .is_some_and(|content| !content.is_array())
    {
        return Err(format!("{at}/content: must be an array"));
    }
    if matches!(content, Content::Some(_)) && children(node).is_empty() {
        return Err(format!("{at}/content: a {} must not be empty", kind(node)));
    }
    for (i, child) in children(node).iter().enumerate() {
        let at = format!("{at}/content/{i}");
        if !allowed.contains(&kind(child)) {
            return Err(format!(
                "{at}: a node of type \"{}\" may not stand in a {}",
                kind(child),
                kind(node)
            ));
        }
        if content == Content::PlainText && child.get("marks").is_some() {
            return Err(format!("{at}/marks: text in a codeBlock has no marks"));
        }
        check_node(child, &at)?;
    }
    Ok(())
}

fn check_node(node: &Value, at: &str) -> Result<(), String> {
    let name = kind(node);
    let Some(content) = content_of(name) else {
        return Err(format!("{at}/type: unknown node type \"{name}\""));
    };
    allowed_keys(node, at, &["type", "content", "attrs", "marks", "text"])?;
    if name == "text" {
        check_text(node, at)?;
    } else if node.get("text").is_some() {
        return Err(format!("{at}/text: only a text node has text"));
    }
    check_attributes(node, at)?;
    check_children(node, at, content)
}

fn allowed_keys(node: &Value, at: &str, allowed: &[&str]) -> Result<(), String> {
    let extra = node
        .as_object()
        .and_then(|object| object.keys().find(|key| !allowed.contains(&key.as_str())));
    match extra {
        Some(key) => Err(format!("{at}/{key}: not a property of a {}", kind(node))),
        None => Ok(()),
    }
}

fn check_text(node: &Value, at: &str) -> Result<(), String> {
    if node["text"].as_str().is_none_or(str::is_empty) {
        return Err(format!(
            "{at}/text: must be a string of at least one character"
        ));
    }
    let Some(marks) = node.get("marks") else {
        return Ok(());
    };
    let Some(marks) = marks.as_array() else {
        return Err(format!("{at}/marks: must be an array"));
    };
    let names: Vec<&str> = marks.iter().map(kind).collect();
    for (i, mark) in marks.iter().enumerate() {
        let at = format!("{at}/marks/{i}");
        let name = kind(mark);
        let attrs = &mark["attrs"];
        let sound = match name {
            "strong" | "em" | "code" | "strike" | "underline" => true,
            "link" => attrs["href"].as_str().is_some_and(is_safe_link),
            "textColor" | "backgroundColor" => attrs["color"]
                .as_str()
                .is_some_and(|c| c.starts_with('#') && c.len() == 7),
            "subsup" => matches!(attrs["type"].as_str(), Some("sub" | "sup")),
            _ => return Err(format!("{at}/type: unknown mark \"{name}\"")),
        };
        if !sound {
            return Err(format!(
                "{at}/attrs: missing or invalid for the mark \"{name}\""
            ));
        }
        if names[..i].contains(&name) {
            return Err(format!("{at}: the mark \"{name}\" stands twice"));
        }
    }
    if names.contains(&"code") && names.iter().any(|name| !matches!(*name, "code" | "link")) {
        return Err(format!("{at}/marks: code goes with link only"));
    }
    Ok(())
}

fn is_safe_link(href: &str) -> bool {
    let lower = href.trim().to_ascii_lowercase();
    !href.is_empty()
        && !["javascript:", "data:", "vbscript:"]
            .iter()
            .any(|scheme| lower.starts_with(scheme))
}

fn check_attributes(node: &Value, at: &str) -> Result<(), String> {
    let empty = Map::new();
    let attrs = match node.get("attrs") {
        None => &empty,
        Some(Value::Object(attrs)) => attrs,
        Some(_) => return Err(format!("{at}/attrs: must be an object")),
    };
    let text = |name: &str| attrs.get(name).and_then(Value::as_str);
    let non_empty = |name: &str| text(name).is_some_and(|value| !value.is_empty());
    let sound = match kind(node) {
        "heading" => attrs
            .get("level")
            .and_then(Value::as_u64)
            .is_some_and(|level| (1..=6).contains(&level)),
        "panel" => matches!(
            text("panelType"),
            Some("info" | "note" | "tip" | "warning" | "error" | "success" | "custom")
        ),
        "mention" => text("id").is_some(),
        "emoji" => non_empty("shortName"),
        "date" => non_empty("timestamp"),
        "status" => {
            non_empty("text")
                && matches!(
                    text("color"),
                    Some("neutral" | "purple" | "blue" | "red" | "yellow" | "green")
                )
        }
        "inlineCard" | "blockCard" => {
            text("url").is_some_and(is_safe_link) || attrs.contains_key("data")
        }
        "taskList" | "decisionList" => text("localId").is_some(),
        "taskItem" => text("localId").is_some() && matches!(text("state"), Some("TODO" | "DONE")),
        "decisionItem" => text("localId").is_some() && text("state").is_some(),
        "codeBlock" => attrs.get("language").is_none_or(Value::is_string),
        "orderedList" => attrs.get("order").is_none_or(Value::is_u64),
        _ => true,
    };
    if sound {
        Ok(())
    } else {
        Err(format!(
            "{at}/attrs: missing or invalid for a {}",
            kind(node)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn doc(content: &Value) -> Value {
        json!({"type": "doc", "version": 1, "content": content})
    }

    #[test]
    fn given_a_document_with_all_common_nodes_when_checked_then_it_is_valid() {
        let paragraph = json!({"type": "paragraph", "content": [
            {"type": "text", "text": "x", "marks": [{"type": "strong"}, {"type": "em"}]},
            {"type": "hardBreak"},
            {"type": "status", "attrs": {"text": "FAILED", "color": "red"}},
            {"type": "inlineCard", "attrs": {"url": "https://example.com"}}]});
        let item = json!({"type": "listItem", "content": [paragraph]});
        let row = |kind: &str| json!({"type": "tableRow", "content": [{"type": kind, "content": [paragraph]}]});
        let whole = doc(&json!([
            {"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "t"}]},
            paragraph,
            {"type": "orderedList", "attrs": {"order": 1}, "content": [item]},
            {"type": "panel", "attrs": {"panelType": "warning"}, "content": [paragraph]},
            {"type": "codeBlock", "attrs": {"language": "sh"}, "content": [{"type": "text", "text": "ls"}]},
            {"type": "table", "content": [row("tableHeader"), row("tableCell")]},
            {"type": "rule"},
            {"type": "paragraph"},
        ]));
        assert_eq!(check(&whole), Ok(()));
    }

    #[test]
    fn given_broken_documents_when_checked_then_the_refusal_names_the_place() {
        let cases = [
            (json!("text"), "/type"),
            (json!({"type": "doc", "content": []}), "/version"),
            (
                json!({"type": "doc", "version": "1", "content": []}),
                "/version",
            ),
            (doc(&json!([{"type": "text", "text": "x"}])), "/content/0:"),
            (
                doc(&json!([{"type": "paragraph", "content": [{"type": "text", "text": ""}]}])),
                "/content/0/content/0/text",
            ),
            (
                doc(&json!([{"type": "bulletList", "content": []}])),
                "/content/0/content",
            ),
            (
                doc(&json!([{"type": "heading", "content": []}])),
                "/content/0/attrs",
            ),
            (
                doc(&json!([{"type": "paragraph", "text": "x"}])),
                "/content/0/text",
            ),
            (
                doc(&json!([{"type": "paragraph", "bogus": 1}])),
                "/content/0/bogus",
            ),
            (
                doc(&json!([{"type": "paragraph", "content": [
                {"type": "text", "text": "x", "marks": [{"type": "link", "attrs": {"href": "javascript:alert(1)"}}]}]}])),
                "/content/0/content/0/marks/0/attrs",
            ),
            (
                doc(&json!([{"type": "paragraph", "content": [
                {"type": "text", "text": "x", "marks": [{"type": "code"}, {"type": "strong"}]}]}])),
                "/content/0/content/0/marks",
            ),
        ];
        for (document, place) in cases {
            let error = check(&document).unwrap_err();
            assert!(error.starts_with(place), "{document}: {error}");
        }
    }
}
