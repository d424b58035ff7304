//! Incidents, and the pointers that make up the open set.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder as Change;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::DynamoLedger;
use super::call::{back_off, unavailable};
use super::item::{Attributes, Item, check_size, key_text, number, text, this_second, write_id};
use crate::id::Fingerprint;
use crate::incident::Incident;
use crate::ledger::{LedgerError, stored};

const ACTION: &str = "write an incident";

/// Open incidents are spread over so many partitions per kind of source, so that a burst of them is not held up by one.
const SHARDS: u8 = 16;

/// How one attempt to write ended.
enum Attempt {
    Written,
    /// The condition did not hold.
    Refused,
    /// Another transaction is at the same items.
    Contended,
}

/// What the stored incident must be for the write to hold.
struct Expected {
    version: u64,
    /// The partition that its pointer is in, if it is open.
    pointer: Option<String>,
}

impl DynamoLedger {
    pub(super) async fn look_up_incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError> {
        // A request may not ask for the same item twice.
        let once: BTreeSet<_> = fingerprints.iter().copied().collect();
        let keys = once.into_iter().map(incident_key).collect();
        let mut found = HashMap::new();
        for attributes in self.get_all("look up incidents", keys).await? {
            let item = Item::read("an incident", attributes);
            if !item.is_expired() {
                let incident: Incident = stored::decode(item.text("pk")?, &item.text("body")?)?;
                found.insert(incident.fingerprint, incident);
            }
        }
        Ok(found)
    }

    pub(super) async fn list_open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError> {
        let shards = (0..SHARDS).map(|shard| self.list_shard(source, shard));
        let lists: Vec<_> = stream::iter(shards)
            .buffer_unordered(usize::from(SHARDS))
            .try_collect()
            .await?;
        Ok(lists.concat())
    }

    async fn list_shard(&self, source: &str, shard: u8) -> Result<Vec<Fingerprint>, LedgerError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pointer_partition(source, shard)))
            .projection_expression("sk")
            .into_paginator()
            .items()
            .send();
        pages
            .try_collect()
            .await
            .map_err(unavailable("list open incidents"))?
            .into_iter()
            .map(|attributes| {
                let item = Item::read("an open incident", attributes);
                let print = item.text("sk")?;
                Fingerprint::parse(&print).ok_or_else(|| LedgerError::Corrupt {
                    key: format!("open incident {print}"),
                    reason: "it is no fingerprint".to_owned(),
                })
            })
            .collect()
    }

    /// Writes the incident and its pointer. What is stored is guessed from what is written, which spares reading it first:
    /// a repeat is one conditional put. Only if the guess was wrong, it is read and the write made once more.
    pub(super) async fn write_incident(&self, incident: &Incident) -> Result<(), LedgerError> {
        const ATTEMPTS: u32 = 10;
        let name = format!("incident {}", incident.fingerprint);
        let write = write_id();
        let item = self.incident_item(&name, incident, &write)?;
        let mut expected = Expected::guess(&name, incident)?;
        for attempt in 1..=ATTEMPTS {
            match self.try_write(incident, &item, &expected).await? {
                Attempt::Written => return Ok(()),
                Attempt::Contended => back_off(attempt).await,
                Attempt::Refused => {
                    let stored = self.read_stored(&name, incident.fingerprint).await?;
                    if let Some(stored) = &stored
                        && stored.get("write_id") == Some(&write)
                    {
                        return Ok(());
                    }
                    let pointer = stored
                        .as_ref()
                        .and_then(|item| item.optional_text("open_in"));
                    let version = stored.map_or(Ok(0), |item| item.number("version"))?;
                    if version != expected.version || (attempt > 1 && pointer == expected.pointer) {
                        return Err(LedgerError::Conflict { key: name });
                    }
                    expected.pointer = pointer;
                }
            }
        }
        Err(LedgerError::Conflict { key: name })
    }

    fn incident_item(
        &self,
        name: &str,
        incident: &Incident,
        write: &AttributeValue,
    ) -> Result<Attributes, LedgerError> {
        let mut item = incident_key(incident.fingerprint);
        item.extend([
            ("version".to_owned(), number(incident.version)),
            ("write_id".to_owned(), write.clone()),
            ("body".to_owned(), text(stored::encode(name, incident)?)),
        ]);
        match pointer_of(incident) {
            Some(pointer) => item.insert("open_in".to_owned(), text(pointer)),
            None => item.insert(
                "expires_at".to_owned(),
                number(stored::expires_at(self.retention.closed)),
            ),
        };
        check_size(name, &item)?;
        Ok(item)
    }

    async fn try_write(
        &self,
        incident: &Incident,
        item: &Attributes,
        expected: &Expected,
    ) -> Result<Attempt, LedgerError> {
        let pointer = pointer_of(incident);
        let (condition, values) = expected.condition();
        if pointer == expected.pointer {
            let answer = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item.clone()))
                .condition_expression(condition)
                .set_expression_attribute_values(Some(values))
                .send()
                .await;
            return match answer {
                Ok(_) => Ok(Attempt::Written),
                Err(error) => after_put(error),
            };
        }
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build();
        let print = incident.fingerprint;
        let appear = pointer.map(|pointer| {
            Put::builder()
                .table_name(&self.table)
                .set_item(Some(pointer_key(pointer, print)))
                .build()
        });
        let vanish = expected.pointer.clone().map(|pointer| {
            Delete::builder()
                .table_name(&self.table)
                .set_key(Some(pointer_key(pointer, print)))
                .build()
        });
        let mut changes = vec![TransactWriteItem::builder().put(put.map_err(unbuildable)?)];
        if let Some(appear) = appear {
            changes.push(TransactWriteItem::builder().put(appear.map_err(unbuildable)?));
        }
        if let Some(vanish) = vanish {
            changes.push(TransactWriteItem::builder().delete(vanish.map_err(unbuildable)?));
        }
        let changes = changes.into_iter().map(Change::build).collect();
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(changes))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Attempt::Written),
            Err(error) => after_transaction(error),
        }
    }

    async fn read_stored(
        &self,
        name: &str,
        print: Fingerprint,
    ) -> Result<Option<Item>, LedgerError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(incident_key(print)))
            .consistent_read(true)
            .projection_expression("version, write_id, open_in, expires_at")
            .send()
            .await
            .map_err(unavailable(ACTION))?;
        let item = answer.item.map(|attributes| Item::read(name, attributes));
        Ok(item.filter(|item| !item.is_expired()))
    }
}

impl Expected {
    fn guess(name: &str, incident: &Incident) -> Result<Self, LedgerError> {
        let version = incident.version.checked_sub(1);
        let version = version.ok_or_else(|| LedgerError::Corrupt {
            key: name.to_owned(),
            reason: "version 0 stands for an incident that is not there: writing begins with 1"
                .to_owned(),
        })?;
        let was_open = version > 0 && (!incident.is_open() || incident.failures > 1);
        Ok(Self {
            version,
            pointer: was_open.then(|| pointer_to(incident)),
        })
    }

    fn condition(&self) -> (&'static str, Attributes) {
        if self.version == 0 {
            let values = Attributes::from([(":second".to_owned(), this_second())]);
            return ("attribute_not_exists(pk) OR expires_at <= :second", values);
        }
        let mut values = Attributes::from([(":version".to_owned(), number(self.version))]);
        match &self.pointer {
            None => (
                "version = :version AND attribute_not_exists(open_in)",
                values,
            ),
            Some(pointer) => {
                values.insert(":pointer".to_owned(), text(pointer));
                ("version = :version AND open_in = :pointer", values)
            }
        }
    }
}

fn after_put(error: SdkError<PutItemError>) -> Result<Attempt, LedgerError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Attempt::Refused),
        Some(PutItemError::TransactionConflictException(_)) => Ok(Attempt::Contended),
        _ => Err(unavailable(ACTION)(error)),
    }
}

fn after_transaction(error: SdkError<TransactWriteItemsError>) -> Result<Attempt, LedgerError> {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons()
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
            return Ok(Attempt::Contended);
        }
        _ => &[],
    };
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    // <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>, "cancellation reason codes".
    let passing = [
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ];
    if codes.contains(&"ConditionalCheckFailed") {
        Ok(Attempt::Refused)
    } else if codes.iter().any(|code| passing.contains(code)) {
        Ok(Attempt::Contended)
    } else {
        Err(unavailable(ACTION)(error))
    }
}

fn incident_key(print: Fingerprint) -> Attributes {
    Attributes::from([
        ("pk".to_owned(), text(fingerprint_partition(print))),
        ("sk".to_owned(), text(super::history::INCIDENT)),
    ])
}

/// Where everything about a fingerprint is.
pub(super) fn fingerprint_partition(print: Fingerprint) -> String {
    format!("FP#{print}")
}

fn pointer_partition(source: &str, shard: u8) -> String {
    format!("OPEN#{}#{shard}", key_text(source))
}

fn pointer_to(incident: &Incident) -> String {
    let shard = incident.fingerprint.shard(SHARDS);
    pointer_partition(&incident.finding.source.kind, shard)
}

fn pointer_of(incident: &Incident) -> Option<String> {
    incident.is_open().then(|| pointer_to(incident))
}

fn pointer_key(partition: String, print: Fingerprint) -> Attributes {
    Attributes::from([
        ("pk".to_owned(), text(partition)),
        ("sk".to_owned(), text(print.to_string())),
    ])
}

fn unbuildable(error: aws_sdk_dynamodb::error::BuildError) -> LedgerError {
    LedgerError::Unavailable {
        action: ACTION,
        source: Box::new(error),
    }
}
