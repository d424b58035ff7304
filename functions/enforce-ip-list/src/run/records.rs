//! The records of a source, kept: what a source that is silent, or has nothing new, last said.
//!
//! Lines, packed: `S name` gives the next number to a name of a source; `R` is a record whose sources are such numbers; `U` is
//! one that could not be read. Addresses are kept as the source wrote them, so that a later version may judge them anew.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;

use crate::threat::{Report, Sink};

const FIRST_LINE: &str = "eil-records 1";

/// Records on their way into the store.
pub struct Recording {
    packed: ZlibEncoder<Vec<u8>>,
    names: HashMap<String, u32>,
    line: String,
}

impl Default for Recording {
    fn default() -> Self {
        let mut recording = Self {
            packed: ZlibEncoder::new(Vec::new(), Compression::fast()),
            names: HashMap::new(),
            line: FIRST_LINE.to_owned(),
        };
        recording.end_line();
        recording
    }
}

impl Recording {
    /// The packed records.
    pub fn finish(self) -> Vec<u8> {
        // Writing into memory does not fail; should it, an empty body is refused when it is read.
        self.packed.finish().unwrap_or_default()
    }

    fn end_line(&mut self) {
        self.line.push('\n');
        // As above.
        let _ = self.packed.write_all(self.line.as_bytes());
        self.line.clear();
    }

    fn number_of(&mut self, name: &str) -> u32 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.insert(name.to_owned(), number);
        let mut line = std::mem::take(&mut self.line);
        self.line.push_str("S\t");
        push_field(&mut self.line, name);
        self.end_line();
        std::mem::swap(&mut self.line, &mut line);
        number
    }
}

/// No field holds what ends a field.
fn push_field(line: &mut String, text: &str) {
    line.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
}

impl Sink for Recording {
    fn report(&mut self, report: &Report<'_>) {
        let numbers: Vec<u32> = report
            .sources
            .iter()
            .map(|name| self.number_of(name))
            .collect();
        let moment =
            |at: Option<Timestamp>| at.map(|at| at.as_second().to_string()).unwrap_or_default();
        self.line.push_str("R\t");
        push_field(&mut self.line, report.address);
        let score = report
            .score
            .map(|score| score.to_string())
            .unwrap_or_default();
        let rest = [
            score,
            u8::from(report.allow_listed).to_string(),
            moment(report.last_seen),
            moment(report.expires_at),
            numbers
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(","),
        ];
        for field in rest {
            self.line.push('\t');
            self.line.push_str(&field);
        }
        self.end_line();
    }

    fn unreadable(&mut self, position: &str, reason: &str) {
        self.line.push_str("U\t");
        push_field(&mut self.line, position);
        self.line.push('\t');
        push_field(&mut self.line, reason);
        self.end_line();
    }
}

/// Why kept records cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the kept records cannot be read at line {line}: {reason}")]
pub struct Spoilt {
    line: u64,
    reason: String,
}

/// Hands kept records on, in the order they came in.
///
/// # Errors
/// When they are not whole. What was handed on until then is not to be used.
pub fn replay(packed: &[u8], sink: &mut dyn Sink) -> Result<u64, Spoilt> {
    let mut reader = BufReader::with_capacity(64 * 1024, ZlibDecoder::new(packed));
    let mut names: Vec<String> = Vec::new();
    let mut line = String::new();
    let (mut number, mut records) = (0, 0);
    loop {
        line.clear();
        number += 1;
        let spoilt = |reason: String| Spoilt {
            line: number,
            reason,
        };
        let read = reader.read_line(&mut line);
        if read.map_err(|error| spoilt(error.to_string()))? == 0 {
            return if number > 1 {
                Ok(records)
            } else {
                Err(spoilt("there is nothing".to_owned()))
            };
        }
        let text = line
            .strip_suffix('\n')
            .ok_or_else(|| spoilt("it is cut off".to_owned()))?;
        if number == 1 {
            if text == FIRST_LINE {
                continue;
            }
            return Err(spoilt("another version wrote them".to_owned()));
        }
        match text.split_once('\t') {
            Some(("S", name)) => names.push(name.to_owned()),
            Some(("U", rest)) => {
                let (position, reason) = rest.split_once('\t').unwrap_or((rest, ""));
                sink.unreadable(position, reason);
            }
            Some(("R", rest)) => {
                record(rest, &names, sink).ok_or_else(|| spoilt("it is no record".to_owned()))?;
                records += 1;
            }
            _ => return Err(spoilt("it is no record".to_owned())),
        }
    }
}

fn record(text: &str, names: &[String], sink: &mut dyn Sink) -> Option<()> {
    let mut fields = text.split('\t');
    let address = fields.next()?;
    let score = optional(fields.next()?, |text| text.parse().ok())?;
    let allow_listed = fields.next()? == "1";
    let moment = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
    let last_seen = optional(fields.next()?, moment)?;
    let expires_at = optional(fields.next()?, moment)?;
    let numbers = fields.next()?;
    let mut sources = Vec::with_capacity(4);
    for number in numbers.split(',').filter(|number| !number.is_empty()) {
        sources.push(names.get(number.parse::<usize>().ok()?)?.as_str());
    }
    sink.report(&Report {
        address,
        score,
        sources: &sources,
        allow_listed,
        last_seen,
        expires_at,
    });
    Some(())
}

/// An empty field is nothing; one that is not empty has to be what it should be.
fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() {
        Some(None)
    } else {
        parse(text).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Seen(Vec<String>);

    impl Sink for Seen {
        fn report(&mut self, report: &Report<'_>) {
            self.0.push(format!("{report:?}"));
        }

        fn unreadable(&mut self, position: &str, reason: &str) {
            self.0.push(format!("{position}: {reason}"));
        }
    }

    fn feed(sink: &mut dyn Sink) {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        for (address, score, sources) in [
            ("203.0.113.7", Some(3.9), &["ipsum", "et"][..]),
            ("2001:db8::/64", Some(f64::NAN), &["et"][..]),
            ("not an address", None, &[][..]),
        ] {
            sink.report(&Report {
                address,
                score,
                sources,
                allow_listed: score.is_none(),
                last_seen: Some(at),
                expires_at: None,
            });
        }
        sink.unreadable("line 3", "no score");
    }

    #[test]
    fn given_records_when_they_are_kept_then_they_come_back_as_they_were() {
        let (mut recording, mut direct, mut replayed) =
            (Recording::default(), Seen::default(), Seen::default());
        feed(&mut recording);
        feed(&mut direct);
        assert_eq!(replay(&recording.finish(), &mut replayed).unwrap(), 3);
        assert_eq!(replayed, direct);
    }

    #[test]
    fn given_kept_records_that_are_cut_off_when_they_are_read_then_that_is_an_error() {
        let mut recording = Recording::default();
        feed(&mut recording);
        let packed = recording.finish();
        for end in 0..packed.len() - 4 {
            assert!(
                replay(&packed[..end], &mut Seen::default()).is_err(),
                "{end}"
            );
        }
    }
}
