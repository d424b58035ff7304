//! Issues as cards.

use std::fmt::Write as _;

use serde_json::Value;

use crate::outbox::{Ticket, TicketComment};

use super::escape::{escape, hue, initials, link, time};
use super::{CARDS_SHOWN, adf, earlier, plural, wiki};

pub(super) fn section(out: &mut String, tickets: &[Ticket]) {
    out.push_str("<section aria-labelledby=\"jira\"><h2 id=\"jira\">Jira</h2>\n");
    if tickets.is_empty() {
        out.push_str("<p class=\"empty\">No ticket yet.</p>\n");
    }
    for ticket in tickets.iter().rev().take(CARDS_SHOWN) {
        card(out, ticket);
    }
    earlier(
        out,
        tickets.len(),
        CARDS_SHOWN,
        ("ticket", "tickets"),
        "tickets",
    );
    out.push_str("</section>\n");
}

fn card(out: &mut String, ticket: &Ticket) {
    let key = escape(&ticket.key);
    let _ = writeln!(
        out,
        "<article class=\"card\" id=\"{key}\"><header><p class=\"crumbs\"><a href=\"#{key}\">{key}</a> · {}\
         <span class=\"lozenge {}\">{}</span></p><h3>{}</h3></header>",
        escape(&ticket.issue_type),
        escape(&ticket.status_category),
        escape(&ticket.status),
        escape(&ticket.summary),
    );
    facts(out, ticket);
    if !ticket.description.is_null() {
        let _ = writeln!(
            out,
            "<div class=\"document\">{}</div>",
            document(&ticket.description)
        );
    }
    if !ticket.remote_links.is_empty() {
        out.push_str("<ul class=\"links\">");
        for remote in &ticket.remote_links {
            let text = |name: &str| remote["object"][name].as_str().unwrap_or_default();
            let _ = write!(
                out,
                "<li>{}</li>",
                link(text("url"), &escape(text("title")))
            );
        }
        out.push_str("</ul>\n");
    }
    comments(out, ticket);
    history(out, ticket);
    out.push_str("</article>\n");
}

fn facts(out: &mut String, ticket: &Ticket) {
    out.push_str("<dl class=\"facts\">");
    let assignee = match &ticket.assignee {
        Some(name) => person(name),
        None => "<span class=\"nobody\">Unassigned</span>".into(),
    };
    let _ = write!(out, "<div><dt>Assignee</dt><dd>{assignee}</dd></div>");
    if let Some(priority) = &ticket.priority {
        let _ = write!(
            out,
            "<div><dt>Priority</dt><dd>{}</dd></div>",
            escape(priority)
        );
    }
    if let Some(resolution) = &ticket.resolution {
        let _ = write!(
            out,
            "<div><dt>Resolution</dt><dd>{}</dd></div>",
            escape(resolution)
        );
    }
    if !ticket.labels.is_empty() {
        let labels: String = ticket
            .labels
            .iter()
            .map(|label| format!("<span class=\"label\">{}</span>", escape(label)))
            .collect();
        let _ = write!(
            out,
            "<div class=\"wide\"><dt>Labels</dt><dd>{labels}</dd></div>"
        );
    }
    for (name, value) in &ticket.fields {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(
            out,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            escape(&value)
        );
    }
    out.push_str("</dl>\n");
}

fn person(name: &str) -> String {
    format!(
        "<span class=\"badge small hue{}\" aria-hidden=\"true\">{}</span>{}",
        hue(name),
        initials(name),
        escape(name)
    )
}

fn comments(out: &mut String, ticket: &Ticket) {
    let count = ticket.comments.len();
    if count == 0 {
        return;
    }
    let word = plural(count, "comment", "comments");
    let _ = writeln!(out, "<h4>{count} {word}</h4><ol class=\"comments\">");
    for comment in &ticket.comments {
        let _ = writeln!(
            out,
            "<li><p class=\"by\">{} · {}{}</p><div class=\"document\">{}</div></li>",
            person(&comment.author),
            time(comment.created),
            edited(comment),
            document(&comment.body),
        );
    }
    out.push_str("</ol>\n");
}

fn edited(comment: &TicketComment) -> &'static str {
    if comment.updated > comment.created {
        " <span class=\"tag edited\">edited</span>"
    } else {
        ""
    }
}

fn history(out: &mut String, ticket: &Ticket) {
    let _ = write!(
        out,
        "<details id=\"h-{}\"><summary>History: created {}, {} {}, {} {}</summary><ol>",
        escape(&ticket.key),
        time(ticket.created),
        ticket.updates,
        plural(
            usize::try_from(ticket.updates).unwrap_or(usize::MAX),
            "edit",
            "edits"
        ),
        ticket.transitions.len(),
        plural(ticket.transitions.len(), "transition", "transitions"),
    );
    for transition in &ticket.transitions {
        let _ = write!(
            out,
            "<li>{} {} <span aria-label=\"to\">→</span> {}</li>",
            time(transition.at),
            escape(&transition.from),
            escape(&transition.to),
        );
    }
    let _ = writeln!(
        out,
        "<li>last change {}</li></ol></details>",
        time(ticket.updated)
    );
}

fn document(value: &Value) -> String {
    match value {
        Value::String(text) => wiki::render(text),
        other => adf::render(other),
    }
}
