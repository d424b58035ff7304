//! Atlassian documents as HTML. They were checked on arrival; what is not known here shows its text.

use serde_json::Value;

use super::escape::{escape, link};
use crate::jira::document::{children, kind};

pub(super) fn render(node: &Value) -> String {
    let inside = || children(node).iter().map(render).collect::<String>();
    let attr = |name: &str| escape(node["attrs"][name].as_str().unwrap_or_default());
    match kind(node) {
        "doc" => inside(),
        "text" => text(node),
        "hardBreak" => "<br>".into(),
        "rule" => "<hr>".into(),
        "paragraph" => format!("<p>{}</p>", inside()),
        // The card's own headings end at level 4.
        "heading" => format!("<h5>{}</h5>", inside()),
        "bulletList" | "taskList" | "decisionList" => format!("<ul>{}</ul>", inside()),
        "orderedList" => {
            let start = node["attrs"]["order"].as_u64().unwrap_or(1);
            format!("<ol start=\"{start}\">{}</ol>", inside())
        }
        "listItem" | "decisionItem" => format!("<li>{}</li>", inside()),
        "taskItem" => {
            let mark = if node["attrs"]["state"] == "DONE" {
                "☑"
            } else {
                "☐"
            };
            format!("<li>{mark} {}</li>", inside())
        }
        "codeBlock" => format!("<pre tabindex=\"0\"><code>{}</code></pre>", inside()),
        "blockquote" => format!("<blockquote>{}</blockquote>", inside()),
        "panel" => format!(
            "<div class=\"panel {}\">{}</div>",
            attr("panelType"),
            inside()
        ),
        "expand" | "nestedExpand" => {
            format!(
                "<details open><summary>{}</summary>{}</details>",
                attr("title"),
                inside()
            )
        }
        "table" => format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><tbody>{}</tbody></table></div>",
            inside()
        ),
        "tableRow" => format!("<tr>{}</tr>", inside()),
        "tableHeader" => format!("<th>{}</th>", inside()),
        "tableCell" => format!("<td>{}</td>", inside()),
        "inlineCard" | "blockCard" => {
            let url = node["attrs"]["url"].as_str().unwrap_or_default();
            link(url, &escape(url))
        }
        "status" => format!("<span class=\"tag\">{}</span>", attr("text")),
        "mention" => format!("<span class=\"tag\">{}</span>", attr("text")),
        "emoji" => {
            let shown = attr("text");
            if shown.is_empty() {
                attr("shortName")
            } else {
                shown
            }
        }
        "date" => attr("timestamp"),
        _ => inside(),
    }
}

fn text(node: &Value) -> String {
    let mut html = escape(node["text"].as_str().unwrap_or_default());
    for mark in node["marks"].as_array().into_iter().flatten() {
        html = match kind(mark) {
            "strong" => format!("<b>{html}</b>"),
            "em" => format!("<i>{html}</i>"),
            "code" => format!("<code>{html}</code>"),
            "strike" => format!("<s>{html}</s>"),
            "underline" => format!("<u>{html}</u>"),
            "subsup" if mark["attrs"]["type"] == "sub" => format!("<sub>{html}</sub>"),
            "subsup" => format!("<sup>{html}</sup>"),
            "link" => link(mark["attrs"]["href"].as_str().unwrap_or_default(), &html),
            _ => html,
        };
    }
    html
}
