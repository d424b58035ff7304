//! The audit: one document per record, chained by hashes, so that an edit, a deletion or another order shows.
//!
//! A document is JSON lines under `audit/<number>.jsonl`, numbered from 1 without a gap:
//!
//! ```text
//! {"seq":12,"prev":"<sha-256 of document 11's lines>","at":"…","record":{…}}
//! {"change":"add","list":"eil_block","ip":"203.0.113.7","score":5,"sources":["ipsum"]}
//! …
//! {"hash":"<sha-256 of all the lines above>"}
//! ```
//!
//! The number and hash of the newest document are kept in the ledger, apart from the documents: cutting the end off shows too.
//! A document is written before the ledger learns of it; one that a crash left behind is adopted by the next run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::store::{Store, StoreError, StoreRead};

const FOLDER: &str = "audit/";
/// What the first document names as its predecessor.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The newest document, as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// 0 before the first.
    pub seq: u64,
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

/// The first line of a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header<R = Value> {
    pub seq: u64,
    pub prev: String,
    pub at: Timestamp,
    pub record: R,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    hash: String,
}

/// What is wrong with the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Damage {
    #[error("record {seq} is missing")]
    Missing { seq: u64 },
    #[error("record {seq} was changed: its lines do not have the hash it is sealed with")]
    Changed { seq: u64 },
    #[error("record {seq} cannot be read: {reason}")]
    Unreadable { seq: u64, reason: String },
    #[error("record {seq} stands in the place of another: it says it is record {says}")]
    Moved { seq: u64, says: u64 },
    #[error("record {seq} does not follow record {}: it names another predecessor", seq - 1)]
    Unchained { seq: u64 },
    #[error("the ledger knows record {seq} by another hash")]
    NotTheHead { seq: u64 },
    #[error("`{key}` is no record")]
    Foreign { key: String },
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub records: u64,
    /// Records that a crash kept from the ledger; the next run adopts them.
    pub unadopted: u64,
    pub damage: Vec<Damage>,
}

fn key(seq: u64) -> String {
    format!("{FOLDER}{seq:010}.jsonl")
}

fn seq_of(key: &str) -> Option<u64> {
    let name = key.strip_prefix(FOLDER)?.strip_suffix(".jsonl")?;
    (name.len() == 10).then(|| name.parse().ok())?
}

/// A document in the making.
pub struct Document {
    seq: u64,
    text: String,
}

impl Document {
    /// Begins the document that follows `head`.
    ///
    /// # Errors
    /// When the record has no JSON form.
    pub fn after<R: Serialize>(
        head: &Head,
        at: Timestamp,
        record: &R,
    ) -> Result<Self, serde_json::Error> {
        let seq = head.seq + 1;
        let header = Header {
            seq,
            prev: head.hash.clone(),
            at,
            record,
        };
        let mut document = Self {
            seq,
            text: String::new(),
        };
        document.line(&header)?;
        Ok(document)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn line<L: Serialize>(&mut self, line: &L) -> Result<(), serde_json::Error> {
        self.text.push_str(&serde_json::to_string(line)?);
        self.text.push('\n');
        Ok(())
    }

    /// Seals the document, stores it, and gives the new head.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn store(mut self, store: &dyn Store) -> Result<Head, StoreError> {
        let hash = digest(&self.text);
        self.text.push_str("{\"hash\":\"");
        self.text.push_str(&hash);
        self.text.push_str("\"}\n");
        store.put(&key(self.seq), self.text.into_bytes()).await?;
        Ok(Head {
            seq: self.seq,
            hash,
        })
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A document, found to be sealed with the hash of its lines.
struct Sealed {
    header: Header,
    hash: String,
    lines: Vec<String>,
}

fn open(seq: u64, body: &[u8]) -> Result<Sealed, Damage> {
    let unreadable = |reason: &str| Damage::Unreadable {
        seq,
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8"))?;
    let body = text
        .strip_suffix('\n')
        .ok_or_else(|| unreadable("its end is cut off"))?;
    let (lines, seal) = body
        .rsplit_once('\n')
        .ok_or_else(|| unreadable("it has no seal"))?;
    let seal: Seal = serde_json::from_str(seal).map_err(|_| unreadable("it has no seal"))?;
    let sealed = &text[..=lines.len()];
    if digest(sealed) != seal.hash {
        return Err(Damage::Changed { seq });
    }
    let (first, rest) = lines.split_once('\n').unwrap_or((lines, ""));
    let header =
        serde_json::from_str(first).map_err(|_| unreadable("its first line is no header"))?;
    Ok(Sealed {
        header,
        hash: seal.hash,
        lines: rest.lines().map(str::to_owned).collect(),
    })
}

/// Follows the documents that a crash left behind the ledger's head.
///
/// # Errors
/// When the store cannot be read.
pub async fn adopt(store: &dyn StoreRead, mut head: Head) -> Result<Head, StoreError> {
    while let Some(body) = store.get(&key(head.seq + 1)).await? {
        match open(head.seq + 1, &body) {
            Ok(next) if next.header.seq == head.seq + 1 && next.header.prev == head.hash => {
                head = Head {
                    seq: next.header.seq,
                    hash: next.hash,
                };
            }
            // Not ours: it will be overwritten, and a verification shows whatever it was until then.
            _ => break,
        }
    }
    Ok(head)
}

/// Checks every document: its seal, its place, its predecessor, and that the newest is the one the ledger knows.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(store: &dyn StoreRead, head: &Head) -> Result<Verdict, StoreError> {
    let mut verdict = Verdict {
        records: 0,
        unadopted: 0,
        damage: Vec::new(),
    };
    let mut last = 0;
    for key in store.list(FOLDER).await? {
        match seq_of(&key) {
            Some(seq) => last = last.max(seq),
            None => verdict.damage.push(Damage::Foreign { key }),
        }
    }
    // The hash that the next document has to name; unknown after one that cannot be read.
    let mut previous = Some(GENESIS.to_owned());
    for seq in 1..=last.max(head.seq) {
        let Some(body) = store.get(&key(seq)).await? else {
            verdict.damage.push(Damage::Missing { seq });
            previous = None;
            continue;
        };
        verdict.records += 1;
        verdict.unadopted += u64::from(seq > head.seq);
        previous = match open(seq, &body) {
            Ok(document) => {
                verdict
                    .damage
                    .extend(misplaced(seq, &document, previous.as_deref()));
                if seq == head.seq && document.hash != head.hash {
                    verdict.damage.push(Damage::NotTheHead { seq });
                }
                Some(document.hash)
            }
            Err(damage) => {
                verdict.damage.push(damage);
                None
            }
        };
    }
    Ok(verdict)
}

fn misplaced(seq: u64, document: &Sealed, previous: Option<&str>) -> Option<Damage> {
    if document.header.seq != seq {
        return Some(Damage::Moved {
            seq,
            says: document.header.seq,
        });
    }
    previous
        .is_some_and(|previous| previous != document.header.prev)
        .then_some(Damage::Unchained { seq })
}

/// A document as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub header: Header,
    pub changes: Vec<Value>,
}

/// The newest documents, newest first. What cannot be read is left to [`verify`].
///
/// # Errors
/// When the store cannot be read.
pub async fn newest(store: &dyn StoreRead, count: usize) -> Result<Vec<Shown>, StoreError> {
    let mut shown = Vec::new();
    for key in store.list(FOLDER).await?.into_iter().rev() {
        if shown.len() == count {
            break;
        }
        let Some(seq) = seq_of(&key) else { continue };
        let Some(body) = store.get(&key).await? else {
            continue;
        };
        if let Ok(document) = open(seq, &body) {
            let changes = document
                .lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            shown.push(Shown {
                header: document.header,
                changes: changes.collect(),
            });
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::store::Folder;

    struct Place(Folder, std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("eil-audit-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&dir);
            Self(Folder::new(&dir), dir)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.1);
        }
    }

    async fn write(store: &Folder, records: u64) -> Head {
        let mut head = Head::default();
        for number in 0..records {
            let mut document =
                Document::after(&head, Timestamp::UNIX_EPOCH, &json!({"n": number})).unwrap();
            document
                .line(&json!({"change": "add", "ip": "192.0.2.1"}))
                .unwrap();
            head = document.store(store).await.unwrap();
        }
        head
    }

    #[tokio::test]
    async fn given_untouched_records_when_they_are_verified_then_nothing_is_wrong() {
        let place = Place::new("sound");
        let head = write(&place.0, 4).await;
        let verdict = verify(&place.0, &head).await.unwrap();
        assert_eq!((verdict.records, verdict.damage), (4, Vec::new()));
        let newest = newest(&place.0, 2).await.unwrap();
        assert_eq!(newest[0].header.record, json!({"n": 3}));
        assert_eq!(newest[1].changes.len(), 1);
    }

    #[tokio::test]
    async fn given_an_edit_when_it_is_verified_then_the_record_is_named() {
        let place = Place::new("edit");
        let head = write(&place.0, 3).await;
        let text = String::from_utf8(place.0.get(&key(2)).await.unwrap().unwrap()).unwrap();
        place
            .0
            .put(&key(2), text.replace("192.0.2.1", "192.0.2.2").into_bytes())
            .await
            .unwrap();
        let verdict = verify(&place.0, &head).await.unwrap();
        assert_eq!(verdict.damage, [Damage::Changed { seq: 2 }]);
    }

    #[tokio::test]
    async fn given_an_edit_that_was_sealed_anew_when_it_is_verified_then_the_next_record_tells() {
        let place = Place::new("reseal");
        let head = write(&place.0, 3).await;
        let first = Head {
            seq: 1,
            hash: open(1, &place.0.get(&key(1)).await.unwrap().unwrap())
                .unwrap()
                .hash,
        };
        let forged = Document::after(&first, Timestamp::UNIX_EPOCH, &json!({"n": 99})).unwrap();
        forged.store(&place.0).await.unwrap();
        let verdict = verify(&place.0, &head).await.unwrap();
        assert_eq!(verdict.damage, [Damage::Unchained { seq: 3 }]);
    }

    #[tokio::test]
    async fn given_a_deletion_anywhere_when_it_is_verified_then_it_shows() {
        for gone in 1..=3 {
            let place = Place::new(&format!("gone{gone}"));
            let head = write(&place.0, 3).await;
            place.0.delete(&key(gone)).await.unwrap();
            let verdict = verify(&place.0, &head).await.unwrap();
            assert_eq!(verdict.damage, [Damage::Missing { seq: gone }]);
        }
    }

    #[tokio::test]
    async fn given_two_records_in_each_others_place_when_they_are_verified_then_both_are_named() {
        let place = Place::new("swap");
        let head = write(&place.0, 3).await;
        let (one, two) = (
            place.0.get(&key(1)).await.unwrap().unwrap(),
            place.0.get(&key(2)).await.unwrap().unwrap(),
        );
        place.0.put(&key(1), two).await.unwrap();
        place.0.put(&key(2), one).await.unwrap();
        let damage = verify(&place.0, &head).await.unwrap().damage;
        assert!(
            damage.contains(&Damage::Moved { seq: 1, says: 2 }),
            "{damage:?}"
        );
        assert!(
            damage.contains(&Damage::Moved { seq: 2, says: 1 }),
            "{damage:?}"
        );
    }

    #[tokio::test]
    async fn given_a_newest_record_that_was_replaced_when_it_is_verified_then_the_ledger_tells() {
        let place = Place::new("head");
        let head = write(&place.0, 2).await;
        let first = Head {
            seq: 1,
            hash: open(1, &place.0.get(&key(1)).await.unwrap().unwrap())
                .unwrap()
                .hash,
        };
        Document::after(&first, Timestamp::UNIX_EPOCH, &json!({"n": 7}))
            .unwrap()
            .store(&place.0)
            .await
            .unwrap();
        let verdict = verify(&place.0, &head).await.unwrap();
        assert_eq!(verdict.damage, [Damage::NotTheHead { seq: 2 }]);
    }

    #[tokio::test]
    async fn given_a_crash_before_the_ledger_learnt_of_a_record_when_the_next_run_begins_then_it_is_adopted()
     {
        let place = Place::new("adopt");
        let head = write(&place.0, 2).await;
        let newer = Document::after(&head, Timestamp::UNIX_EPOCH, &json!({}))
            .unwrap()
            .store(&place.0)
            .await
            .unwrap();
        let verdict = verify(&place.0, &head).await.unwrap();
        assert_eq!((verdict.unadopted, verdict.damage), (1, Vec::new()));
        assert_eq!(adopt(&place.0, head).await.unwrap(), newer);
    }
}
