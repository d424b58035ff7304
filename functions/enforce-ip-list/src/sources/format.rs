//! What all adapters have in common: text by the line or JSON by the record, page after page.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::config::{Kind, SourceConfig};
use super::lines::{Line, Lines};
use super::outcome::Unusable;
use super::outline::{Outline, Piece, Shape};
use super::tally::{Intake, Position};
use super::{abuseipdb, collector, crowdsec, firehol, ipsum, misp, plain, spamhaus, stix};

/// Reads the text of a source in pieces of any size.
pub(super) trait Format: Send {
    /// Takes what the headers say of the page that is about to come, if it comes over HTTP.
    fn headers(&mut self, _headers: &HeaderMap) {}
    /// Takes the next bytes of the page.
    fn feed(&mut self, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), Unusable>;
    /// The page is complete; says whether there is another.
    fn end_page(&mut self, intake: &mut dyn Intake) -> Result<Option<Next>, Unusable>;
    /// The last page is complete; says what the source said of the whole.
    fn end(&mut self, intake: &mut dyn Intake) -> Result<Facts, Unusable>;
}

/// What a source says of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) id: Option<String>,
    pub(super) generated_at: Option<Timestamp>,
}

/// How to ask for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What the source gave for it.
    Cursor(String),
    /// So many records are known already.
    Offset(u64),
    /// Its number, counted from 1.
    Page(u64),
}

/// The adapter for a source. `name` is what a record's source is called where it names none itself.
pub(super) fn adapter(name: &str, config: &SourceConfig, now: Timestamp) -> Box<dyn Format> {
    match config.kind {
        Kind::Collector => Box::new(Json::new(collector::Collector::new(name))),
        Kind::Ipsum => Box::new(Text::new(ipsum::Ipsum::new(name, config.score))),
        Kind::Firehol => Box::new(Text::new(firehol::Firehol::new(name, config))),
        Kind::Plain => Box::new(Text::new(plain::Plain::new(name, config.score))),
        Kind::SpamhausDrop => Box::new(Text::new(spamhaus::Drop::new(name, config.score))),
        Kind::Abuseipdb => Box::new(Json::new(abuseipdb::Blacklist::new(name))),
        Kind::Crowdsec => Box::new(Json::new(crowdsec::Decisions::new(name, config, now))),
        Kind::Stix => Box::new(Json::new(stix::Indicators::new(
            name,
            config.score,
            config.max_records,
            now,
        ))),
        Kind::Misp => Box::new(Json::new(misp::Attributes::new(name, config))),
    }
}

/// A source that is text by the line.
pub(super) trait LineFormat: Send {
    /// A line that begins with `#` or `;`.
    fn comment(&mut self, _text: &str) {}
    /// Any other line that is not empty, without white space around it.
    fn entry(&mut self, at: Position, text: &str, intake: &mut dyn Intake) -> Result<(), Unusable>;
    /// A line that is an entry and cannot be read.
    fn broken_entry(&mut self) {}
    /// `open`: the last line does not end.
    fn end(&mut self, open: bool) -> Result<Facts, Unusable>;
}

/// Reads lines for a [`LineFormat`].
pub(super) struct Text<T> {
    lines: Lines,
    format: T,
    open: bool,
}

impl<T: LineFormat> Text<T> {
    fn new(format: T) -> Self {
        Self {
            lines: Lines::default(),
            format,
            open: false,
        }
    }
}

fn take_line<T: LineFormat>(
    format: &mut T,
    number: u64,
    line: &Line<'_>,
    intake: &mut dyn Intake,
) -> Result<(), Unusable> {
    let at = Position::Line(number);
    let text = match line {
        Line::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| "the line is not UTF-8"),
        Line::Overlong => Err("the line is longer than 16 KiB"),
    };
    match text.map(str::trim) {
        Ok("") => {}
        Ok(text) if text.starts_with(['#', ';']) => format.comment(text),
        Ok(text) => format.entry(at, text, intake)?,
        Err(reason) => {
            format.broken_entry();
            intake.unreadable(at, reason);
        }
    }
    Ok(())
}

impl<T: LineFormat> Format for Text<T> {
    fn feed(&mut self, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), Unusable> {
        let format = &mut self.format;
        self.lines.feed(bytes, &mut |number, line| {
            take_line(format, number, &line, intake)
        })
    }

    fn end_page(&mut self, intake: &mut dyn Intake) -> Result<Option<Next>, Unusable> {
        let format = &mut self.format;
        self.open = self
            .lines
            .finish(&mut |number, line| take_line(format, number, &line, intake))?;
        Ok(None)
    }

    fn end(&mut self, _: &mut dyn Intake) -> Result<Facts, Unusable> {
        self.format.end(self.open)
    }
}

/// A source that is JSON with a list of records.
pub(super) trait JsonFormat: Send {
    /// Where the records stand, and what else is wanted.
    const SHAPE: &'static Shape;
    /// What the headers say of the page that is about to come.
    fn headers(&mut self, _headers: &HeaderMap) {}
    /// A list of records begins.
    fn list(&mut self, _list: usize) -> Result<(), Unusable> {
        Ok(())
    }
    /// A record of the list.
    fn record(
        &mut self,
        list: usize,
        at: Position,
        bytes: &[u8],
        intake: &mut dyn Intake,
    ) -> Result<(), Unusable>;
    /// A member that was asked for.
    fn member(&mut self, member: usize, bytes: &[u8]) -> Result<(), Unusable>;
    /// Where a list was looked for there is `null` or something else.
    fn no_list(&mut self, list: usize, bytes: &[u8]) -> Result<(), Unusable> {
        let _ = (list, bytes);
        Ok(())
    }
    /// The page is complete and had so many records.
    fn end_page(
        &mut self,
        page: u32,
        records: u64,
        intake: &mut dyn Intake,
    ) -> Result<Option<Next>, Unusable>;
    fn end(&mut self, intake: &mut dyn Intake) -> Result<Facts, Unusable>;
}

/// Reads records for a [`JsonFormat`].
pub(super) struct Json<T: JsonFormat> {
    outline: Outline,
    format: T,
    page: u32,
    record: u64,
}

impl<T: JsonFormat> Json<T> {
    fn new(format: T) -> Self {
        Self {
            outline: Outline::new(T::SHAPE),
            format,
            page: 1,
            record: 0,
        }
    }
}

impl<T: JsonFormat> Format for Json<T> {
    fn headers(&mut self, headers: &HeaderMap) {
        self.format.headers(headers);
    }

    fn feed(&mut self, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), Unusable> {
        let (format, page, record) = (&mut self.format, self.page, &mut self.record);
        self.outline.feed(bytes, &mut |piece| {
            if matches!(piece, Piece::Record(..) | Piece::Overlong) {
                *record += 1;
            }
            let at = Position::Record {
                page,
                record: *record,
            };
            match piece {
                Piece::List(list) => format.list(list),
                Piece::Record(list, bytes) => format.record(list, at, bytes, intake),
                Piece::Overlong => {
                    intake.unreadable(at, "it is longer than 1 MiB");
                    Ok(())
                }
                Piece::Member(member, bytes) => format.member(member, bytes),
                Piece::NoList(list, bytes) => format.no_list(list, bytes),
            }
        })
    }

    fn end_page(&mut self, intake: &mut dyn Intake) -> Result<Option<Next>, Unusable> {
        self.outline.finish()?;
        let next = self.format.end_page(self.page, self.record, intake)?;
        self.outline = Outline::new(T::SHAPE);
        self.page = self.page.saturating_add(1);
        self.record = 0;
        Ok(next)
    }

    fn end(&mut self, intake: &mut dyn Intake) -> Result<Facts, Unusable> {
        self.format.end(intake)
    }
}

/// A record as an object of JSON.
///
/// # Errors
/// With what is wrong, fit for [`Intake::unreadable`].
pub(super) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    // A list would be taken for an object without names.
    if bytes.first() != Some(&b'{') {
        return Err(format!(
            "`{}` is no object",
            super::loose::brief(&String::from_utf8_lossy(&bytes[..bytes.len().min(256)]))
        ));
    }
    // Once for the record is cheaper than once for each text in it.
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    serde_json::from_str(text).map_err(|error| {
        let kind = if error.is_data() {
            "it is not as expected"
        } else {
            "it is no JSON"
        };
        let error = error.to_string();
        // Without the column, so that all records with the same fault are counted as one reason.
        let reason = error.rsplit_once(" at line ").map_or(&*error, |cut| cut.0);
        format!("{kind}: {reason}")
    })
}

/// A member beside the records; one that cannot be read says nothing.
pub(super) fn member<'a, T: Deserialize<'a> + Default>(bytes: &'a [u8]) -> T {
    serde_json::from_slice(bytes).unwrap_or_default()
}
