//! Threads: leases by conditional writes.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnRefusal,
};
use jiff::Timestamp;

use super::DynamoLedger;
use super::call::{back_off, unavailable};
use super::item::{Attributes, Item, check_size, key_text, number, text, this_second, write_id};
use crate::ledger::stored::{self, NEW_THREAD, ThreadRow};
use crate::ledger::{Acquired, Keep, Lease, LedgerError, Thread, ThreadKey};

/// Whether a conditional write held.
enum Attempt<T> {
    Written(T),
    /// It did not; this is what is there instead.
    Refused(Option<Item>),
}

impl DynamoLedger {
    pub(super) async fn read_thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError> {
        let item = self.get_thread("read a thread", key).await?;
        item.filter(|item| !item.is_expired())
            .map(|item| thread_of(key, &item))
            .transpose()
    }

    /// One round trip, unless the thread is one that DynamoDB has not removed yet although its keeping is over.
    pub(super) async fn acquire_thread(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        const ATTEMPTS: u32 = 10;
        let lease = Lease {
            owner: owner.to_owned(),
            until: stored::lease_end(now, lease),
        };
        for attempt in 1..=ATTEMPTS {
            let write = write_id();
            let refused = match self.try_acquire(key, &lease, &write, now).await? {
                Attempt::Written(item) => return held(thread_of(key, &item)?),
                Attempt::Refused(item) => item,
            };
            let Some(item) = refused else { continue };
            if item.get("write_id") == Some(&write) {
                return held(thread_of(key, &item)?);
            }
            let thread = thread_of(key, &item)?;
            match thread.lease {
                Some(other) if other.until > now => {
                    return Ok(Acquired::Busy { until: other.until });
                }
                _ if item.is_expired() => {
                    let new = Thread {
                        version: thread.version + 1,
                        lease: Some(lease.clone()),
                        ..Thread::new(key.clone(), now)
                    };
                    let condition = Condition::version(thread.version);
                    match self.put_thread(&new, condition, "acquire a thread").await? {
                        Attempt::Written(()) => return held(new),
                        Attempt::Refused(_) => {}
                    }
                }
                // It was let go between the write and the look at it.
                _ => {}
            }
            back_off(attempt).await;
        }
        Err(LedgerError::Conflict {
            key: stored::name_of_thread(key),
        })
    }

    async fn try_acquire(
        &self,
        key: &ThreadKey,
        lease: &Lease,
        write: &AttributeValue,
        now: Timestamp,
    ) -> Result<Attempt<Item>, LedgerError> {
        const ACTION: &str = "acquire a thread";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(thread_key(key)))
            .update_expression(
                "SET version = if_not_exists(version, :none) + :one, lease_owner = :owner, lease_until = :until, updated_at = :now, expires_at = :expires, write_id = :write",
            )
            .condition_expression(
                "(attribute_not_exists(lease_until) OR lease_until <= :now) \
                 AND (attribute_not_exists(expires_at) OR expires_at > :second)",
            )
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":until", number(stored::nanoseconds(lease.until)))
            .expression_attribute_values(":now", number(stored::nanoseconds(now)))
            .expression_attribute_values(":expires", number(self.thread_expiry(Some(lease))))
            .expression_attribute_values(":second", this_second())
            .expression_attribute_values(":write", write.clone())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnRefusal::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let attributes = answer.attributes.unwrap_or_default();
                Ok(Attempt::Written(Item::read(
                    stored::name_of_thread(key),
                    attributes,
                )))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    let there = refusal.item().cloned();
                    self.refused(ACTION, key, there).await
                }
                _ => Err(unavailable(ACTION)(error)),
            },
        }
    }

    pub(super) async fn save_thread(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let conflict = || LedgerError::Conflict {
            key: stored::name_of_thread(&thread.key),
        };
        let held = thread.lease.clone().ok_or_else(conflict)?;
        let condition = Condition {
            owner: Some(held.owner.clone()),
            ..Condition::version(thread.version)
        };
        let next = Thread {
            version: thread.version + 1,
            lease: (keep == Keep::Lease).then_some(held),
            updated_at: now,
            ..thread.clone()
        };
        match self.put_thread(&next, condition, "save a thread").await? {
            Attempt::Written(()) => {
                *thread = next;
                Ok(())
            }
            Attempt::Refused(_) => Err(conflict()),
        }
    }

    async fn put_thread(
        &self,
        thread: &Thread,
        condition: Condition,
        action: &'static str,
    ) -> Result<Attempt<()>, LedgerError> {
        let write = write_id();
        let item = self.thread_item(thread, &write)?;
        let (expression, values) = condition.expression();
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(expression)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(OnRefusal::AllOld)
            .send()
            .await;
        let Err(error) = answer else {
            return Ok(Attempt::Written(()));
        };
        let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error()
        else {
            return Err(unavailable(action)(error));
        };
        let there = refusal.item().cloned();
        match self.refused(action, &thread.key, there).await? {
            Attempt::Refused(Some(item)) if item.get("write_id") == Some(&write) => {
                Ok(Attempt::Written(()))
            }
            other => Ok(other),
        }
    }

    /// What a failed condition met. DynamoDB says; where it does not, it is read.
    async fn refused<T>(
        &self,
        action: &'static str,
        key: &ThreadKey,
        there: Option<Attributes>,
    ) -> Result<Attempt<T>, LedgerError> {
        let item = match there {
            Some(attributes) => Some(Item::read(stored::name_of_thread(key), attributes)),
            None => self.get_thread(action, key).await?,
        };
        Ok(Attempt::Refused(item))
    }

    async fn get_thread(
        &self,
        action: &'static str,
        key: &ThreadKey,
    ) -> Result<Option<Item>, LedgerError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(thread_key(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable(action))?;
        let name = stored::name_of_thread(key);
        Ok(answer.item.map(|attributes| Item::read(name, attributes)))
    }

    fn thread_item(
        &self,
        thread: &Thread,
        write: &AttributeValue,
    ) -> Result<Attributes, LedgerError> {
        let mut item = thread_key(&thread.key);
        item.extend([
            ("version".to_owned(), number(thread.version)),
            ("write_id".to_owned(), write.clone()),
            (
                "updated_at".to_owned(),
                number(stored::nanoseconds(thread.updated_at)),
            ),
            (
                "expires_at".to_owned(),
                number(self.thread_expiry(thread.lease.as_ref())),
            ),
            ("body".to_owned(), text(stored::thread_body(thread)?)),
        ]);
        if let Some(lease) = &thread.lease {
            item.extend([
                ("lease_owner".to_owned(), text(&lease.owner)),
                (
                    "lease_until".to_owned(),
                    number(stored::nanoseconds(lease.until)),
                ),
            ]);
        }
        check_size(&stored::name_of_thread(&thread.key), &item)?;
        Ok(item)
    }

    /// A thread that is held is kept at least until its lease ends.
    fn thread_expiry(&self, lease: Option<&Lease>) -> i64 {
        let idle = stored::expires_at(self.retention.closed);
        lease.map_or(idle, |lease| idle.max(lease.until.as_second()))
    }
}

/// What a stored thread must be for a write to hold.
struct Condition {
    version: u64,
    owner: Option<String>,
}

impl Condition {
    fn version(version: u64) -> Self {
        Self {
            version,
            owner: None,
        }
    }

    fn expression(self) -> (&'static str, Attributes) {
        let mut values = Attributes::from([(":version".to_owned(), number(self.version))]);
        match self.owner {
            None => ("version = :version", values),
            Some(owner) => {
                values.insert(":owner".to_owned(), text(owner));
                ("version = :version AND lease_owner = :owner", values)
            }
        }
    }
}

fn held(thread: Thread) -> Result<Acquired, LedgerError> {
    Ok(Acquired::Held(Box::new(thread)))
}

fn thread_key(key: &ThreadKey) -> Attributes {
    let whole = format!("THREAD#{}#{}", key.function, key.group);
    Attributes::from([
        ("pk".to_owned(), text(key_text(&whole))),
        ("sk".to_owned(), text("STATE")),
    ])
}

fn thread_of(key: &ThreadKey, item: &Item) -> Result<Thread, LedgerError> {
    let lease = match item.optional_text("lease_owner") {
        None => None,
        Some(owner) => Some(Lease {
            owner,
            until: stored::timestamp(item.number("lease_until")?),
        }),
    };
    let row = ThreadRow {
        version: item.number("version")?,
        lease,
        updated_at: stored::timestamp(item.number("updated_at")?),
        // None until the first save.
        body: item
            .optional_text("body")
            .unwrap_or_else(|| NEW_THREAD.to_owned()),
    };
    row.into_thread(key)
}
