//! What the messages say: to the person, to the team, to the security team.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use remediate_core::config::Config;
use remediate_core::function::Notice;
use remediate_core::{Fingerprint, Person};

use crate::error::NotifyError;
use crate::guides::{Facts, Front, Guides, OTHER};
use crate::html::{Block, Gap, Kind, MESSAGE_LIMIT, Span, pack, to_html};
use crate::phrases::{PhraseBook, Phrases, chain, fill, fill_text};
use crate::state::{Item, State};

/// A person who fails many checks reads the first messages of them, if any: the guides that do not fit into so many
/// messages wait until some are fixed, and are only named.
const MAX_PARTS: usize = 3;

/// The checks that are listed by name; beyond them only their number is told.
const MAX_LINES: usize = 20;

/// The devices that are named in one line.
const MAX_DEVICES: usize = 3;

/// The characters of a device's or a check's name that are shown. Logs can be full of anything.
const MAX_NAME: usize = 40;

/// What the part number of a message with several parts takes: `10/12`, and an empty line.
const PART_NUMBER: usize = 8;

/// A message, rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Composed {
    /// The text of each part, in Telegram's markup.
    pub(crate) parts: Vec<String>,
    /// What a person should know about how it came about: guides that could not be rendered.
    pub(crate) notes: Vec<String>,
}

/// Why the team is told in a person's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// `people.toml` has no chat.
    Unlisted,
    /// The chat takes nothing from the bot.
    Refused,
}

/// Why the team's message is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    Passed,
    /// The person can be reached after all.
    Reached,
}

/// Makes messages out of states.
#[derive(Debug)]
pub(crate) struct Composer {
    config: Arc<Config>,
    guides: Guides,
    phrases: PhraseBook,
}

/// One guide as it stands in a message, for one device or for several that it fits alike.
struct Section {
    title: String,
    effort: Option<String>,
    body: Vec<Block>,
    devices: Vec<String>,
    /// The check's own name, where the title does not say which one it is.
    check: Option<String>,
}

/// What a message to a person is made with.
struct Reader<'a> {
    phrases: &'a Phrases,
    chain: Vec<String>,
    name: Option<&'a str>,
}

impl Composer {
    pub(crate) fn new(config: Arc<Config>) -> Result<Self, NotifyError> {
        let (guides, problems) = Guides::load(&config);
        if !problems.is_empty() {
            return Err(NotifyError::Guides(problems));
        }
        let phrases = PhraseBook::load(&config)?;
        Ok(Self {
            config,
            guides,
            phrases,
        })
    }

    /// To the person: what fails, with guides, and what of this message is fixed.
    pub(crate) fn direct(
        &self,
        person: &Person,
        state: &State,
        shown: &BTreeSet<Fingerprint>,
    ) -> Composed {
        let reader = self.reader(person);
        let mut notes = Vec::new();
        let (failing, fixed) = sorted(state, shown);
        let mut sections: Vec<Section> = Vec::new();
        for item in &failing {
            let section = self.section(item, &reader, &mut notes);
            match sections.iter_mut().find(|known| known.same_as(&section)) {
                Some(known) => known.devices.extend(section.devices),
                None => sections.push(section),
            }
        }
        let head = match failing.as_slice() {
            [only] => self.head_of_one(only, &sections, &reader),
            _ => head_of_many(&failing, &sections, &reader),
        };
        let head = self.with_fixed(head, &fixed, &reader);
        let guides: Vec<Vec<Block>> = match sections.as_slice() {
            [only] if failing.len() == 1 => vec![only.body.clone()],
            _ => sections
                .iter()
                .enumerate()
                .map(|(index, section)| section.blocks(index + 1))
                .collect(),
        };
        let foot = self.foot(&reader);
        let parts = fitted(&head, &guides, &foot, state, reader.phrases);
        Composed { parts, notes }
    }

    /// To the person: everything that the message named is fixed.
    pub(crate) fn fixed(
        &self,
        person: &Person,
        state: &State,
        shown: &BTreeSet<Fingerprint>,
    ) -> Composed {
        let reader = self.reader(person);
        let (_, fixed) = sorted(state, shown);
        let headline = format!("✅ {}", reader.phrases.fixed_headline);
        let text = Span::plain(&reader.phrases.fixed_text);
        let mut blocks = vec![
            Block::heading(headline),
            Block::new(Gap::Paragraph, vec![text]),
        ];
        for item in fixed.iter().take(MAX_LINES) {
            let mut spans = vec![Span::plain("• ")];
            spans.extend(self.named(item, &reader));
            blocks.push(Block::new(Gap::Line, spans));
        }
        blocks.extend(more_lines(fixed.len(), reader.phrases));
        Composed {
            parts: numbered(&[blocks], state),
            notes: Vec::new(),
        }
    }

    /// In the place of a part that is not needed any more. Telegram lets bots edit for ever, but delete for two days only.
    pub(crate) fn surplus(&self, person: Option<&Person>) -> String {
        let phrases = match person {
            Some(person) => self.reader(person).phrases,
            None => self.team_phrases(),
        };
        let mut span = Span::plain(&phrases.surplus);
        span.style.italic = true;
        to_html(&[Block::new(Gap::Line, vec![span])])
    }

    /// To the team, in the person's place. Nothing in it comes from the log or from `people.toml`: no address, no name, no
    /// device, not even the name of a check, which a log may make up. The fingerprint leads those who may know to the rest.
    pub(crate) fn team(
        &self,
        state: &State,
        shown: &BTreeSet<Fingerprint>,
        unreached: Unreached,
    ) -> Composed {
        let phrases = self.team_phrases();
        let failing: BTreeSet<_> = shown.intersection(&state.failing()).copied().collect();
        let checks = self.checks(state, &failing, phrases);
        let because = match unreached {
            Unreached::Unlisted => &phrases.unlisted,
            Unreached::Refused => &phrases.refused,
        };
        let phrase = if failing.len() == 1 {
            &phrases.team_one
        } else {
            &phrases.team_many
        };
        let count = failing.len().to_string();
        let values = [
            ("checks", checks.as_str()),
            ("because", because),
            ("count", &count),
        ];
        let said = format!("⚠️ {}", fill_text(phrase, &values));
        let mut blocks = vec![Block::new(Gap::Paragraph, vec![Span::plain(said)])];
        if let Some(print) = failing.first() {
            let command = [Span::code(format!("remediate explain {print}"))];
            let spans = fill(&phrases.team_who, &[("command", &command)]);
            blocks.push(Block::new(Gap::Paragraph, spans));
        }
        Composed {
            parts: numbered(&[blocks], state),
            notes: Vec::new(),
        }
    }

    /// To the team: no need to look after it any more.
    pub(crate) fn team_closed(
        &self,
        state: &State,
        shown: &BTreeSet<Fingerprint>,
        closing: Closing,
    ) -> Composed {
        let phrases = self.team_phrases();
        let checks = self.checks(state, shown, phrases);
        let said = match closing {
            Closing::Passed => format!(
                "✅ {}",
                fill_text(&phrases.team_fixed, &[("checks", &checks)])
            ),
            Closing::Reached => format!(
                "✅ {}",
                fill_text(&phrases.team_reached, &[("checks", &checks)])
            ),
        };
        let blocks = vec![Block::new(Gap::Paragraph, vec![Span::plain(said)])];
        Composed {
            parts: numbered(&[blocks], state),
            notes: Vec::new(),
        }
    }

    pub(crate) fn notice(&self, notice: &Notice, state: &State) -> Composed {
        let mut blocks = vec![Block::heading(format!("⚠️ {}", notice.title.trim()))];
        for paragraph in notice.text.split("\n\n").map(str::trim) {
            if !paragraph.is_empty() {
                blocks.push(Block::new(Gap::Paragraph, vec![Span::plain(paragraph)]));
            }
        }
        let told = vec![
            Span::code(notice.rule.as_str()),
            Span::plain(format!(" · {}", clock(notice.at))),
        ];
        blocks.push(Block::new(Gap::Paragraph, told));
        Composed {
            parts: numbered(&[blocks], state),
            notes: Vec::new(),
        }
    }

    fn reader(&self, person: &Person) -> Reader<'_> {
        let people = &self.config.people;
        let chain = chain(people.language(person), people.default_language());
        let contact = people.get(person);
        Reader {
            phrases: self.phrases.of(&chain),
            chain,
            name: contact.and_then(|contact| contact.name.as_deref()),
        }
    }

    fn team_phrases(&self) -> &Phrases {
        let default = self.config.people.default_language();
        self.phrases.of(&chain(default, default))
    }

    /// What the checks are called, each once.
    fn checks(&self, state: &State, prints: &BTreeSet<Fingerprint>, phrases: &Phrases) -> String {
        let mut names: Vec<&str> = Vec::new();
        for item in prints.iter().filter_map(|print| state.items.get(print)) {
            let rule = item.rule.as_str();
            let known = phrases.checks.get(self.guides.check_of(rule));
            let name = known.map_or(rule, String::as_str);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        names.join(", ")
    }

    /// `disk encryption — LAPTOP-7`.
    fn named(&self, item: &Item, reader: &Reader<'_>) -> Vec<Span> {
        let check = self.guides.check_of(item.rule.as_str());
        let name = match reader.phrases.checks.get(check) {
            Some(name) if check != OTHER => Span::plain(name),
            _ => Span::code(clipped(&item.check)),
        };
        let mut spans = vec![name];
        if !item.device_label().is_empty() {
            spans.push(Span::plain(" — "));
            spans.push(Span::code(clipped(item.device_label())));
        }
        spans
    }

    fn section(&self, item: &Item, reader: &Reader<'_>, notes: &mut Vec<String>) -> Section {
        let devices = vec![clipped(item.device_label())]
            .into_iter()
            .filter(|device| !device.is_empty())
            .collect();
        let check = self.guides.check_of(item.rule.as_str());
        let Some(guide) = self.guides.find(check, item.platform(), &reader.chain) else {
            notes.push(format!("no guide for {check}: built-in text"));
            return self.built_in(item, devices, reader);
        };
        match self.guides.render(guide, &facts(item, reader)) {
            Ok(parsed) => Section {
                title: guide.front.title.clone(),
                effort: Some(effort(&guide.front, reader.phrases)),
                body: parsed.blocks,
                devices,
                check: (check == OTHER).then(|| clipped(&item.check)),
            },
            Err(problem) => {
                tracing::error!(%problem, "a guide cannot be rendered: the built-in text is sent in its place");
                notes.push(format!("{problem}: built-in text"));
                self.built_in(item, devices, reader)
            }
        }
    }

    fn built_in(&self, item: &Item, devices: Vec<String>, reader: &Reader<'_>) -> Section {
        // Not the name that the log gave: in a title it could become a link.
        let rule = item.rule.as_str();
        let check = self.guides.check_of(rule);
        let known = reader.phrases.checks.get(check);
        let name = known.map_or(rule, String::as_str);
        let contact = [Span::plain(&self.config.services.help.contact)];
        let spans = fill(&reader.phrases.guide_text, &[("contact", &contact)]);
        Section {
            title: fill_text(&reader.phrases.guide_title, &[("check", name)]),
            effort: None,
            body: vec![Block::new(Gap::Paragraph, spans)],
            devices,
            check: (check == OTHER).then(|| clipped(&item.check)),
        }
    }

    fn head_of_one(&self, item: &Item, sections: &[Section], reader: &Reader<'_>) -> Vec<Block> {
        let phrases = reader.phrases;
        let title = sections.first().map_or("", |section| &section.title);
        let mut head = vec![Block::heading(format!("🔧 {title}"))];
        let phrase = match item.device_label() {
            "" => &phrases.intro_one_deviceless,
            _ => &phrases.intro_one,
        };
        let when = item.failed_at().map(clock).unwrap_or_default();
        let spans = fill(
            phrase,
            &[
                ("hello", &[Span::plain(hello(reader))]),
                ("device", &[Span::code(clipped(item.device_label()))]),
                ("check", &[Span::code(clipped(&item.check))]),
                ("when", &[Span::plain(when)]),
            ],
        );
        head.push(Block::new(Gap::Paragraph, spans));
        if let Some(effort) = sections.first().and_then(|section| section.effort.as_ref()) {
            head.push(Block::new(
                Gap::Line,
                vec![Span::plain(format!("⏱ {effort}"))],
            ));
        }
        head
    }

    fn with_fixed(&self, mut head: Vec<Block>, fixed: &[&Item], reader: &Reader<'_>) -> Vec<Block> {
        for (index, item) in fixed.iter().take(MAX_LINES).enumerate() {
            let what = self.named(item, reader);
            let mut spans = vec![Span::plain("✅ ")];
            spans.extend(fill(&reader.phrases.fixed_line, &[("what", &what)]));
            let gap = if index == 0 {
                Gap::Paragraph
            } else {
                Gap::Line
            };
            head.push(Block::new(gap, spans));
        }
        head.extend(more_lines(fixed.len(), reader.phrases));
        head
    }

    fn foot(&self, reader: &Reader<'_>) -> Vec<Block> {
        let contact = &self.config.services.help.contact;
        let genuine = fill_text(&reader.phrases.genuine, &[("contact", contact)]);
        let mut genuine = Span::plain(genuine);
        genuine.style.italic = true;
        let mut updates = Span::plain(&reader.phrases.updates_itself);
        updates.style.italic = true;
        vec![
            Block::new(Gap::Paragraph, vec![updates]),
            Block::new(Gap::Line, vec![genuine]),
        ]
    }
}

impl Section {
    fn same_as(&self, other: &Self) -> bool {
        self.title == other.title && self.body == other.body && self.check == other.check
    }

    /// As one of several.
    fn blocks(&self, number: usize) -> Vec<Block> {
        let mut blocks = vec![Block::heading(format!("🔧 {number}. {}", self.title))];
        let mut line = joined(&self.devices);
        if let Some(effort) = &self.effort {
            if !line.is_empty() {
                line.push(Span::plain(" · "));
            }
            line.push(Span::plain(effort));
        }
        if !line.is_empty() {
            blocks.push(Block::new(Gap::Line, line));
        }
        blocks.extend(self.body.iter().cloned());
        blocks
    }
}

/// As many whole guides as fit into [`MAX_PARTS`], at least one, and a word about the others.
fn fitted(
    head: &[Block],
    guides: &[Vec<Block>],
    foot: &[Block],
    state: &State,
    phrases: &Phrases,
) -> Vec<String> {
    let with = |count: usize| {
        let mut sections = vec![head.to_vec()];
        sections.extend(guides.iter().take(count).cloned());
        if count < guides.len() {
            let more = Span::plain(&phrases.more_guides);
            sections.push(vec![Block::new(Gap::Paragraph, vec![more])]);
        }
        sections.push(foot.to_vec());
        numbered(&sections, state)
    };
    (2..=guides.len())
        .rev()
        .map(with)
        .find(|parts| parts.len() <= MAX_PARTS)
        .unwrap_or_else(|| with(1))
}

fn head_of_many(failing: &[&Item], sections: &[Section], reader: &Reader<'_>) -> Vec<Block> {
    let phrases = reader.phrases;
    let count = failing.len().to_string();
    let headline = fill_text(&phrases.headline_many, &[("count", &count)]);
    let intro = fill_text(&phrases.intro_many, &[("hello", &hello(reader))]);
    let mut head = vec![
        Block::heading(format!("🔧 {headline}")),
        Block::new(Gap::Paragraph, vec![Span::plain(intro)]),
    ];
    for (index, section) in sections.iter().take(MAX_LINES).enumerate() {
        let mut spans = vec![Span::plain(format!("{}. {}", index + 1, section.title))];
        if let Some(check) = &section.check {
            spans.push(Span::plain(": "));
            spans.push(Span::code(check));
        }
        if !section.devices.is_empty() {
            spans.push(Span::plain(" — "));
            spans.extend(joined(&section.devices));
        }
        head.push(Block::new(Gap::Line, spans));
    }
    head.extend(more_lines(sections.len(), phrases));
    head
}

/// The devices of a section; a made-up crowd of them is cut off.
fn joined(devices: &[String]) -> Vec<Span> {
    let mut spans = Vec::new();
    for device in devices.iter().take(MAX_DEVICES) {
        if !spans.is_empty() {
            spans.push(Span::plain(", "));
        }
        spans.push(Span::code(device));
    }
    if devices.len() > MAX_DEVICES {
        spans.push(Span::plain(format!(" (+{})", devices.len() - MAX_DEVICES)));
    }
    spans
}

fn more_lines(count: usize, phrases: &Phrases) -> Option<Block> {
    let more = count.checked_sub(MAX_LINES).filter(|more| *more > 0)?;
    let text = fill_text(&phrases.more_lines, &[("count", &more.to_string())]);
    Some(Block::new(Gap::Line, vec![Span::plain(text)]))
}

fn hello(reader: &Reader<'_>) -> String {
    match reader.name {
        Some(name) => fill_text(&reader.phrases.hello, &[("name", name)]),
        None => reader.phrases.hello_nameless.clone(),
    }
}

fn effort(front: &Front, phrases: &Phrases) -> String {
    let minutes = front.minutes.to_string();
    let time = fill_text(&phrases.effort, &[("minutes", &minutes)]);
    if front.needs_admin {
        format!("{time} · {}", phrases.admin)
    } else {
        time
    }
}

fn facts(item: &Item, reader: &Reader<'_>) -> Facts {
    let failure = item.failure.clone();
    Facts {
        person_name: reader.name.unwrap_or_default().to_owned(),
        device_name: clipped(item.device_label()),
        device_os_version: failure
            .as_ref()
            .map(|failure| failure.os_version.clone())
            .unwrap_or_default(),
        check: item.check.clone(),
        expected: failure
            .as_ref()
            .map(|failure| failure.expected.clone())
            .unwrap_or_default(),
        actual: failure
            .as_ref()
            .map(|failure| failure.actual.clone())
            .unwrap_or_default(),
        observed_at: item.failed_at().map(clock).unwrap_or_default(),
    }
}

/// A name of a log, as much of it as is shown.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The same for everybody: which time zone a person is in is not known.
fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The items of a message, those that fail and those that do not, in an order that stays.
fn sorted<'a>(state: &'a State, shown: &BTreeSet<Fingerprint>) -> (Vec<&'a Item>, Vec<&'a Item>) {
    let mut items: Vec<&Item> = shown
        .iter()
        .filter_map(|print| state.items.get(print))
        .collect();
    items.sort_by_key(|item| (&item.rule, item.device_label(), &item.check));
    items.into_iter().partition(|item| item.failing())
}

/// Packs sections into messages and numbers them if there are several.
fn numbered(sections: &[Vec<Block>], state: &State) -> Vec<String> {
    let limit = state.part_limit.unwrap_or(MESSAGE_LIMIT);
    let mut parts = pack(sections, limit);
    if parts.len() > 1 {
        parts = pack(sections, limit.saturating_sub(PART_NUMBER));
        let of = parts.len();
        for (index, part) in parts.iter_mut().enumerate().skip(1) {
            let mut span = Span::plain(format!("{}/{of}", index + 1));
            span.style.italic = true;
            if let Some(first) = part.first_mut() {
                first.gap = Gap::Paragraph;
            }
            part.insert(
                0,
                Block {
                    spans: vec![span],
                    gap: Gap::Line,
                    kind: Kind::Text,
                },
            );
        }
    }
    parts.iter().map(|part| to_html(part)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::html::strip;
    use crate::testing::{ALICE, at, finding, shipped_config};

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[a-zA-Z0-9 -]{1,20}",
            "[<>&\"'`*_\\[\\]()!#|~]{1,400}",
            "\\PC{1,400}",
            Just("</code></b><a href=\"https://evil.example\">x</a>".to_owned()),
        ]
    }

    /// Rule, device, whether it fails, check, expected, actual, system.
    type Row = (usize, u8, bool, [String; 4]);

    fn any_rows() -> impl Strategy<Value = Vec<Row>> {
        let texts = [any_text(), any_text(), any_text(), any_text()];
        prop::collection::vec((0..7_usize, 0..40_u8, any::<bool>(), texts), 1..60)
    }

    fn state_of(rows: &[Row]) -> State {
        let rules = [
            "disk-encryption",
            "antivirus",
            "os-updates",
            "firewall",
            "screen-lock",
            "other",
            "usb",
        ];
        let mut state = State::default();
        for (rule, device, fails, [check, expected, actual, os]) in rows {
            let mut finding = finding(
                &format!("posture.{}", rules[*rule]),
                &format!("D{device}{check}"),
                5,
                true,
            );
            if let remediate_core::Subject::Device { check: name, .. } = &mut finding.subject {
                name.clone_from(check);
            }
            finding.evidence.expected.clone_from(expected);
            finding.evidence.actual.clone_from(actual);
            finding.evidence.device = Some(remediate_core::Device {
                os: os.clone(),
                name: actual.clone(),
                ..remediate_core::Device::default()
            });
            state.observe(&finding, at(9));
            if !fails {
                finding.verdict = remediate_core::Verdict::Passed;
                finding.observed_at = at(6);
                state.observe(&finding, at(9));
            }
        }
        state
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_log_says_messages_are_few_short_and_without_foreign_links(rows in any_rows()) {
            let composer = Composer::new(Arc::new(shipped_config())).unwrap();
            let state = state_of(&rows);
            let shown: BTreeSet<_> = state.items.keys().copied().collect();
            prop_assume!(!state.failing().is_empty());
            let person = Person::new(ALICE);
            let direct = composer.direct(&person, &state, &shown);
            prop_assert!(direct.parts.len() <= MAX_PARTS, "{} parts", direct.parts.len());
            prop_assert!(direct.notes.is_empty(), "{:?}", direct.notes);
            let team = composer.team(&state, &state.failing(), Unreached::Unlisted);
            let fixed = composer.fixed(&person, &state, &shown);
            for html in direct.parts.iter().chain(&team.parts).chain(&fixed.parts) {
                prop_assert!(strip(html).chars().count() <= MESSAGE_LIMIT);
                prop_assert!(!html.contains("<a href=\"https://evil"), "{html}");
            }
            prop_assert_eq!(team.parts.len(), 1);
        }
    }
}
