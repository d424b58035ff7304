//! Rich text as it was sent, and in the other notation for a client of the other version.

use serde_json::{Value, json};

use super::access::Markup;

/// A description or a comment body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    Adf(Value),
    Wiki(String),
}

impl Document {
    /// As the client of this version reads it.
    pub(crate) fn shown(&self, markup: Markup) -> Value {
        match (self, markup) {
            (Self::Adf(document), Markup::Adf) => document.clone(),
            (Self::Adf(_), Markup::Wiki) => json!(self.wiki()),
            (Self::Wiki(text), Markup::Wiki) => json!(text),
            (Self::Wiki(text), Markup::Adf) => paragraphs(text),
        }
    }

    /// As it was sent.
    pub(crate) fn sent(&self) -> Value {
        match self {
            Self::Adf(document) => document.clone(),
            Self::Wiki(text) => json!(text),
        }
    }

    /// In wiki notation; its length is what the size limit counts.
    pub(crate) fn wiki(&self) -> String {
        match self {
            Self::Wiki(text) => text.clone(),
            Self::Adf(document) => {
                let mut out = String::new();
                blocks(document, "", &mut out);
                out.trim_end().to_owned()
            }
        }
    }

    /// Without markup.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Wiki(text) => text.clone(),
            Self::Adf(document) => {
                let mut out = String::new();
                plain(document, &mut out);
                out.trim_end().to_owned()
            }
        }
    }
}

pub(crate) fn children(node: &Value) -> &[Value] {
    node["content"].as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn kind(node: &Value) -> &str {
    node["type"].as_str().unwrap_or_default()
}

fn paragraphs(text: &str) -> Value {
    let content: Vec<Value> = text
        .split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            let mut inline = Vec::new();
            for line in block.lines() {
                if !inline.is_empty() {
                    inline.push(json!({"type": "hardBreak"}));
                }
                if !line.is_empty() {
                    inline.push(json!({"type": "text", "text": line}));
                }
            }
            json!({"type": "paragraph", "content": inline})
        })
        .collect();
    json!({"type": "doc", "version": 1, "content": content})
}

fn plain(node: &Value, out: &mut String) {
    match kind(node) {
        "text" => out.push_str(node["text"].as_str().unwrap_or_default()),
        "hardBreak" => out.push('\n'),
        "inlineCard" | "blockCard" => {
            out.push_str(node["attrs"]["url"].as_str().unwrap_or_default());
        }
        "mention" | "status" | "emoji" => {
            let attrs = &node["attrs"];
            let shown = attrs["text"].as_str().or(attrs["shortName"].as_str());
            out.push_str(shown.unwrap_or_default());
        }
        _ => {
            for child in children(node) {
                plain(child, out);
            }
        }
    }
    let ends_a_line = matches!(
        kind(node),
        "paragraph" | "heading" | "codeBlock" | "rule" | "tableRow" | "taskItem" | "blockCard"
    );
    if ends_a_line && !out.ends_with('\n') {
        out.push('\n');
    }
    if matches!(kind(node), "tableCell" | "tableHeader") && out.ends_with('\n') {
        out.pop();
        out.push('\t');
    }
}

fn blocks(node: &Value, bullets: &str, out: &mut String) {
    for child in children(node) {
        block(child, bullets, out);
    }
}

fn block(node: &Value, bullets: &str, out: &mut String) {
    match kind(node) {
        "heading" => {
            let level = node["attrs"]["level"].as_u64().unwrap_or(1);
            out.push_str(&format!("h{level}. {}\n\n", inline(node)));
        }
        "paragraph" => out.push_str(&format!("{}\n\n", inline(node))),
        "bulletList" => list(node, &format!("{bullets}*"), out),
        "orderedList" => list(node, &format!("{bullets}#"), out),
        "codeBlock" => {
            let language = node["attrs"]["language"].as_str();
            let open = language.map_or("{code}".to_owned(), |l| format!("{{code:{l}}}"));
            out.push_str(&format!("{open}\n{}\n{{code}}\n\n", inline(node)));
        }
        "blockquote" => wrapped(node, "{quote}", out),
        "panel" | "expand" | "nestedExpand" => wrapped(node, "{panel}", out),
        "rule" => out.push_str("----\n\n"),
        "table" => table(node, out),
        "taskList" => list(node, &format!("{bullets}*"), out),
        _ => blocks(node, bullets, out),
    }
}

fn wrapped(node: &Value, mark: &str, out: &mut String) {
    out.push_str(mark);
    out.push('\n');
    blocks(node, "", out);
    out.truncate(out.trim_end().len());
    out.push_str(&format!("\n{mark}\n\n"));
}

fn list(node: &Value, bullets: &str, out: &mut String) {
    for item in children(node) {
        let mut nested = String::new();
        let mut own = String::new();
        if kind(item) == "taskItem" {
            own = inline(item);
        }
        for child in children(item) {
            match kind(child) {
                "paragraph" if own.is_empty() => own = inline(child),
                "bulletList" | "orderedList" => block(child, bullets, &mut nested),
                "text" | "hardBreak" => {}
                _ => block(child, bullets, &mut nested),
            }
        }
        out.push_str(&format!("{bullets} {own}\n"));
        if !nested.is_empty() {
            out.push_str(nested.trim_end());
            out.push('\n');
        }
    }
    if bullets.len() == 1 {
        out.push('\n');
    }
}

fn table(node: &Value, out: &mut String) {
    for row in children(node) {
        let mut mark = "|";
        for cell in children(row) {
            mark = if kind(cell) == "tableHeader" {
                "||"
            } else {
                "|"
            };
            let mut text = String::new();
            blocks(cell, "", &mut text);
            out.push_str(&format!("{mark}{}", text.trim()));
        }
        out.push_str(mark);
        out.push('\n');
    }
    out.push('\n');
}

fn inline(node: &Value) -> String {
    let mut out = String::new();
    for child in children(node) {
        match kind(child) {
            "text" => out.push_str(&marked(child)),
            "hardBreak" => out.push('\n'),
            "inlineCard" => out.push_str(&format!(
                "[{}]",
                child["attrs"]["url"].as_str().unwrap_or_default()
            )),
            _ => plain(child, &mut out),
        }
    }
    out
}

fn marked(node: &Value) -> String {
    let mut text = node["text"].as_str().unwrap_or_default().to_owned();
    for mark in node["marks"].as_array().into_iter().flatten() {
        text = match kind(mark) {
            "strong" => format!("*{text}*"),
            "em" => format!("_{text}_"),
            "strike" => format!("-{text}-"),
            "underline" => format!("+{text}+"),
            "code" => format!("{{{{{text}}}}}"),
            "link" => format!(
                "[{text}|{}]",
                mark["attrs"]["href"].as_str().unwrap_or_default()
            ),
            _ => text,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_document_when_read_by_a_version_2_client_then_it_is_wiki_text() {
        let document = Document::Adf(json!({"type": "doc", "version": 1, "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Why"}]},
            {"type": "paragraph", "content": [
                {"type": "text", "text": "see "},
                {"type": "text", "text": "guide", "marks": [{"type": "link", "attrs": {"href": "https://example.com"}}]},
            ]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]},
                {"type": "listItem", "content": [{"type": "paragraph", "content": [
                    {"type": "text", "text": "x", "marks": [{"type": "code"}]}]}]},
            ]},
        ]}));
        assert_eq!(
            document.wiki(),
            "h2. Why\n\nsee [guide|https://example.com]\n\n* one\n* {{x}}"
        );
        assert_eq!(document.text(), "Why\nsee guide\none\nx");
    }

    #[test]
    fn given_wiki_text_when_read_by_a_version_3_client_then_it_is_a_valid_document() {
        let shown = Document::Wiki("a\nb\n\nc".into()).shown(Markup::Adf);
        assert_eq!(super::super::adf::check(&shown), Ok(()));
        assert_eq!(shown["content"].as_array().unwrap().len(), 2);
    }
}
