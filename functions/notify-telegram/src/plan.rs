//! What has to be sent or edited for the chats to say what the state knows. Pure: a state in, steps out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use remediate_core::function::{Notice, Payload, Task};
use remediate_core::id::digest_hex;
use remediate_core::{ChangeId, Fingerprint, Person};

use crate::effect::{Deed, Effect, text_digest};
use crate::message::{Closing, Composed, Composer, Unreached};
use crate::state::{Live, Slot, State};

/// What planning came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Steps {
    /// In this order; none when everything is said.
    Do(Vec<Step>),
    /// Nobody can be told.
    Nobody(String),
}

/// One change to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) effect: Effect,
    /// A line about it, without personal detail but the masked address.
    pub(crate) summary: String,
}

/// The chats and times that planning goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) team_chat: Option<i64>,
    pub(crate) security_chat: Option<i64>,
    pub(crate) renotify_after: jiff::SignedDuration,
}

/// Where a person's message goes.
enum Route {
    Direct(i64),
    Team(i64, Unreached, String),
    Nobody(String),
}

/// One message as it should be.
struct Wanted<'a> {
    slot: Slot,
    shown: BTreeSet<Fingerprint>,
    facts: String,
    closes: bool,
    /// `tell a…@example.com directly`
    says: String,
    /// Rendered only if something has to be said.
    compose: Box<dyn Fn() -> Composed + 'a>,
}

pub(crate) struct Planner<'a> {
    pub(crate) composer: &'a Composer,
    pub(crate) settings: Settings,
    /// The person's chat in `people.toml`.
    pub(crate) chat: Option<i64>,
    pub(crate) state: &'a State,
    pub(crate) now: Timestamp,
}

impl Planner<'_> {
    pub(crate) fn steps(&self, task: &Task) -> Steps {
        match &task.payload {
            Payload::Notice { notice } => self.notice(notice),
            Payload::Findings { findings } => {
                if !findings.is_empty() && findings.iter().all(|f| f.subject.person().is_none()) {
                    return Steps::Nobody(
                        "the finding is about no person: notify-telegram tells people about their devices"
                            .to_owned(),
                    );
                }
                self.person(&Person::new(&task.group))
            }
        }
    }

    fn person(&self, person: &Person) -> Steps {
        let failing = self.state.failing();
        if failing.is_empty() {
            let mut steps = self.close_direct(person);
            steps.extend(self.close_team(Closing::Passed));
            return Steps::Do(steps);
        }
        match self.route(person) {
            Route::Direct(chat) => {
                let mut steps = self.tell_directly(person, chat, &failing);
                // The team is relieved when the person has been told, not before: the chat may turn out to be closed.
                if steps.is_empty() {
                    steps = self.close_team(Closing::Reached);
                }
                Steps::Do(steps)
            }
            Route::Team(chat, unreached, why) => {
                Steps::Do(self.tell_team(person, chat, &failing, unreached, &why))
            }
            Route::Nobody(because) => Steps::Nobody(because),
        }
    }

    fn route(&self, person: &Person) -> Route {
        let (unreached, why) = match self.chat.map(|chat| self.state.current(chat)) {
            None => (
                Unreached::Unlisted,
                "people.toml has no chat for them".to_owned(),
            ),
            Some(chat) => match self.state.refusal(chat, self.now) {
                None => return Route::Direct(chat),
                Some(refusal) => (
                    Unreached::Refused,
                    format!(
                        "their chat refused on {:.0}: {}",
                        refusal.at, refusal.reason
                    ),
                ),
            },
        };
        let Some(team) = self.settings.team_chat.map(|chat| self.state.current(chat)) else {
            return Route::Nobody(format!(
                "{person} cannot be told ({why}) and services.toml names no telegram.team_chat"
            ));
        };
        match self.state.refusal(team, self.now) {
            None => Route::Team(team, unreached, why),
            Some(refusal) => Route::Nobody(format!(
                "{person} cannot be told ({why}), and neither can the team: telegram.team_chat refused on {:.0}: {}",
                refusal.at, refusal.reason
            )),
        }
    }

    fn tell_directly(
        &self,
        person: &Person,
        chat: i64,
        failing: &BTreeSet<Fingerprint>,
    ) -> Vec<Step> {
        let live = self
            .state
            .direct
            .as_ref()
            .filter(|live| !live.closed && live.chat == chat)
            .filter(|live| !self.renotify(live, failing));
        let shown = match live {
            // What the message named and is fixed by now stays in it, marked as fixed.
            Some(live) => live.shown.union(failing).copied().collect(),
            None => failing.clone(),
        };
        let wanted = Wanted {
            slot: Slot::Direct,
            facts: self.state.facts(Slot::Direct, &shown),
            closes: false,
            says: format!("tell {person} directly"),
            compose: Box::new({
                let shown = shown.clone();
                move || self.composer.direct(person, self.state, &shown)
            }),
            shown,
        };
        match live {
            Some(live) => self.update(live, &wanted, Some(person)),
            None => self.begin(chat, &wanted),
        }
    }

    /// Whether it is time to say it again: the message is old enough, and the failure was seen again since.
    fn renotify(&self, live: &Live, failing: &BTreeSet<Fingerprint>) -> bool {
        self.now.duration_since(live.sent_at) >= self.settings.renotify_after
            && self.state.newest_failure(failing) > live.as_of
    }

    /// One message per run of failures: the team is not reminded.
    fn tell_team(
        &self,
        person: &Person,
        chat: i64,
        failing: &BTreeSet<Fingerprint>,
        unreached: Unreached,
        why: &str,
    ) -> Vec<Step> {
        let live = self
            .state
            .team
            .as_ref()
            .filter(|live| !live.closed && live.chat == chat);
        let shown = match live {
            Some(live) => live.shown.union(failing).copied().collect(),
            None => failing.clone(),
        };
        let wanted = Wanted {
            slot: Slot::Team,
            facts: self.state.facts(Slot::Team, &shown),
            closes: false,
            says: format!(
                "tell the team chat, without personal detail, in the place of {person} ({why})"
            ),
            compose: Box::new({
                let shown = shown.clone();
                move || self.composer.team(self.state, &shown, unreached)
            }),
            shown,
        };
        match live {
            Some(live) => self.update(live, &wanted, None),
            None => self.begin(chat, &wanted),
        }
    }

    fn close_direct(&self, person: &Person) -> Vec<Step> {
        let Some(live) = &self.state.direct else {
            return Vec::new();
        };
        if self.state.refusal(live.chat, self.now).is_some() {
            return Vec::new();
        }
        let shown = live.shown.clone();
        let wanted = Wanted {
            slot: Slot::Direct,
            shown: shown.clone(),
            facts: digest_hex(&["direct", "closed"]),
            closes: true,
            says: format!("tell {person} directly that all is fixed"),
            compose: Box::new(move || self.composer.fixed(person, self.state, &shown)),
        };
        self.update(live, &wanted, Some(person))
    }

    fn close_team(&self, closing: Closing) -> Vec<Step> {
        let Some(live) = self.state.team.as_ref().filter(|live| !live.closed) else {
            return Vec::new();
        };
        if self.state.refusal(live.chat, self.now).is_some() {
            return Vec::new();
        }
        let shown = live.shown.clone();
        let wanted = Wanted {
            slot: Slot::Team,
            shown: shown.clone(),
            facts: digest_hex(&["team", "closed"]),
            closes: true,
            says: match closing {
                Closing::Passed => "tell the team chat that all is fixed".to_owned(),
                Closing::Reached => {
                    "tell the team chat that the person is told directly".to_owned()
                }
            },
            compose: Box::new(move || self.composer.team_closed(self.state, &shown, closing)),
        };
        self.update(live, &wanted, None)
    }

    /// Once per topic and day, like the task itself.
    fn notice(&self, notice: &Notice) -> Steps {
        let day = notice.at.strftime("%F").to_string();
        let facts = digest_hex(&["notice", &notice.topic, &day]);
        let told = self
            .state
            .notice
            .as_ref()
            .filter(|live| live.parts.iter().all(|part| part.facts == facts));
        let wanted = Wanted {
            slot: Slot::Notice,
            shown: BTreeSet::new(),
            facts,
            closes: false,
            says: format!("tell the security team: {}", notice.title),
            compose: Box::new(move || self.composer.notice(notice, self.state)),
        };
        if let Some(live) = told {
            return Steps::Do(self.update(live, &wanted, None));
        }
        let chats = [self.settings.security_chat, self.settings.team_chat];
        let chats = chats
            .into_iter()
            .flatten()
            .map(|chat| self.state.current(chat));
        let open = chats
            .clone()
            .find(|chat| self.state.refusal(*chat, self.now).is_none());
        match open {
            Some(chat) => Steps::Do(self.begin(chat, &wanted)),
            None if chats.count() == 0 => Steps::Nobody(
                "services.toml names neither telegram.security_chat nor telegram.team_chat"
                    .to_owned(),
            ),
            None => Steps::Nobody(
                "telegram.security_chat and telegram.team_chat take no messages from the bot"
                    .to_owned(),
            ),
        }
    }

    /// A new message.
    fn begin(&self, chat: i64, wanted: &Wanted<'_>) -> Vec<Step> {
        let composed = (wanted.compose)();
        let message = ChangeId::fresh();
        let of = composed.parts.len();
        let parts = composed.parts.iter().enumerate();
        parts
            .map(|(part, html)| {
                let place = Place {
                    message: message.as_str(),
                    chat,
                    part,
                    of,
                };
                self.step(wanted, place, Deed::Send { mark: 0 }, html, &composed.notes)
            })
            .collect()
    }

    /// A message that stands, brought to what it should say: parts edited, missing ones sent, superfluous ones emptied.
    fn update(&self, live: &Live, wanted: &Wanted<'_>, person: Option<&Person>) -> Vec<Step> {
        if live.tells(&wanted.facts) {
            return Vec::new();
        }
        let composed = (wanted.compose)();
        let of = composed.parts.len();
        let mut steps = Vec::new();
        for part in 0..of.max(live.parts.len()) {
            let html = match composed.parts.get(part) {
                Some(html) => html.clone(),
                None => self.composer.surplus(person),
            };
            let deed = match live.parts.get(part) {
                // A part that tells of these facts is not touched because its wording changed meanwhile.
                Some(there) if there.facts == wanted.facts => continue,
                Some(there) if there.text == text_digest(&html) => continue,
                Some(there) => Deed::Edit {
                    message_id: there.message_id,
                },
                None => Deed::Send { mark: 0 },
            };
            let place = Place {
                message: &live.id,
                chat: live.chat,
                part,
                of,
            };
            steps.push(self.step(wanted, place, deed, &html, &composed.notes));
        }
        steps
    }

    fn step(
        &self,
        wanted: &Wanted<'_>,
        place: Place<'_>,
        deed: Deed,
        html: &str,
        notes: &[String],
    ) -> Step {
        let Place {
            message,
            chat,
            part,
            of,
        } = place;
        let mut summary = match deed {
            Deed::Send { .. } => wanted.says.clone(),
            Deed::Edit { .. } => format!("{}, by editing the message", wanted.says),
        };
        if !wanted.closes && !wanted.shown.is_empty() {
            let failing = wanted.shown.intersection(&self.state.failing()).count();
            summary.push_str(&format!("; failing checks: {failing}"));
        }
        if of > 1 {
            summary.push_str(&format!("; part {} of {of}", part + 1));
        }
        for note in notes {
            summary.push_str(&format!("; {note}"));
        }
        Step {
            effect: Effect {
                deed,
                slot: wanted.slot,
                message: message.to_owned(),
                chat,
                html: html.to_owned(),
                part,
                of,
                facts: wanted.facts.clone(),
                shown: wanted.shown.clone(),
                as_of: self.state.newest_failure(&self.state.failing()),
                closes: wanted.closes,
            },
            summary,
        }
    }
}

/// Which part of which message, and where.
#[derive(Clone, Copy)]
struct Place<'a> {
    message: &'a str,
    chat: i64,
    part: usize,
    of: usize,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use remediate_core::{FunctionName, Mode};

    use super::*;
    use crate::state::Part;
    use crate::testing::{ALICE, at, finding, shipped_config};

    fn steps_of(state: &State, chat: Option<i64>, now: Timestamp) -> Steps {
        let composer = Composer::new(Arc::new(shipped_config())).unwrap();
        let planner = Planner {
            composer: &composer,
            settings: Settings {
                team_chat: Some(-5),
                security_chat: None,
                renotify_after: jiff::SignedDuration::from_hours(24),
            },
            chat,
            state,
            now,
        };
        let name = FunctionName::new("notify-telegram");
        planner.steps(&Task::of_findings(
            &name,
            ALICE.to_owned(),
            Mode::Act,
            Vec::new(),
        ))
    }

    fn done(steps: Steps) -> Vec<Step> {
        match steps {
            Steps::Do(steps) => steps,
            Steps::Nobody(because) => panic!("{because}"),
        }
    }

    /// Fails five checks: a message in two parts or more.
    fn failing() -> State {
        let mut state = State::default();
        for rule in [
            "disk-encryption",
            "antivirus",
            "os-updates",
            "firewall",
            "screen-lock",
        ] {
            state.observe(&finding(&format!("posture.{rule}"), "D", 1, true), at(1));
        }
        state
    }

    /// A message that stands with so many of its parts.
    fn live(state: &State, chat: i64, parts: i64, of: usize) -> Live {
        let shown = state.failing();
        let facts = state.facts(Slot::Direct, &shown);
        let part = |id| Part {
            message_id: 100 + id,
            text: format!("text {id}"),
            facts: facts.clone(),
        };
        Live {
            id: "message".to_owned(),
            chat,
            parts: (0..parts).map(part).collect(),
            of,
            sent_at: at(2),
            as_of: state.newest_failure(&shown),
            shown,
            closed: false,
        }
    }

    #[test]
    fn given_nothing_known_when_planned_then_there_is_nothing_to_do() {
        assert!(done(steps_of(&State::default(), Some(7), at(9))).is_empty());
    }

    #[test]
    fn given_a_message_whose_second_part_was_never_sent_when_planned_then_only_that_is_sent() {
        let mut state = failing();
        let parts = done(steps_of(&state, Some(7), at(9))).len();
        assert!(parts > 1);
        state.direct = Some(live(&state, 7, 1, parts));
        let steps = done(steps_of(&state, Some(7), at(9)));
        assert_eq!(steps.len(), parts - 1);
        let first = &steps[0].effect;
        assert_eq!((first.part, first.message.as_str()), (1, "message"));
        assert!(matches!(first.deed, Deed::Send { .. }));
    }

    #[test]
    fn given_a_message_in_two_parts_when_all_passes_then_one_says_so_and_the_other_is_emptied() {
        let mut state = failing();
        state.direct = Some(live(&state, 7, 2, 2));
        for item in state.items.values_mut() {
            item.passed_at = Some(at(5));
        }
        let steps = done(steps_of(&state, Some(7), at(9)));
        let edited: Vec<_> = steps.iter().map(|step| step.effect.deed.clone()).collect();
        let edit = |message_id| Deed::Edit { message_id };
        assert_eq!(edited, [edit(100), edit(101)]);
        assert!(steps[0].effect.html.contains("Fixed"));
        assert!(steps[1].effect.html.contains("Nothing more here"));
        assert!(steps.iter().all(|step| step.effect.closes));
    }

    #[test]
    fn given_a_team_that_was_told_when_the_person_gets_a_chat_then_they_are_told_before_the_team_is_relieved()
     {
        let mut state = failing();
        state.team = Some(live(&state, -5, 1, 1));
        let steps = done(steps_of(&state, Some(7), at(9)));
        assert!(steps.iter().all(|step| step.effect.slot == Slot::Direct));
        state.direct = Some(live(&state, 7, 2, 2));
        let steps = done(steps_of(&state, Some(7), at(9)));
        assert_eq!(steps.len(), 1);
        assert!(steps[0].effect.slot == Slot::Team && steps[0].effect.closes);
    }

    #[test]
    fn given_no_chat_when_planned_then_no_summary_and_no_text_for_the_team_names_anybody() {
        for step in done(steps_of(&failing(), None, at(9))) {
            assert_eq!(step.effect.chat, -5);
            let all = format!("{} {}", step.summary, step.effect.html);
            assert!(
                !all.contains(ALICE) && !all.contains("<code>D</code>"),
                "{all}"
            );
        }
    }
}
