//! The newest verdict of each (person, device, check).
//!
//! A state is one record with one text: who, which device, which check, and behind these the describing
//! fields as the JSON they came in, decoded only when somebody asks.
//!
//! With a hundred thousand devices the table is far larger than the processor's caches and rows come in no
//! order, so each look-up waits for memory several times: table, record, text. Rows are therefore collected
//! and looked up a batch at a time, one step for all of them before the next step; the waits then overlap,
//! and cost a fraction of what they cost one after the other.

use std::borrow::Cow;
use std::fmt;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use super::fields::{DETAILS, Field};
use super::verdict::Verdict;

/// Describing text is cut to so many bytes: it ends up in a message or a ticket.
const DETAIL: usize = 2_048;
/// Ends a text that was cut.
const CUT: &str = "…";

/// What a state is about: person, device, check.
const KEY: usize = 3;
const PARTS: usize = KEY + DETAILS.len();

/// How many rows are looked up together: enough for the waits to overlap, few enough that the batch itself
/// stays in the first-level cache.
const BATCH: usize = 32;

#[derive(Default)]
struct Entry {
    at: i64,
    row: u64,
    offset: u64,
    /// The key's three parts and the describing fields, one after the other.
    text: String,
    /// How long each of these is; a describing field of length 0 is absent.
    lengths: [u16; PARTS],
    passed: bool,
}

/// Without the text: people and devices stay out of logs.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} at byte {}", self.row, self.offset)
    }
}

impl Entry {
    fn part(&self, index: usize) -> &str {
        let start: usize = self.lengths[..index].iter().copied().map(usize::from).sum();
        &self.text[start..start + usize::from(self.lengths[index])]
    }

    fn key(&self) -> &[u8] {
        let [email, device, check, ..] = self.lengths;
        &self.text.as_bytes()[..usize::from(email) + usize::from(device) + usize::from(check)]
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        self.lengths[..KEY] == other.lengths[..KEY] && self.key() == other.key()
    }

    fn fill<'d>(
        &mut self,
        verdict: &Verdict<'_>,
        (row, offset): (u64, u64),
        detail: impl Fn(usize) -> Option<Cow<'d, str>>,
    ) {
        self.at = verdict.at;
        self.row = row;
        self.offset = offset;
        self.passed = verdict.passed;
        self.text.clear();
        for (index, part) in [&verdict.email, &verdict.device, &verdict.check]
            .into_iter()
            .enumerate()
        {
            self.text.push_str(part);
            // `verdict` lets no longer name through than fits.
            self.lengths[index] = part.len() as u16;
        }
        for index in 0..DETAILS.len() {
            self.lengths[KEY + index] =
                detail(index).map_or(0, |json| append(&mut self.text, &json));
        }
    }
}

/// A row that waits for its look-up.
#[derive(Debug, Default)]
struct Waiting {
    entry: Entry,
    hash: u64,
    /// Where its state is, as far as that is known.
    found: Option<u32>,
}

impl Waiting {
    /// The half of the hash that the index keeps to tell most others apart without looking at them.
    fn tag(&self) -> u32 {
        (self.hash >> 32) as u32
    }
}

/// All states of a log.
#[derive(Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    /// The tag of a key, and where its entry is.
    index: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    waiting: Vec<Waiting>,
    /// How many of these wait; the others keep their memory for reuse.
    filled: usize,
    /// Length of the last row's text. Room for the next is made by it, as a text that grows while it is filled
    /// ends up with up to twice the room that it needs.
    typical: usize,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} states", self.entries.len())
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes a verdict in, unless a newer one is held. Of equally old ones the later row wins.
    /// It is visible after [`Self::settle`].
    pub(super) fn put<'d>(
        &mut self,
        verdict: &Verdict<'_>,
        place: (u64, u64),
        detail: impl Fn(usize) -> Option<Cow<'d, str>>,
    ) {
        if self.filled == self.waiting.len() {
            self.waiting.push(Waiting::default());
        }
        let waiting = &mut self.waiting[self.filled];
        waiting.entry.text.clear();
        waiting.entry.text.reserve_exact(self.typical);
        waiting.entry.fill(verdict, place, detail);
        self.typical = waiting.entry.text.len();
        waiting.hash = self.hasher.hash_one(waiting.entry.key());
        self.filled += 1;
        if self.filled == BATCH {
            self.settle();
        }
    }

    /// Brings the rows that wait into the table, in their order.
    pub(super) fn settle(&mut self) {
        let Self {
            entries,
            index,
            waiting,
            filled,
            ..
        } = self;
        for row in &mut waiting[..*filled] {
            let tag = row.tag();
            row.found = index
                .find(row.hash, |(other, _)| *other == tag)
                .map(|(_, at)| *at);
        }
        for row in &mut waiting[..*filled] {
            row.found = row
                .found
                .filter(|at| entries[*at as usize].lengths[..KEY] == row.entry.lengths[..KEY]);
        }
        for row in &mut waiting[..*filled] {
            // One byte tells most other keys apart, and fetches the text for the next step.
            let middle = row.entry.text.len() / 4;
            let byte = |entry: &Entry| entry.key().get(middle).copied();
            row.found = row
                .found
                .filter(|at| byte(&entries[*at as usize]) == byte(&row.entry));
        }
        for row in &mut waiting[..*filled] {
            row.found = row
                .found
                .filter(|at| entries[*at as usize].key() == row.entry.key());
        }
        for number in 0..*filled {
            self.settle_one(number);
        }
        self.filled = 0;
    }

    fn settle_one(&mut self, number: usize) {
        let row = &mut self.waiting[number];
        let at = row.found.or_else(|| {
            // Not there a moment ago: a row of this batch may have brought it since.
            let (tag, entries) = (row.tag(), &self.entries);
            let same = |(other, at): &(u32, u32)| {
                *other == tag && entries[*at as usize].is_about_the_same(&row.entry)
            };
            self.index.find(row.hash, same).map(|(_, at)| *at)
        });
        let Some(at) = at else {
            return self.add(number);
        };
        let held = &mut self.entries[at as usize];
        if row.entry.at >= held.at {
            // The old text's memory becomes the next waiting row's.
            std::mem::swap(held, &mut row.entry);
        }
    }

    fn add(&mut self, number: usize) {
        let row = &mut self.waiting[number];
        let Self {
            entries,
            index,
            hasher,
            ..
        } = self;
        let slot = (row.tag(), entries.len() as u32);
        entries.push(std::mem::take(&mut row.entry));
        index.insert_unique(row.hash, slot, |(_, at)| {
            hasher.hash_one(entries[*at as usize].key())
        });
    }

    pub(super) fn people(&self) -> usize {
        let mut emails: Vec<&str> = self.entries.iter().map(|entry| entry.part(0)).collect();
        emails.sort_unstable();
        emails.dedup();
        emails.len()
    }

    pub(super) fn states(&self) -> impl ExactSizeIterator<Item = State<'_>> {
        self.entries.iter().map(|entry| State { entry })
    }

    /// How many people have a state of each check, and how many of them one that failed.
    pub(super) fn checks(&self) -> Vec<CheckSummary<'_>> {
        let mut seen: Vec<(&str, &str, bool)> = self
            .entries
            .iter()
            .map(|entry| (entry.part(2), entry.part(0), entry.passed))
            .collect();
        // `false` sorts first, so that of one person's devices the failing one is kept.
        seen.sort_unstable();
        seen.dedup_by_key(|(check, email, _)| (*check, *email));
        seen.chunk_by(|a, b| a.0 == b.0)
            .map(|group| CheckSummary {
                check: group[0].0,
                people: group.len() as u64,
                failing: group.iter().filter(|(_, _, passed)| !passed).count() as u64,
            })
            .collect()
    }
}

/// Appends a value's JSON and tells how long it is. Text that is too long is cut at a character.
fn append(details: &mut String, json: &str) -> u16 {
    let before = details.len();
    if json.len() <= DETAIL {
        details.push_str(json);
    } else {
        let text = display(json);
        let mut end = text.len().min(DETAIL / 2);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let cut = format!("{}{CUT}", &text[..end]);
        details.push_str(&serde_json::to_string(&cut).unwrap_or_default());
    }
    // At most `DETAIL`, or twelve times half of it: a control character is six bytes of JSON.
    u16::try_from(details.len() - before).unwrap_or_default()
}

/// A JSON value for people: text without its quotes, anything else in the least space.
fn display(json: &str) -> Cow<'_, str> {
    if !json.starts_with('"') {
        return compact(json);
    }
    match json.get(1..json.len().saturating_sub(1)) {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => serde_json::from_str::<String>(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

/// Drops the white space outside strings.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Cow::Borrowed(json);
    }
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|char| {
        let keep = in_string || !char.is_ascii_whitespace();
        match char {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && *char == '\\' && !escaped;
        keep
    });
    Cow::Owned(kept.collect())
}

/// People per check, for the storm brake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSummary<'r> {
    /// Name of the check.
    pub check: &'r str,
    /// Distinct people with a state of it.
    pub people: u64,
    /// Those of them with at least one device that fails it.
    pub failing: u64,
}

/// The newest verdict on one person's device and check.
#[derive(Debug, Clone, Copy)]
pub struct State<'r> {
    entry: &'r Entry,
}

impl<'r> State<'r> {
    /// The person, trimmed and in lower case.
    #[must_use]
    pub fn email(&self) -> &'r str {
        self.entry.part(0)
    }

    /// Identifies the device; empty if the log does not tell.
    #[must_use]
    pub fn device(&self) -> &'r str {
        self.entry.part(1)
    }

    /// Name of the check, as the log writes it.
    #[must_use]
    pub fn check(&self) -> &'r str {
        self.entry.part(2)
    }

    /// The verdict.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.entry.passed
    }

    /// When the check was evaluated.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.entry.at)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Number of the row that won, from 1.
    #[must_use]
    pub const fn row(&self) -> u64 {
        self.entry.row
    }

    /// Where that row starts in the decompressed text, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.entry.offset
    }

    /// Type of the check, if the log tells: `disk_encryption`, `os_version`, …
    #[must_use]
    pub fn check_type(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::CheckType)
    }

    /// What should be. Objects are compact JSON; text beyond 1 KiB is cut and ends in `…`.
    #[must_use]
    pub fn expected(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::Expected)
    }

    /// What is, in the same form.
    #[must_use]
    pub fn actual(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::Actual)
    }

    /// Operating system, as the log writes it: `windows`, `mac`, …
    #[must_use]
    pub fn os(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::Os)
    }

    /// Its version.
    #[must_use]
    pub fn os_version(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::OsVersion)
    }

    /// The device's name.
    #[must_use]
    pub fn device_name(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::DeviceName)
    }

    /// The device's model.
    #[must_use]
    pub fn device_model(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::DeviceModel)
    }

    /// The device's serial number.
    #[must_use]
    pub fn device_serial(&self) -> Option<Cow<'r, str>> {
        self.detail(Field::DeviceSerial)
    }

    fn detail(&self, field: Field) -> Option<Cow<'r, str>> {
        let index = DETAILS.iter().position(|detail| *detail == field)?;
        let json = self.entry.part(KEY + index);
        let text = display(json);
        (!text.is_empty()).then_some(text)
    }
}
