//! IP lists as cards with their newest entries, the rules that use them, and the operations that filled them.

use std::fmt::Write as _;

use crate::cloudflare::outbox::{BulkOperation, IpList, ListEntry, Usage, ZoneRule};
use crate::state::World;

use super::escape::{escape, time};
use super::{earlier, plural};

/// Beyond these numbers the others are counted, not shown.
const LISTS_SHOWN: usize = 12;
const ENTRIES_SHOWN: usize = 8;
const OPERATIONS_SHOWN: usize = 8;

pub(super) fn section(out: &mut String, world: &World) {
    let account = &world.cloudflare;
    out.push_str("<section class=\"edge\" aria-labelledby=\"cloudflare\"><h2 id=\"cloudflare\">Cloudflare</h2>\n");
    usage(out, account.config().plan.as_str(), &account.usage());
    let lists = account.ip_lists();
    if lists.is_empty() {
        out.push_str("<p class=\"empty\">No IP list yet.</p>\n");
    } else {
        out.push_str("<div class=\"lists\">\n");
        for list in lists.iter().take(LISTS_SHOWN) {
            card(out, list, &account.newest(&list.name, ENTRIES_SHOWN));
        }
        out.push_str("</div>\n");
        if let Some(more) = lists.len().checked_sub(LISTS_SHOWN).filter(|n| *n > 0) {
            let _ = writeln!(
                out,
                "<p class=\"more\">{more} more at <a href=\"/_sandbox/cloudflare\">/_sandbox/cloudflare</a></p>"
            );
        }
    }
    rules(out, &account.zone_rules());
    operations(out, &account.bulk_operations(world.clock.now()));
    collector(out, world);
    out.push_str("</section>\n");
}

fn usage(out: &mut String, plan: &str, usage: &Usage) {
    let _ = writeln!(
        out,
        "<ul class=\"tally\"><li>plan <b>{plan}</b></li><li><b>{}</b> of {} {}</li><li><b>{}</b> of {} {}</li>\
         <li><b>{}</b> {} in <b>{}</b> {}</li></ul>",
        grouped(usage.lists),
        grouped(usage.max_lists),
        plural(usage.max_lists, "list", "lists"),
        grouped(usage.items),
        grouped(usage.max_items),
        plural(usage.max_items, "entry", "entries"),
        usage.modifications,
        if usage.modifications == 1 {
            "modification"
        } else {
            "modifications"
        },
        usage.write_requests,
        if usage.write_requests == 1 {
            "write"
        } else {
            "writes"
        },
    );
}

fn card(out: &mut String, list: &IpList, newest: &[ListEntry]) {
    let by_hand = match list.by_hand {
        0 => String::new(),
        n => format!(" · <span class=\"tag hand\">{} by hand</span>", grouped(n)),
    };
    let _ = writeln!(
        out,
        "<article class=\"card list\"><header><h3><code>${}</code></h3><p class=\"by\"><b>{}</b> {}{by_hand}</p></header>",
        escape(&list.name),
        grouped(list.items),
        plural(list.items, "entry", "entries"),
    );
    if !list.description.is_empty() {
        let _ = writeln!(out, "<p class=\"by\">{}</p>", escape(&list.description));
    }
    if list.used_by.is_empty() {
        out.push_str("<p class=\"nobody\">No rule uses it.</p>\n");
    } else {
        let rules: Vec<String> = list
            .used_by
            .iter()
            .map(|rule| format!("<code>{}</code>", escape(rule)))
            .collect();
        let _ = writeln!(out, "<p class=\"by\">used by {}</p>", rules.join(", "));
    }
    entries(out, newest);
    if let Some(more) = list.items.checked_sub(newest.len()).filter(|n| *n > 0) {
        let _ = writeln!(
            out,
            "<p class=\"more\">{} more at <a href=\"/_sandbox/cloudflare/lists/{name}\">/_sandbox/cloudflare/lists/{name}</a></p>",
            grouped(more),
            name = escape(&list.name),
        );
    }
    out.push_str("</article>\n");
}

fn entries(out: &mut String, newest: &[ListEntry]) {
    if !newest.is_empty() {
        out.push_str("<ul class=\"entries\">");
        for entry in newest {
            let _ = write!(
                out,
                "<li><code>{}</code> {} {}<span class=\"comment\">{}</span></li>",
                escape(&entry.ip),
                time(entry.modified),
                if entry.by_hand {
                    "<span class=\"tag hand\">a person</span>"
                } else {
                    "<span class=\"tag\">API</span>"
                },
                entry
                    .comment
                    .as_deref()
                    .map_or_else(|| "<i>no comment</i>".to_owned(), escape),
            );
        }
        out.push_str("</ul>\n");
    }
}

fn rules(out: &mut String, rules: &[ZoneRule]) {
    if rules.is_empty() {
        return;
    }
    out.push_str(
        "<h3 id=\"rules\">Rules</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"rules\"><table>\
         <thead><tr><th scope=\"col\">Zone</th><th scope=\"col\">Rule</th><th scope=\"col\">Action</th>\
         <th scope=\"col\">Requests</th></tr></thead><tbody>\n",
    );
    for rule in rules {
        let off = if rule.enabled {
            ""
        } else {
            " <span class=\"tag fault\">off</span>"
        };
        let limit = rule.ratelimit.as_ref().map(|limit| {
            format!(
                " <span class=\"tag\">{} in {} s</span>",
                escape(&limit["requests_per_period"].to_string()),
                limit["period"]
            )
        });
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}{off}<br><span class=\"by\">{}</span></td><td>{}{}</td><td><code>{}</code></td></tr>",
            escape(&rule.zone),
            escape(&rule.reference),
            escape(&rule.description),
            escape(&rule.action),
            limit.unwrap_or_default(),
            escape(&rule.expression),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn operations(out: &mut String, operations: &[BulkOperation]) {
    if operations.is_empty() {
        return;
    }
    out.push_str(
        "<h3 id=\"operations\">Bulk operations</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-labelledby=\"operations\"><table><thead><tr><th scope=\"col\">Time, UTC</th><th scope=\"col\">List</th>\
         <th scope=\"col\">Operation</th><th scope=\"col\">Outcome</th></tr></thead><tbody>\n",
    );
    for operation in operations.iter().rev().take(OPERATIONS_SHOWN) {
        let class = match operation.status.as_str() {
            "completed" => "good",
            "failed" => "bad",
            _ => "edited",
        };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td><code>${}</code></td><td>{} {}</td><td><span class=\"tag {class}\">{}</span> {}</td></tr>",
            time(operation.asked),
            escape(&operation.list),
            escape(&operation.verb),
            grouped(operation.elements),
            escape(&operation.status),
            escape(operation.error.as_deref().unwrap_or_default()),
        );
    }
    out.push_str("</tbody></table></div>\n");
    earlier(
        out,
        operations.len(),
        OPERATIONS_SHOWN,
        ("operation", "operations"),
        "cloudflare",
    );
}

fn collector(out: &mut String, world: &World) {
    let state = world.collector.state();
    let _ = writeln!(
        out,
        "<h3>Intelligence Collector</h3><p class=\"by\">Snapshot <code>{}</code> with <b>{}</b> {}, generated {}; \
         told {} {}, {} times nothing new.</p>",
        escape(&state.snapshot),
        grouped(state.records),
        plural(state.records, "record", "records"),
        time(state.generated_at),
        state.served,
        if state.served == 1 { "time" } else { "times" },
        state.not_modified,
    );
}

/// `500,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
