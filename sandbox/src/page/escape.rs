//! Data on its way into HTML.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Text for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A link with content that is HTML already; only web, mail and Telegram addresses become links.
pub(super) fn link(href: &str, content: &str) -> String {
    let lower = href.trim().to_ascii_lowercase();
    let safe = ["http://", "https://", "mailto:", "tg:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme));
    if safe {
        format!(
            "<a href=\"{}\" rel=\"noreferrer\">{content}</a>",
            escape(href.trim())
        )
    } else {
        content.to_owned()
    }
}

/// Time of day in UTC, machine-readable beside it.
pub(super) fn time(at: Timestamp) -> String {
    let shown = at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
    format!("<time datetime=\"{at:.0}\">{shown}</time>")
}

/// One or two letters for a round badge.
pub(super) fn initials(name: &str) -> String {
    let letters: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .collect();
    escape(&letters.to_uppercase())
}

/// One of the six badge colours, always the same for the same name.
pub(super) fn hue(name: &str) -> usize {
    name.bytes().fold(0usize, |sum, b| {
        sum.wrapping_mul(31).wrapping_add(usize::from(b))
    }) % 6
}
