//! A copy of a list's items, so that no run has to read hundreds of pages to learn what it wrote itself.
//!
//! Lines, packed: `id`, tab, network, tab, comment. The id is empty for what was added and not read back: Cloudflare does not
//! tell ids when it takes items.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

const FIRST_LINE: &str = "eil-items 1\n";

/// An item as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// Empty where it is not known.
    pub id: &'a str,
    pub ip: &'a str,
    pub comment: &'a str,
}

/// A copy in the making.
pub struct Copying {
    packed: ZlibEncoder<Vec<u8>>,
    line: String,
    /// Items whose id is not known.
    pub unknown_ids: u64,
    pub items: u64,
}

impl Default for Copying {
    fn default() -> Self {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory does not fail; should it, the copy is refused when it is read.
        let _ = packed.write_all(FIRST_LINE.as_bytes());
        Self {
            packed,
            line: String::new(),
            unknown_ids: 0,
            items: 0,
        }
    }
}

impl Copying {
    pub fn push(&mut self, item: Kept<'_>) {
        self.line.clear();
        for (index, field) in [item.id, item.ip, item.comment].into_iter().enumerate() {
            if index > 0 {
                self.line.push('\t');
            }
            // A person's comment may hold anything; what it says is not compared.
            self.line
                .extend(field.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        self.line.push('\n');
        self.items += 1;
        self.unknown_ids += u64::from(item.id.is_empty());
        // As above.
        let _ = self.packed.write_all(self.line.as_bytes());
    }

    /// The packed copy.
    pub fn finish(self) -> Vec<u8> {
        self.packed.finish().unwrap_or_default()
    }
}

/// Why a copy cannot be read. The list itself can.
#[derive(Debug, thiserror::Error)]
#[error("the copy of the list cannot be read at line {line}: {reason}")]
pub struct Spoilt {
    line: u64,
    reason: String,
}

/// Hands over every item of a copy, and says how many there were.
///
/// # Errors
/// When it is not whole. What was handed over until then is not to be used.
pub fn each(packed: &[u8], mut item: impl FnMut(Kept<'_>)) -> Result<u64, Spoilt> {
    let mut reader = BufReader::with_capacity(64 * 1024, ZlibDecoder::new(packed));
    let mut line = String::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let spoilt = |reason: &str| Spoilt {
            line: number,
            reason: reason.to_owned(),
        };
        let read = reader.read_line(&mut line);
        match read.map_err(|error| spoilt(&error.to_string()))? {
            0 if number == 1 => return Err(spoilt("there is nothing")),
            0 => return Ok(number - 2),
            _ if number == 1 && line == FIRST_LINE => continue,
            _ if number == 1 => return Err(spoilt("another version wrote it")),
            _ => {}
        }
        let mut fields = line.strip_suffix('\n').unwrap_or_default().splitn(3, '\t');
        let (Some(id), Some(ip), Some(comment)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(spoilt("it is no item"));
        };
        item(Kept { id, ip, comment });
    }
}

/// The copy after some items were taken out and others put in.
///
/// # Errors
/// When the old copy is not whole.
pub fn amended<'a>(
    packed: &[u8],
    gone: &HashSet<&str>,
    added: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Copying, Spoilt> {
    let mut copy = Copying::default();
    each(packed, |item| {
        if !gone.contains(item.ip) {
            copy.push(item);
        }
    })?;
    for (ip, comment) in added {
        copy.push(Kept {
            id: "",
            ip,
            comment,
        });
    }
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(packed: &[u8]) -> Vec<String> {
        let mut items = Vec::new();
        each(packed, |item| {
            items.push(format!("{}|{}|{}", item.id, item.ip, item.comment));
        })
        .unwrap();
        items
    }

    #[test]
    fn given_items_when_they_are_copied_then_they_come_back_with_any_comment() {
        let mut copy = Copying::default();
        copy.push(Kept {
            id: "a1",
            ip: "203.0.113.7",
            comment: "eil1:main s=4",
        });
        copy.push(Kept {
            id: "",
            ip: "2001:db8::/64",
            comment: "a person's\tnote\nof two lines",
        });
        assert_eq!((copy.items, copy.unknown_ids), (2, 1));
        let packed = copy.finish();
        assert_eq!(
            items(&packed),
            [
                "a1|203.0.113.7|eil1:main s=4",
                "|2001:db8::/64|a person's note of two lines"
            ]
        );
        for end in 0..packed.len() - 4 {
            assert!(each(&packed[..end], |_| ()).is_err(), "{end}");
        }
    }

    #[test]
    fn given_changes_when_a_copy_is_amended_then_it_is_what_the_list_is() {
        let mut copy = Copying::default();
        for (id, ip) in [("1", "192.0.2.1"), ("2", "192.0.2.2"), ("3", "192.0.2.3")] {
            copy.push(Kept {
                id,
                ip,
                comment: "old",
            });
        }
        let gone = HashSet::from(["192.0.2.2", "192.0.2.3"]);
        let amended = amended(&copy.finish(), &gone, [("192.0.2.3", "new")].into_iter()).unwrap();
        assert_eq!(
            items(&amended.finish()),
            ["1|192.0.2.1|old", "|192.0.2.3|new"]
        );
    }
}
