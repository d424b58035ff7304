//! The newest verdict of each (person, device, check).
//!
//! What grows with the log is kept small: every e-mail, device and check is stored once, and the describing
//! fields of a state are the JSON they came in, overwritten in place when a newer row arrives and decoded
//! only when somebody asks.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use super::fields::{DETAILS, Field};
use super::verdict::Verdict;

/// Describing text is cut to so many bytes: it ends up in a message or a ticket.
const DETAIL: usize = 2_048;
/// Ends a text that was cut.
const CUT: &str = "…";

/// Strings, each once, numbered from 0.
#[derive(Debug, Default)]
struct Names {
    text: String,
    ends: Vec<usize>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Rows of one person often follow each other.
    last: u32,
}

impl Names {
    fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.text[start..self.ends[id]]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn intern(&mut self, name: &str) -> u32 {
        if !self.ends.is_empty() && self.get(self.last) == name {
            return self.last;
        }
        let hash = self.hasher.hash_one(name);
        self.last = match self.index.find(hash, |id| self.get(*id) == name) {
            Some(id) => *id,
            None => self.add(name, hash),
        };
        self.last
    }

    fn add(&mut self, name: &str, hash: u64) -> u32 {
        let id = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let Self {
            text,
            ends,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, id, |other| {
            let other = *other as usize;
            let start = if other == 0 { 0 } else { ends[other - 1] };
            hasher.hash_one(&text[start..ends[other]])
        });
        id
    }
}

#[derive(Debug)]
struct Entry {
    key: [u32; 3],
    passed: bool,
    at: i64,
    row: u64,
    offset: u64,
    /// The describing fields one after the other, `lengths` of each; 0 is absent.
    details: String,
    lengths: [u16; DETAILS.len()],
}

/// All states of a log.
#[derive(Debug, Default)]
pub(super) struct Table {
    emails: Names,
    devices: Names,
    checks: Names,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn people(&self) -> usize {
        self.emails.len()
    }

    /// Takes a verdict in, unless a newer one is held. Of equally old ones the later row wins.
    pub(super) fn put<'d>(
        &mut self,
        verdict: &Verdict<'_>,
        row: u64,
        offset: u64,
        detail: impl Fn(usize) -> Option<Cow<'d, str>>,
    ) {
        let key = [
            self.emails.intern(&verdict.email),
            self.devices.intern(&verdict.device),
            self.checks.intern(&verdict.check),
        ];
        let hash = self.hasher.hash_one(key);
        let entries = &self.entries;
        let found = self.index.find(hash, |at| entries[*at as usize].key == key);
        let entry = match found {
            Some(at) => &mut self.entries[*at as usize],
            None => self.vacant(key, hash),
        };
        if verdict.at < entry.at {
            return;
        }
        entry.passed = verdict.passed;
        entry.at = verdict.at;
        entry.row = row;
        entry.offset = offset;
        entry.details.clear();
        for index in 0..DETAILS.len() {
            entry.lengths[index] =
                detail(index).map_or(0, |json| append(&mut entry.details, &json));
        }
    }

    fn vacant(&mut self, key: [u32; 3], hash: u64) -> &mut Entry {
        let at = self.entries.len();
        self.entries.push(Entry {
            key,
            passed: false,
            at: i64::MIN,
            row: 0,
            offset: 0,
            details: String::new(),
            lengths: [0; DETAILS.len()],
        });
        let Self {
            entries,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, at as u32, |other| {
            hasher.hash_one(entries[*other as usize].key)
        });
        &mut self.entries[at]
    }

    pub(super) fn states(&self) -> impl ExactSizeIterator<Item = State<'_>> {
        self.entries
            .iter()
            .map(|entry| State { table: self, entry })
    }

    /// How many people have a state of each check, and how many of them one that failed.
    pub(super) fn checks(&self) -> Vec<CheckSummary<'_>> {
        let mut seen: Vec<(u32, u32, bool)> = self
            .entries
            .iter()
            .map(|entry| (entry.key[2], entry.key[0], entry.passed))
            .collect();
        // `false` sorts first, so that of one person's devices the failing one is kept.
        seen.sort_unstable();
        seen.dedup_by_key(|(check, email, _)| (*check, *email));
        seen.chunk_by(|a, b| a.0 == b.0)
            .map(|group| CheckSummary {
                check: self.checks.get(group[0].0),
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
    table: &'r Table,
    entry: &'r Entry,
}

impl<'r> State<'r> {
    /// The person, trimmed and in lower case.
    #[must_use]
    pub fn email(&self) -> &'r str {
        self.table.emails.get(self.entry.key[0])
    }

    /// Identifies the device; empty if the log does not tell.
    #[must_use]
    pub fn device(&self) -> &'r str {
        self.table.devices.get(self.entry.key[1])
    }

    /// Name of the check, as the log writes it.
    #[must_use]
    pub fn check(&self) -> &'r str {
        self.table.checks.get(self.entry.key[2])
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
        let start: usize = self.entry.lengths[..index]
            .iter()
            .copied()
            .map(usize::from)
            .sum();
        let json = &self.entry.details[start..start + usize::from(self.entry.lengths[index])];
        let text = display(json);
        (!text.is_empty()).then_some(text)
    }
}
