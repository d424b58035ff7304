//! Budgets and marks.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;

use super::DynamoLedger;
use super::call::{back_off, unavailable};
use super::item::{Attributes, Item, key_text, number, text, write_id};
use crate::id::RuleId;
use crate::ledger::LedgerError;
use crate::ledger::stored::{self, BUDGET_KEPT, Spent};

impl DynamoLedger {
    pub(super) async fn reserve_changes(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        // Of those who meet here one gets through each time.
        const ATTEMPTS: u32 = 60;
        let name = format!("budget of {rule}");
        for attempt in 1..=ATTEMPTS {
            let stored = self.read_budget(rule, &name).await?;
            let (version, mut spent) = match stored {
                None => (0, Spent::default()),
                Some(item) => (
                    item.number::<u64>("version")?,
                    stored::decode(&name, &item.text("body")?)?,
                ),
            };
            let granted = spent.take(wanted, per_hour, now);
            if granted == 0 || self.write_budget(rule, &name, version, &spent).await? {
                return Ok(granted);
            }
            back_off(attempt.min(4)).await;
        }
        Err(LedgerError::Conflict { key: name })
    }

    async fn read_budget(&self, rule: &RuleId, name: &str) -> Result<Option<Item>, LedgerError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(budget_key(rule)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("reserve"))?;
        Ok(answer.item.map(|attributes| Item::read(name, attributes)))
    }

    /// Whether the budget was still of that version (0: not there).
    async fn write_budget(
        &self,
        rule: &RuleId,
        name: &str,
        version: u64,
        spent: &Spent,
    ) -> Result<bool, LedgerError> {
        let write = write_id();
        let mut item = budget_key(rule);
        item.extend([
            ("version".to_owned(), number(version + 1)),
            ("write_id".to_owned(), write.clone()),
            (
                "expires_at".to_owned(),
                number(stored::expires_at(BUDGET_KEPT)),
            ),
            ("body".to_owned(), text(stored::encode(name, spent)?)),
        ]);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let request = match version {
            0 => request.condition_expression("attribute_not_exists(pk)"),
            version => request
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        let Err(error) = request.send().await else {
            return Ok(true);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                // Ours, if only the answer was lost.
                let there = self.read_budget(rule, name).await?;
                Ok(there.is_some_and(|item| item.get("write_id") == Some(&write)))
            }
            _ => Err(unavailable("reserve")(error)),
        }
    }

    pub(super) async fn read_mark(&self, name: &str) -> Result<u64, LedgerError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(mark_key(name)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("read a mark"))?;
        match answer.item {
            None => Ok(0),
            Some(attributes) => Item::read(format!("mark {name}"), attributes).number("mark"),
        }
    }

    pub(super) async fn write_mark(&self, name: &str, value: u64) -> Result<(), LedgerError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(mark_key(name)))
            .update_expression("SET mark = :value")
            .condition_expression("attribute_not_exists(mark) OR mark < :value")
            .expression_attribute_values(":value", number(value))
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        match error.as_service_error() {
            // It is that high already.
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(unavailable("raise a mark")(error)),
        }
    }
}

fn budget_key(rule: &RuleId) -> Attributes {
    Attributes::from([
        ("pk".to_owned(), text(key_text(&format!("BUDGET#{rule}")))),
        ("sk".to_owned(), text("MINUTES")),
    ])
}

fn mark_key(name: &str) -> Attributes {
    Attributes::from([
        ("pk".to_owned(), text(key_text(&format!("MARK#{name}")))),
        ("sk".to_owned(), text("MARK")),
    ])
}
