//! Many items at once. DynamoDB may do a part of a batch and hand the rest back, which is sent again more and more slowly.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, WriteRequest};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::DynamoLedger;
use super::call::{back_off, unavailable};
use super::item::Attributes;
use crate::ledger::LedgerError;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const READ_AT_ONCE: usize = 100;
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const WRITTEN_AT_ONCE: usize = 25;
/// Batches that are under way together.
const CONCURRENT: usize = 8;
/// Together about ten seconds of waiting without any progress.
const ATTEMPTS: u32 = 12;

impl DynamoLedger {
    /// Those of the items that exist, in no order. No key may occur twice.
    pub(super) async fn get_all(
        &self,
        action: &'static str,
        keys: Vec<Attributes>,
    ) -> Result<Vec<Attributes>, LedgerError> {
        let batches = keys
            .chunks(READ_AT_ONCE)
            .map(|batch| self.get_batch(action, batch.to_vec()));
        let found: Vec<_> = stream::iter(batches.collect::<Vec<_>>())
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(found.concat())
    }

    /// Writes the items, replacing those of the same keys. No key may occur twice.
    pub(super) async fn put_all(
        &self,
        action: &'static str,
        requests: Vec<WriteRequest>,
    ) -> Result<(), LedgerError> {
        let batches = requests
            .chunks(WRITTEN_AT_ONCE)
            .map(|batch| self.put_batch(action, batch.to_vec()));
        stream::iter(batches.collect::<Vec<_>>())
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }

    async fn get_batch(
        &self,
        action: &'static str,
        keys: Vec<Attributes>,
    ) -> Result<Vec<Attributes>, LedgerError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut left = keys;
        let mut vain = 0;
        loop {
            let asked = left.len();
            let request = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| LedgerError::Unavailable {
                    action,
                    source: Box::new(error),
                })?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await
                .map_err(unavailable(action))?;
            // The request names one table, so whatever the answer calls it (by its ARN, it may be) is that table.
            found.extend(
                answer
                    .responses
                    .into_iter()
                    .flat_map(HashMap::into_values)
                    .flatten(),
            );
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            left = unprocessed
                .into_values()
                .flat_map(|request| request.keys)
                .collect();
            if left.is_empty() {
                return Ok(found);
            }
            wait_in_vain(action, asked, left.len(), &mut vain).await?;
        }
    }

    async fn put_batch(
        &self,
        action: &'static str,
        requests: Vec<WriteRequest>,
    ) -> Result<(), LedgerError> {
        let mut left = requests;
        let mut vain = 0;
        loop {
            let asked = left.len();
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, left)
                .send()
                .await
                .map_err(unavailable(action))?;
            let unprocessed = answer.unprocessed_items.unwrap_or_default();
            left = unprocessed.into_values().flatten().collect();
            if left.is_empty() {
                return Ok(());
            }
            wait_in_vain(action, asked, left.len(), &mut vain).await?;
        }
    }
}

/// Waits before the rest is sent again; gives up when too many attempts in a row did nothing at all.
async fn wait_in_vain(
    action: &'static str,
    asked: usize,
    left: usize,
    vain: &mut u32,
) -> Result<(), LedgerError> {
    *vain = if left < asked { 1 } else { *vain + 1 };
    if *vain > ATTEMPTS {
        return Err(LedgerError::Unavailable {
            action,
            source: format!("DynamoDB left {left} items undone {ATTEMPTS} times in a row: the table is throttled").into(),
        });
    }
    back_off(*vain).await;
    Ok(())
}
