//! What the ledger keeps per person: the newest observations, the messages that stand, and who refused them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use remediate_core::finding::{Finding, Platform, Subject, Verdict};
use remediate_core::id::digest_hex;
use remediate_core::{Device, Fingerprint, RuleId};
use serde::{Deserialize, Serialize};

/// How long a pass is remembered, so that a failure from before it that arrives late is known to be over.
const TOMBSTONE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a refusal of a chat is believed.
const REFUSAL: SignedDuration = SignedDuration::from_hours(24);

/// The checks kept per person. Real people have a few devices with a few checks; a log that makes up device ids must not
/// be able to grow the state beyond what the ledger stores in one item (DynamoDB: 400 KB).
const MAX_ITEMS: usize = 128;

/// The longest of each text of a log that is kept, in code points.
const MAX_TEXT: usize = 300;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub(crate) items: BTreeMap<Fingerprint, Item>,
    /// What stands in the person's own chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) direct: Option<Live>,
    /// What stands in the team chat in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) team: Option<Live>,
    /// The last notice, where the group is not a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<Live>,
    /// Chats that refused to take a message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) refused: BTreeMap<i64, Refusal>,
    /// Groups that became supergroups: old id to new.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) moved: BTreeMap<i64, i64>,
    /// Telegram found a part too long that we did not: the length to keep to since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part_limit: Option<usize>,
}

/// One check on one device: the newest failure and the newest pass that were seen.
///
/// Both are kept, and which is newer decides. That makes taking findings in the union of two maxima: in whatever order
/// and however often they arrive, the same state comes out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) rule: RuleId,
    pub(crate) check: String,
    pub(crate) device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) passed_at: Option<Timestamp>,
    /// When the newest of them was taken in, by our clock.
    pub(crate) recorded_at: Timestamp,
}

/// What the newest failure said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) at: Timestamp,
    #[serde(default)]
    pub(crate) expected: String,
    #[serde(default)]
    pub(crate) actual: String,
    #[serde(default)]
    pub(crate) device_name: String,
    #[serde(default)]
    pub(crate) device_model: String,
    #[serde(default)]
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) os_version: String,
}

impl Item {
    /// Of a failure and a pass of the same instant the failure counts: the next log settles it, and until then a
    /// message too many harms less than one too few.
    pub(crate) fn failing(&self) -> bool {
        match (&self.failure, self.passed_at) {
            (Some(failure), Some(passed)) => failure.at >= passed,
            (failure, None) => failure.is_some(),
            (None, Some(_)) => false,
        }
    }

    pub(crate) fn failed_at(&self) -> Option<Timestamp> {
        self.failure.as_ref().map(|failure| failure.at)
    }

    /// What the person calls the device: its name, else its model, else the id.
    pub(crate) fn device_label(&self) -> &str {
        let failure = self.failure.as_ref();
        let known = [
            failure.map(|failure| failure.device_name.as_str()),
            failure.map(|failure| failure.device_model.as_str()),
        ];
        let found = known.into_iter().flatten().find(|text| !text.is_empty());
        found.unwrap_or(&self.device)
    }

    pub(crate) fn platform(&self) -> Option<Platform> {
        let failure = self.failure.as_ref()?;
        Device {
            os: failure.os.clone(),
            os_version: failure.os_version.clone(),
            ..Device::default()
        }
        .platform()
    }
}

/// A message that stands in a chat, in one or several parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Live {
    /// Tells this message from the one before and after it.
    pub(crate) id: String,
    pub(crate) chat: i64,
    /// Those that were sent, in order.
    pub(crate) parts: Vec<Part>,
    /// How many parts it has when it is complete.
    pub(crate) of: usize,
    pub(crate) sent_at: Timestamp,
    /// The newest failure that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<Timestamp>,
    /// The checks that it names.
    pub(crate) shown: BTreeSet<Fingerprint>,
    /// It says that all is well: a new failure needs a new message.
    pub(crate) closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) message_id: i64,
    /// Digest of the text that stands there.
    pub(crate) text: String,
    /// Digest of the facts that the text was made from; see [`State::facts`].
    pub(crate) facts: String,
}

impl Live {
    /// Whether every part is there and tells of these facts.
    pub(crate) fn tells(&self, facts: &str) -> bool {
        self.parts.len() >= self.of && self.parts.iter().all(|part| part.facts == facts)
    }
}

/// A chat that refused a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// In Telegram's words.
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

/// Which of the messages of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// To the person.
    Direct,
    /// To the team, in the person's place and without personal detail.
    Team,
    /// To the security team.
    Notice,
}

impl State {
    /// The messages and the chats that refuse them, in lines for people.
    pub(crate) fn describe(&self) -> Vec<String> {
        let places = [
            ("their own chat", &self.direct),
            ("the team chat", &self.team),
            ("the security chat", &self.notice),
        ];
        let standing = places
            .iter()
            .filter_map(|(place, live)| Some((place, live.as_ref()?)));
        let mut lines: Vec<_> = standing
            .map(|(place, live)| {
                let ids: Vec<_> = live
                    .parts
                    .iter()
                    .map(|part| part.message_id.to_string())
                    .collect();
                let end = if live.closed {
                    ", told that all is fixed"
                } else {
                    ""
                };
                format!(
                    "message {} in {place} ({}), sent {:.0}{end}",
                    ids.join(" and "),
                    live.chat,
                    live.sent_at
                )
            })
            .collect();
        lines.extend(self.refused.iter().map(|(chat, refusal)| {
            format!(
                "chat {chat} takes no messages since {:.0}: {}",
                refusal.at, refusal.reason
            )
        }));
        lines
    }

    pub(crate) fn slot(&self, slot: Slot) -> Option<&Live> {
        self.place(slot).as_ref()
    }

    fn place(&self, slot: Slot) -> &Option<Live> {
        match slot {
            Slot::Direct => &self.direct,
            Slot::Team => &self.team,
            Slot::Notice => &self.notice,
        }
    }

    pub(crate) fn slot_mut(&mut self, slot: Slot) -> &mut Option<Live> {
        match slot {
            Slot::Direct => &mut self.direct,
            Slot::Team => &mut self.team,
            Slot::Notice => &mut self.notice,
        }
    }

    /// Takes a finding about a device of this person in.
    pub(crate) fn observe(&mut self, finding: &Finding, now: Timestamp) {
        let Subject::Device { device, check, .. } = &finding.subject else {
            return;
        };
        let item = self
            .items
            .entry(finding.fingerprint())
            .or_insert_with(|| Item {
                rule: finding.rule.clone(),
                check: kept(check),
                device: kept(device),
                failure: None,
                passed_at: None,
                recorded_at: now,
            });
        let newer = match finding.verdict {
            Verdict::Failed => {
                let failure = Some(failure_of(finding));
                let newer = failure > item.failure;
                if newer {
                    item.failure = failure;
                }
                newer
            }
            Verdict::Passed => {
                let newer = Some(finding.observed_at) > item.passed_at;
                if newer {
                    item.passed_at = Some(finding.observed_at);
                }
                newer
            }
        };
        if newer {
            item.recorded_at = item.recorded_at.max(now);
        }
    }

    /// Forgets what passed long ago, and the least important of what is too much.
    pub(crate) fn prune(&mut self, now: Timestamp) {
        let shown = self.shown();
        self.items.retain(|print, item| {
            item.failing()
                || shown.contains(print)
                || now.duration_since(item.recorded_at) <= TOMBSTONE
        });
        if self.items.len() <= MAX_ITEMS {
            return;
        }
        let mut order: Vec<_> = self
            .items
            .iter()
            .map(|(print, item)| {
                let newest = item.failed_at().max(item.passed_at);
                (!item.failing(), std::cmp::Reverse(newest), *print)
            })
            .collect();
        order.sort();
        let dropped = order.len() - MAX_ITEMS;
        tracing::warn!(
            dropped,
            kept = MAX_ITEMS,
            "a person has more checks than are kept; the oldest are forgotten"
        );
        for (_, _, print) in &order[MAX_ITEMS..] {
            self.items.remove(print);
        }
    }

    /// What messages that are not closed yet name.
    fn shown(&self) -> BTreeSet<Fingerprint> {
        [&self.direct, &self.team]
            .into_iter()
            .flatten()
            .filter(|live| !live.closed)
            .flat_map(|live| live.shown.iter().copied())
            .collect()
    }

    pub(crate) fn failing(&self) -> BTreeSet<Fingerprint> {
        let failing = self.items.iter().filter(|(_, item)| item.failing());
        failing.map(|(print, _)| *print).collect()
    }

    /// The newest failure among these.
    pub(crate) fn newest_failure(&self, prints: &BTreeSet<Fingerprint>) -> Option<Timestamp> {
        prints
            .iter()
            .filter_map(|print| self.items.get(print)?.failed_at())
            .max()
    }

    /// Digest of what a message about these checks has to tell: which they are, and which of them still fail.
    ///
    /// Nothing else makes an edit. Not the wording: a guide that was rewritten would otherwise edit every message there is, at the next
    /// log of each person. Not the time of the observation, nor `actual` and `expected`: a check that reports "last update
    /// 12 days ago" changes with every log, and editing each time would cost a call per person and log, for a text
    /// that nobody reads twice. Both are as new as the message's last real change.
    pub(crate) fn facts(&self, slot: Slot, shown: &BTreeSet<Fingerprint>) -> String {
        let mut parts = vec![match slot {
            Slot::Direct => "direct".to_owned(),
            Slot::Team => "team".to_owned(),
            Slot::Notice => "notice".to_owned(),
        }];
        for print in shown {
            let failing = self.items.get(print).is_some_and(Item::failing);
            parts.push(format!("{print} {failing}"));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        digest_hex(&parts)
    }

    /// Where messages for a chat go now.
    pub(crate) fn current(&self, chat: i64) -> i64 {
        self.moved.get(&chat).copied().unwrap_or(chat)
    }

    /// Why a chat is not to be written to. A refusal stands while the team is told in its place, and for a day at least.
    pub(crate) fn refusal(&self, chat: i64, now: Timestamp) -> Option<&Refusal> {
        let told_elsewhere = self
            .team
            .as_ref()
            .is_some_and(|team| !team.closed && team.chat != chat);
        self.refused
            .get(&chat)
            .filter(|refusal| told_elsewhere || now.duration_since(refusal.at) < REFUSAL)
    }
}

fn failure_of(finding: &Finding) -> Failure {
    let evidence = &finding.evidence;
    let device = evidence.device.clone().unwrap_or_default();
    Failure {
        at: finding.observed_at,
        expected: kept(&evidence.expected),
        actual: kept(&evidence.actual),
        device_name: kept(&device.name),
        device_model: kept(&device.model),
        os: kept(&device.os),
        os_version: kept(&device.os_version),
    }
}

/// A text of a log as it is kept: on one line, without what is not seen or turns the reading direction around, and not too long.
fn kept(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !hidden(*c))
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{at, finding};

    fn state_of(findings: &[Finding]) -> State {
        let mut state = State::default();
        for finding in findings {
            state.observe(finding, at(1_000));
        }
        state.prune(at(1_000));
        state
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let names = (0..3_u8, 0..2_u8)
            .prop_map(|(rule, device)| (format!("posture.r{rule}"), format!("DEV-{device}")));
        (names, 0..6_i64, any::<bool>(), 0..3_u8).prop_map(
            |((rule, device), second, failed, actual)| {
                let mut finding = finding(&rule, &device, second, failed);
                finding.evidence.actual = format!("a{actual}");
                finding
            },
        )
    }

    proptest! {
        #[test]
        fn in_whatever_order_and_however_often_findings_arrive_the_state_is_the_same(
            (findings, shuffled) in prop::collection::vec(any_finding(), 0..12).prop_flat_map(|findings| {
                let twice: Vec<_> = findings.iter().chain(&findings).cloned().collect();
                (Just(findings), Just(twice).prop_shuffle())
            }),
        ) {
            prop_assert_eq!(state_of(&findings), state_of(&shuffled));
        }

        #[test]
        fn a_state_survives_its_json(findings in prop::collection::vec(any_finding(), 0..12)) {
            let mut state = state_of(&findings);
            state.refused.insert(-5, Refusal { reason: "r".into(), at: at(1) });
            state.moved.insert(-5, -1_005);
            let value = serde_json::to_value(&state).unwrap();
            prop_assert_eq!(serde_json::from_value::<State>(value).unwrap(), state);
        }
    }

    #[test]
    fn given_a_pass_when_an_older_failure_arrives_late_then_nothing_fails() {
        let state = state_of(&[
            finding("posture.firewall", "D", 5, false),
            finding("posture.firewall", "D", 3, true),
        ]);
        assert!(state.failing().is_empty());
    }

    #[test]
    fn given_a_pass_a_month_old_when_pruned_then_it_is_forgotten_and_a_failure_is_not() {
        let mut state = state_of(&[
            finding("posture.firewall", "D", 5, false),
            finding("posture.antivirus", "D", 3, true),
        ]);
        state.prune(at(1_000) + SignedDuration::from_hours(29 * 24));
        assert_eq!(state.items.len(), 2);
        state.prune(at(1_000) + SignedDuration::from_hours(31 * 24));
        assert_eq!(state.items.len(), 1);
        assert_eq!(state.failing().len(), 1);
    }

    #[test]
    fn given_made_up_devices_without_end_then_the_state_stays_small_and_keeps_what_fails_now() {
        let mut findings: Vec<_> = (0..500)
            .map(|n| finding("posture.firewall", &format!("P{n}"), n, false))
            .collect();
        findings.extend((0..100).map(|n| finding("posture.firewall", &format!("F{n}"), n, true)));
        let state = state_of(&findings);
        assert_eq!(state.items.len(), MAX_ITEMS);
        assert_eq!(state.failing().len(), 100);
    }

    #[test]
    fn texts_of_a_log_are_kept_visible_short_and_on_one_line() {
        assert_eq!(kept(" a\r\n\tb\u{202e}c\u{0}\u{200b} "), "a bc");
        assert_eq!(kept(&"x".repeat(400)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn an_observation_changes_the_facts_only_when_the_verdict_changes() {
        let first = state_of(&[finding("posture.firewall", "D", 1, true)]);
        let shown = first.failing();
        let mut again = finding("posture.firewall", "D", 9, true);
        again.evidence.actual = "other words".to_owned();
        let mut later = first.clone();
        later.observe(&again, at(1_000));
        assert_eq!(
            first.facts(Slot::Direct, &shown),
            later.facts(Slot::Direct, &shown)
        );
        later.observe(&finding("posture.firewall", "D", 10, false), at(1_000));
        assert_ne!(
            first.facts(Slot::Direct, &shown),
            later.facts(Slot::Direct, &shown)
        );
    }
}
