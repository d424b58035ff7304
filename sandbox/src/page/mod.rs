//! The page on which a person sees what was sent: chats as bubbles, issues as cards, lists with their newest
//! entries, and the calls behind them.
//!
//! Rendered here, complete without a script; the script only fetches the page again and swaps what changed.

mod adf;
mod cloudflare;
mod escape;
mod jira;
mod telegram;
mod wiki;

use hyper::StatusCode;

use crate::faults::Service;
use crate::http::Reply;
use crate::outbox::Call;
use crate::state::World;
use escape::{escape, time};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");
/// Everything on the page comes from this server, and no data on it can run.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Beyond these numbers the older ones are counted, not shown: a load test must not make the page unusable.
const CALLS_SHOWN: usize = 30;
const CARDS_SHOWN: usize = 50;
const CHATS_SHOWN: usize = 30;
const BUBBLES_SHOWN: usize = 30;

pub(crate) fn render(world: &World) -> Reply {
    let messages = world.telegram.outbox();
    let tickets = world.jira.outbox();
    let mut body = String::with_capacity(16 << 10);
    body.push_str(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Sandbox</title>\n\
         <link rel=\"stylesheet\" href=\"/_sandbox/page.css\">\n\
         <script src=\"/_sandbox/page.js\" defer></script>\n</head>\n<body>\n",
    );
    body.push_str(&format!(
        "<header class=\"top\"><h1>Sandbox</h1><p>Telegram, Jira, Cloudflare and an Intelligence Collector, played on this machine. \
         Nothing here has left it.</p></header>\n<main id=\"live\">\n\
         <ul class=\"tally\"><li><b>{}</b> {}</li><li><b>{}</b> {}</li><li><b>{}</b> {}</li></ul>\n",
        messages.len(),
        plural(messages.len(), "message", "messages"),
        tickets.len(),
        plural(tickets.len(), "ticket", "tickets"),
        world.calls.len(),
        plural(world.calls.len(), "call", "calls"),
    ));
    body.push_str("<div class=\"columns\">\n");
    telegram::section(&mut body, world.telegram.chats(), &messages);
    jira::section(&mut body, &tickets);
    body.push_str("</div>\n");
    cloudflare::section(&mut body, world);
    calls(&mut body, &world.calls);
    body.push_str("</main>\n</body>\n</html>\n");
    Reply::content(StatusCode::OK, "text/html;charset=UTF-8", body)
        .with_header("Content-Security-Policy", POLICY)
        .with_header("Cache-Control", "no-store")
}

/// `/browse/SEC-1`, as Jira's own links go: the card on the page.
pub(crate) fn browse(segments: &[String]) -> Reply {
    let key: String = segments
        .get(1)
        .map(|key| url::form_urlencoded::byte_serialize(key.as_bytes()).collect())
        .unwrap_or_default();
    Reply::empty(StatusCode::FOUND).with_header("Location", format!("/#{key}"))
}

pub(crate) fn stylesheet() -> Reply {
    Reply::content(StatusCode::OK, "text/css;charset=UTF-8", STYLE)
}

pub(crate) fn script() -> Reply {
    Reply::content(StatusCode::OK, "text/javascript;charset=UTF-8", SCRIPT)
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn calls(out: &mut String, calls: &[Call]) {
    out.push_str(
        "<section class=\"calls\" aria-labelledby=\"calls\"><h2 id=\"calls\">Calls</h2>\n",
    );
    if calls.is_empty() {
        out.push_str("<p class=\"empty\">No call yet.</p></section>\n");
        return;
    }
    out.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"calls\"><table>\
         <thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Time, UTC</th><th scope=\"col\">Service</th>\
         <th scope=\"col\">Call</th><th scope=\"col\">Answer</th></tr></thead><tbody>\n",
    );
    for call in calls.iter().rev().take(CALLS_SHOWN) {
        let service = match call.service {
            Service::Telegram => "Telegram",
            Service::Jira => "Jira",
            Service::Cloudflare => "Cloudflare",
            Service::Collector => "Collector",
        };
        let what = match call.service {
            Service::Telegram => call.method.clone(),
            _ => format!("{} {}", call.method, with_short_ids(&call.path)),
        };
        out.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{service}</td><td><code>{}</code></td><td>{}</td></tr>\n",
            call.n,
            time(call.at),
            escape(&what),
            answer(call),
        ));
    }
    out.push_str("</tbody></table></div>\n");
    earlier(out, calls.len(), CALLS_SHOWN, ("call", "calls"), "calls");
    out.push_str("</section>\n");
}

/// A path in which ids of 32 hexadecimal digits are cut to what tells them apart: they say nothing to a person.
fn with_short_ids(path: &str) -> String {
    let short = |part: &str| match part.get(..6) {
        Some(head) if part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{head}…")
        }
        _ => part.to_owned(),
    };
    let parts: Vec<String> = path.split('/').map(short).collect();
    parts.join("/")
}

/// Says how many older things are not shown, and where they are.
fn earlier(out: &mut String, all: usize, shown: usize, words: (&str, &str), at: &str) {
    if let Some(hidden) = all.checked_sub(shown).filter(|n| *n > 0) {
        let word = plural(hidden, words.0, words.1);
        out.push_str(&format!(
            "<p class=\"more\">{hidden} earlier {word} at <a href=\"/_sandbox/{at}\">/_sandbox/{at}</a></p>\n"
        ));
    }
}

fn answer(call: &Call) -> String {
    let fault = if call.fault.is_some() {
        " <span class=\"tag fault\">scripted fault</span>"
    } else {
        ""
    };
    match call.status {
        Some(status) => {
            let class = if status < 400 { "good" } else { "bad" };
            format!("<span class=\"tag {class}\">{status}</span>{fault}")
        }
        None => format!("<span class=\"tag bad\">none</span>{fault}"),
    }
}
