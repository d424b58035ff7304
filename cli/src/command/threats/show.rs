//! Runs, plans and answers as text.

use std::collections::BTreeMap;

use enforce_ip_list::run::Planned;
use enforce_ip_list::run::apply::SetUp;
use enforce_ip_list::run::audit::{Shown, Verdict};
use enforce_ip_list::run::check::Checked;
use enforce_ip_list::run::gather::{Said, SourceReport};
use enforce_ip_list::run::report::{ChangeLine, End, Report, TierReport};
use enforce_ip_list::run::setup::{SetupPlan, Step};
use enforce_ip_list::run::simulate::{Response, SelfTest};
use enforce_ip_list::run::stats::Stats;
use enforce_ip_list::run::tiers::Power;
use jiff::{Timestamp, Unit};

use crate::print::{Colour, coloured, counted, grouped, paint, say, table, tame};

/// How many changes are shown unless all are asked for.
const FIRST: usize = 20;

fn bold(text: &str) -> String {
    paint(coloured(), Colour::Bold, text)
}

fn dim(text: &str) -> String {
    paint(coloured(), Colour::Dim, text)
}

/// Without fractions of seconds.
fn moment(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What a run came to.
pub fn report(report: &Report) {
    let colour = match &report.end {
        End::Failed { .. } | End::Unverified { .. } => Colour::Red,
        End::Partly { .. } | End::Paused { .. } | End::Frozen { .. } | End::HeldBack { .. } => {
            Colour::Yellow
        }
        _ => Colour::Green,
    };
    let end = paint(coloured(), colour, &tame(&report.end.to_string()));
    say!("{}  {end}", bold(&tame(&report.trigger)));
    about(report);
    for sent in &report.operations {
        say!(
            "  {:?} {} in {}: {}",
            sent.verb,
            counted(sent.items, "item", "items"),
            sent.list,
            tame(&sent.end)
        );
    }
    say!("{}", dim(&cost(report)));
}

fn cost(report: &Report) -> String {
    let quota = report.quota.map_or_else(String::new, |left| {
        format!(
            "; at most {} changes are left for the next 12 hours",
            grouped(left.items)
        )
    });
    #[allow(clippy::cast_precision_loss)]
    let seconds = report.milliseconds as f64 / 1000.0;
    format!(
        "{seconds:.1} s, {} to Cloudflare ({} reading, {} writing){quota}",
        counted(report.calls.all(), "call", "calls"),
        report.calls.reads,
        report.calls.writes
    )
}

/// Sources, lists, what is not enforced and why, and what a person should know.
fn about(report: &Report) {
    for line in report.sources.iter().map(source) {
        say!("  {line}");
    }
    lists(&report.tiers);
    reasons("reported", &report.reported);
    reasons("not enforced", &report.not_enforced);
    for tier in &report.tiers {
        if let Some(why) = &tier.held_back {
            let what = format!("{}: held back: {}", tier.list, tame(why));
            say!("  {}", paint(coloured(), Colour::Yellow, &what));
        }
    }
    if report.tiers.iter().any(|tier| tier.held_back.is_some()) {
        say!(
            "  {}",
            dim(
                "a first filling: --first-run; a change that is meant: --override-guards --because …"
            )
        );
    }
    if let Some(word) = &report.overridden {
        say!(
            "  guards set aside by {}: {}",
            tame(&word.by),
            tame(&word.because)
        );
    }
    for note in &report.notes {
        say!(
            "  {} {}",
            paint(coloured(), Colour::Yellow, "note:"),
            tame(note)
        );
    }
}

fn source(source: &SourceReport) -> String {
    let said = match &source.said {
        Said::New => "something new".to_owned(),
        Said::Nothing => "nothing new".to_owned(),
        Said::NotAsked => "not asked".to_owned(),
        Said::Unusable { because } => format!("cannot be used: {}", tame(because)),
    };
    let made = source
        .generated_at
        .map_or_else(String::new, |at| format!(", made {}", moment(at)));
    format!(
        "{}: {said} ({}, {} rejected{made})",
        tame(&source.name),
        counted(source.records, "record", "records"),
        grouped(source.rejected)
    )
}

fn lists(tiers: &[TierReport]) {
    if tiers.is_empty() {
        return;
    }
    let head = [
        "list",
        "",
        "before",
        "added",
        "moved in",
        "renewed",
        "moved out",
        "removed",
        "after",
        "no room",
        "others'",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for tier in tiers {
        let power = match (tier.power, tier.is_there) {
            (Some(Power::Off), _) => "off",
            (_, false) => "not there",
            (Some(Power::Observe), _) => "observed",
            (Some(Power::Propose), _) => "proposed",
            _ => "",
        };
        let mut row = vec![tier.list.clone(), power.to_owned()];
        let numbers = [
            tier.ours,
            tier.added,
            tier.moved_in,
            tier.updated,
            tier.moved_out,
            tier.removed,
            tier.after,
            tier.left_out,
            tier.foreign,
        ];
        row.extend(numbers.into_iter().map(grouped));
        rows.push(row);
    }
    for line in table(&rows).lines() {
        say!("  {line}");
    }
}

fn reasons(what: &str, counts: &BTreeMap<String, u64>) {
    if counts.is_empty() {
        return;
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(why, count)| format!("{} ({})", tame(why), grouped(*count)))
        .collect();
    say!("  {what}: {}", parts.join(", "));
}

/// What a sync would do.
pub fn plan(planned: &Planned, all: bool) {
    say!(
        "{}  {}",
        bold(&format!("plan of {}", tame(&planned.report.trigger))),
        dim("nothing is written")
    );
    about(&planned.report);
    changes("changes", &planned.changes, all);
    changes(
        "of tiers that only observe or propose, not carried out",
        &planned.observed,
        all,
    );
    if planned.calls.is_empty() {
        say!("{}", bold("No calls would change anything."));
        return;
    }
    say!(
        "{}",
        bold("Calls, in this order, each followed by questions how far it is:")
    );
    for call in &planned.calls {
        say!("  {:6} {}  {}", call.method, call.path, dim(&call.does));
    }
}

fn changes(title: &str, lines: &[ChangeLine], all: bool) {
    if lines.is_empty() {
        return;
    }
    say!(
        "{}",
        bold(&format!("{} {title}:", grouped(lines.len() as u64)))
    );
    let shown = if all { lines.len() } else { FIRST };
    let rows: Vec<Vec<String>> = lines.iter().take(shown).map(row).collect();
    for line in table(&rows).lines() {
        say!("  {line}");
    }
    if lines.len() > shown {
        let rest = (lines.len() - shown) as u64;
        say!(
            "  {}",
            dim(&format!("and {} more; --all shows them", grouped(rest)))
        );
    }
}

fn row(line: &ChangeLine) -> Vec<String> {
    let sign = match line.change.as_str() {
        "add" => "+",
        "remove" => "-",
        "move" => ">",
        _ => "~",
    };
    let whence = line.from.as_ref().map_or_else(
        || line.list.clone(),
        |from| format!("{from} > {}", line.list),
    );
    vec![
        sign.to_owned(),
        whence,
        line.ip.clone(),
        line.score
            .map_or_else(String::new, |score| format!("score {score}")),
        tame(&line.sources.join(",")),
        line.until
            .map_or_else(String::new, |until| format!("until {}", moment(until))),
        tame(&line.because),
    ]
}

/// One address explained.
pub fn checked(checked: &Checked) {
    say!("{}  {}", bold(&checked.ip), tame(&checked.says));
    for said in &checked.reported {
        let sources = if said.sources.is_empty() {
            "a source without a name".to_owned()
        } else {
            tame(&said.sources.join(", "))
        };
        let seen = said
            .last_seen
            .map_or_else(String::new, |at| format!(", last seen {}", moment(at)));
        let score = if said.allow_listed {
            "as harmless".to_owned()
        } else {
            format!("with score {}", said.score)
        };
        say!(
            "  reported: {} {score} by {sources}{seen}: {}",
            said.ip,
            tame(&said.verdict)
        );
    }
    for stands in &checked.listed {
        let whose = if stands.ours {
            "ours"
        } else {
            "somebody else's"
        };
        let named = if stands.named {
            ", named by itself"
        } else {
            ""
        };
        let since = stands
            .since
            .map_or_else(String::new, |at| format!(" since {}", moment(at)));
        let until = stands
            .until
            .map_or_else(String::new, |at| format!(" until {}", moment(at)));
        say!(
            "  in {}: {} ({whose}{named}){since}{until}",
            stands.list,
            stands.ip
        );
    }
    if checked.listed.is_empty() {
        say!("  in no list");
    }
    for change in &checked.changes {
        say!("  next sync: {}", tame(change));
    }
    for note in &checked.notes {
        say!(
            "  {} {}",
            paint(coloured(), Colour::Yellow, "note:"),
            tame(note)
        );
    }
}

/// A simulated response.
pub fn response(response: &Response) {
    let score = response
        .score
        .map_or_else(|| "no score".to_owned(), |score| format!("score {score}"));
    say!(
        "{}  {score}: {}  {}",
        tame(&response.ip),
        bold(&response.action),
        dim(&tame(&response.because))
    );
    if response.entries.len() > 1 {
        say!("  as {}", response.entries.join(", "));
    }
}

/// The self-test.
pub fn self_test(test: &SelfTest) {
    let rows: Vec<Vec<String>> = test
        .results
        .iter()
        .map(|case| {
            vec![
                if case.passed { "ok" } else { "FAILED" }.to_owned(),
                case.about.clone(),
                case.ip.clone(),
                case.score
                    .map_or_else(|| "-".to_owned(), |score| score.to_string()),
                case.actual.clone(),
                if case.passed {
                    String::new()
                } else {
                    format!("expected {}", case.expected)
                },
            ]
        })
        .collect();
    for line in table(&rows).lines() {
        say!("{line}");
    }
    say!(
        "{} of {} passed",
        test.passed,
        counted(test.total_tests as u64, "case", "cases")
    );
}

/// How things stand.
pub fn stats(stats: &Stats) {
    let Some(last) = stats.last_run else {
        say!("No run has been made yet.");
        return;
    };
    let end = stats
        .last_end
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    say!("last run      {}  {}", moment(last), tame(&end));
    match (stats.last_success, stats.last_success_age) {
        (Some(at), Some(seconds)) => {
            say!("last success  {}  {} ago", moment(at), age(seconds));
        }
        _ => say!(
            "last success  {}",
            paint(coloured(), Colour::Yellow, "none yet")
        ),
    }
    lists(&stats.tiers);
    reasons("reported", &stats.reported);
    reasons("not enforced", &stats.not_enforced);
    for (name, source) in &stats.sources {
        let failing = source.failing.as_ref().map_or_else(String::new, |failing| {
            format!(
                ", failing since {}: {}",
                moment(failing.since),
                tame(&failing.reason)
            )
        });
        let heard = source.fresh_at.map_or_else(
            || "never heard".to_owned(),
            |at| format!("heard {}", moment(at)),
        );
        say!(
            "  {}: {} records, {heard}{failing}",
            tame(name),
            grouped(source.records)
        );
    }
    let churn = stats.churn;
    say!(
        "last 24 h     {}: {} added, {} moved, {} removed",
        counted(churn.runs, "run", "runs"),
        grouped(churn.added),
        grouped(churn.moved),
        grouped(churn.removed)
    );
    say!(
        "quota         at most {} changes and {} requests are left for the next 12 hours",
        grouped(stats.quota.items),
        grouped(stats.quota.requests)
    );
    if stats.waiting > 0 {
        say!(
            "{} named and not in a list yet",
            counted(stats.waiting, "address is", "addresses are")
        );
    }
    if stats.refused > 0 {
        say!(
            "{} that Cloudflare does not take",
            counted(stats.refused, "network", "networks")
        );
    }
    if let Some(paused) = &stats.paused {
        say!(
            "paused until {}: {}",
            moment(paused.until),
            tame(&paused.reason)
        );
    }
    if let Some(operation) = &stats.operation {
        say!("the operation {operation} is still running");
    }
}

/// One record of the audit.
pub fn record(shown: &Shown) {
    let head = format!("#{} {}", shown.header.seq, moment(shown.header.at));
    match serde_json::from_value::<Report>(shown.header.record.clone()) {
        Ok(report) => say!(
            "{}  {}: {} ({})",
            bold(&head),
            tame(&report.trigger),
            tame(&report.end.to_string()),
            counted(report.calls.all(), "call", "calls")
        ),
        Err(_) => say!("{}  of another version", bold(&head)),
    }
    let lines: Vec<ChangeLine> = shown
        .changes
        .iter()
        .filter_map(|line| serde_json::from_value(line.clone()).ok())
        .collect();
    let rows: Vec<Vec<String>> = lines.iter().take(FIRST).map(row).collect();
    for line in table(&rows).lines() {
        say!("  {line}");
    }
    if lines.len() > FIRST {
        let rest = (lines.len() - FIRST) as u64;
        say!(
            "  {}",
            dim(&format!(
                "and {} more; --format json shows them",
                grouped(rest)
            ))
        );
    }
}

/// What a verification found.
pub fn verdict(verdict: &Verdict) {
    if verdict.damage.is_empty() {
        let sound = paint(coloured(), Colour::Green, "as they were written");
        say!(
            "{} {sound}",
            counted(verdict.records, "record is", "records are")
        );
    }
    for damage in &verdict.damage {
        say!(
            "{}",
            paint(coloured(), Colour::Red, &tame(&damage.to_string()))
        );
    }
    if verdict.unadopted > 0 {
        say!(
            "{} of them a crash kept from the ledger",
            grouped(verdict.unadopted)
        );
    }
}

/// What is needed, and what the plan allows.
pub fn setup(plan: &SetupPlan) {
    let can = plan.capabilities;
    say!(
        "{}",
        bold(&format!(
            "Plan {}: {}, {} in all of them",
            plan.plan,
            counted(can.lists, "list", "lists"),
            counted(can.items, "item", "items")
        ))
    );
    say!(
        "  in use: {}, {}",
        counted(plan.lists_there, "list", "lists"),
        counted(plan.items_there, "item", "items")
    );
    for list in &plan.lists {
        say!("  list {}: {}", list.name, step(&list.step));
    }
    for rule in &plan.rules {
        say!(
            "  rule {} in {}: {}",
            rule.draft.reference,
            tame(&rule.zone),
            step(&rule.step)
        );
        say!(
            "    {}",
            dim(&format!(
                "{} if {}",
                rule.draft.action, rule.draft.expression
            ))
        );
        if let Some(said) = &rule.rehearsal {
            say!("    {}", dim(&tame(said)));
        }
    }
    for note in &plan.notes {
        say!(
            "  {} {}",
            paint(coloured(), Colour::Yellow, "note:"),
            tame(note)
        );
    }
    if plan.is_done() {
        say!("Nothing is missing.");
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Present => paint(coloured(), Colour::Green, "is there"),
        Step::Create => paint(coloured(), Colour::Yellow, "is to be made"),
        Step::Adopt { items } => format!(
            "is there, made by somebody else; it is used, and what it holds ({}) stays as it is",
            counted(*items, "entry", "entries")
        ),
        Step::Change { differs } => paint(
            coloured(),
            Colour::Yellow,
            &format!("is to be changed: {}", tame(differs)),
        ),
        Step::Impossible { because } => paint(
            coloured(),
            Colour::Red,
            &format!("cannot be: {}", tame(because)),
        ),
    }
}

/// What a set-up did.
pub fn set_up(done: &SetUp) {
    for line in &done.done {
        say!(
            "{} {}",
            paint(coloured(), Colour::Green, "done:"),
            tame(line)
        );
    }
    if let Some(error) = &done.failed {
        say!(
            "{} {}",
            paint(coloured(), Colour::Red, "failed:"),
            tame(error)
        );
    }
}
