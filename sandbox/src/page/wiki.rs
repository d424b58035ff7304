//! Jira's wiki notation as HTML, as far as tickets written by programs use it; the rest is shown as it stands.

use super::escape::{escape, link};

pub(super) fn render(text: &str) -> String {
    let mut out = String::new();
    let mut open: Option<Block> = None;
    let mut code: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        let fence = ["{code", "{noformat"]
            .iter()
            .any(|f| trimmed.starts_with(f))
            && trimmed.ends_with('}');
        if let Some(collected) = &mut code {
            if fence {
                out.push_str(&format!(
                    "<pre tabindex=\"0\"><code>{}</code></pre>",
                    escape(collected.trim_end())
                ));
                code = None;
            } else {
                collected.push_str(line);
                collected.push('\n');
            }
            continue;
        }
        let (block, html) = if fence {
            code = Some(String::new());
            (None, String::new())
        } else {
            read(trimmed)
        };
        if open != block {
            out.push_str(open.map_or("", Block::close));
            out.push_str(block.map_or("", Block::open));
        } else if block == Some(Block::Paragraph) {
            out.push_str("<br>");
        }
        open = block;
        out.push_str(&html);
    }
    out.push_str(open.map_or("", Block::close));
    // An unclosed block of code reaches to the end, as in Jira.
    if let Some(collected) = code {
        out.push_str(&format!(
            "<pre tabindex=\"0\"><code>{}</code></pre>",
            escape(&collected)
        ));
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Paragraph,
    Bullets,
    Numbers,
    Table,
}

impl Block {
    fn open(self) -> &'static str {
        match self {
            Self::Paragraph => "<p>",
            Self::Bullets => "<ul>",
            Self::Numbers => "<ol>",
            Self::Table => {
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><tbody>"
            }
        }
    }

    fn close(self) -> &'static str {
        match self {
            Self::Paragraph => "</p>",
            Self::Bullets => "</ul>",
            Self::Numbers => "</ol>",
            Self::Table => "</tbody></table></div>",
        }
    }
}

/// The block that a line belongs to, and its HTML; a line of its own kind belongs to none.
fn read(line: &str) -> (Option<Block>, String) {
    let heading = line.strip_prefix('h').and_then(|rest| {
        let (level, text) = rest.split_once(". ")?;
        matches!(level, "1" | "2" | "3" | "4" | "5" | "6").then_some(text)
    });
    if let Some(text) = heading {
        return (None, format!("<h5>{}</h5>", inline(text)));
    }
    if line.is_empty() || matches!(line, "{quote}" | "{panel}") {
        return (None, String::new());
    }
    if line == "----" {
        return (None, "<hr>".into());
    }
    let item = line.trim_start_matches(['*', '#']);
    if item.starts_with(' ') && item.len() < line.len() {
        let block = if line.starts_with('#') {
            Block::Numbers
        } else {
            Block::Bullets
        };
        return (Some(block), format!("<li>{}</li>", inline(item.trim())));
    }
    if line.starts_with('|') && line.ends_with('|') && line.len() > 1 {
        return (Some(Block::Table), row(line));
    }
    (Some(Block::Paragraph), inline(line))
}

fn row(line: &str) -> String {
    let (mark, tag) = if line.starts_with("||") {
        ("||", "th")
    } else {
        ("|", "td")
    };
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    let cells: String = cells(inner, mark)
        .iter()
        .map(|cell| format!("<{tag}>{}</{tag}>", inline(cell.trim())))
        .collect();
    format!("<tr>{cells}</tr>")
}

/// Splits a row at its marks, but not inside a link, whose parts are separated by the same character.
fn cells(inner: &str, mark: &str) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    for part in inner.split(mark) {
        match cells.last_mut() {
            Some(last) if last.matches('[').count() > last.matches(']').count() => {
                last.push_str(mark);
                last.push_str(part);
            }
            _ => cells.push(part.to_owned()),
        }
    }
    cells
}

/// `*bold*`, `_italic_`, `{{code}}`, `[text|url]`, `[url]`.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let marked = match first {
            '{' => between(rest, "{{", "}}")
                .map(|(code, after)| (format!("<code>{}</code>", escape(code)), after)),
            '[' => between(rest, "[", "]").map(|(inside, after)| {
                let (shown, target) = inside.split_once('|').unwrap_or((inside, inside));
                (link(target, &escape(shown)), after)
            }),
            '*' => between(rest, "*", "*")
                .map(|(bold, after)| (format!("<b>{}</b>", inline(bold)), after)),
            '_' => {
                between(rest, "_", "_").map(|(it, after)| (format!("<i>{}</i>", inline(it)), after))
            }
            _ => None,
        };
        match marked {
            Some((html, after)) => {
                out.push_str(&html);
                rest = after;
            }
            None => {
                out.push_str(&escape(&first.to_string()));
                rest = &rest[first.len_utf8()..];
                // Inside a word the marks mean nothing: `snake_case_name` stays as it is.
                if first.is_alphanumeric() {
                    let word = rest
                        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                        .unwrap_or(rest.len());
                    out.push_str(&escape(&rest[..word]));
                    rest = &rest[word..];
                }
            }
        }
    }
    out
}

/// What stands between two marks at the start, and what follows; nothing empty, nothing padded with spaces.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (inside, after) = text.strip_prefix(open)?.split_once(close)?;
    let sound = !inside.is_empty() && inside.trim() == inside;
    sound.then_some((inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_wiki_text_when_rendered_then_blocks_and_marks_become_html_and_data_is_escaped() {
        assert_eq!(
            render("h2. Why\n<script>\n* one *b*\n* {{a_b}}\n\n|x|[t|https://example.com]|"),
            "<h5>Why</h5><p>&lt;script&gt;</p><ul><li>one <b>b</b></li><li><code>a_b</code></li></ul>\
             <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><tbody>\
             <tr><td>x</td><td><a href=\"https://example.com\" rel=\"noreferrer\">t</a></td></tr>\
             </tbody></table></div>"
        );
        assert_eq!(
            render("snake_case_name [x|javascript:y]"),
            "<p>snake_case_name x</p>"
        );
        assert_eq!(
            render("{code:sh}\na <b\n{code}"),
            "<pre tabindex=\"0\"><code>a &lt;b</code></pre>"
        );
    }
}
