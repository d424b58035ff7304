//! What is said to CloudWatch, in its embedded metric format.

use jiff::Timestamp;
use remediate_core::telemetry::metric_line;

use super::NAME;
use super::report::Report;
use super::state::State;

/// The metrics of a run. `ThreatLastSuccessAge` and `ThreatSnapshotAge`, in seconds, are what an alarm on staleness looks at.
pub fn lines(report: &Report, state: Option<&State>, now: Timestamp) -> Vec<String> {
    let at = now.as_millisecond();
    let function = ("Function", NAME);
    let mut lines = Vec::new();
    let mut say = |name: &str, value: u64, unit: &str, dimensions: &[(&str, &str)]| {
        #[allow(clippy::cast_precision_loss)]
        lines.push(metric_line(name, value as f64, unit, dimensions, at));
    };
    for tier in &report.tiers {
        let of_tier = [function, ("Tier", tier.tier.as_str())];
        for (name, value) in [
            ("ThreatEntries", tier.after),
            ("ThreatAdded", tier.added + tier.moved_in),
            ("ThreatRemoved", tier.removed + tier.moved_out),
            ("ThreatLeftOut", tier.left_out),
            ("ThreatHeldBack", u64::from(tier.held_back.is_some())),
        ] {
            say(name, value, "Count", &of_tier);
        }
    }
    let held_back = report.tiers.iter().any(|tier| tier.held_back.is_some());
    say("ThreatHeldBack", u64::from(held_back), "Count", &[function]);
    let rejected: u64 = report
        .reported
        .iter()
        .filter(|(what, _)| what.starts_with("rejected"))
        .map(|(_, count)| count)
        .sum();
    say("ThreatRejected", rejected, "Count", &[function]);
    say("ThreatCalls", report.calls.all(), "Count", &[function]);
    say(
        "ThreatUnfinished",
        u64::from(!report.end.is_success()),
        "Count",
        &[function],
    );
    let age = |at: Option<Timestamp>| {
        at.and_then(|at| u64::try_from(now.duration_since(at).as_secs()).ok())
    };
    if let Some(age) = age(report
        .sources
        .iter()
        .filter_map(|source| source.fresh_at)
        .min())
    {
        say("ThreatSnapshotAge", age, "Seconds", &[function]);
    }
    if let Some(age) = age(state.and_then(|state| state.last_success)) {
        say("ThreatLastSuccessAge", age, "Seconds", &[function]);
    }
    lines
}
