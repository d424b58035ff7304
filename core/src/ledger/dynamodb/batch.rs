//! Many items at once. DynamoDB may do a part of a batch and hand the rest back, which is sent again more and more slowly.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
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
        let found: Vec<_> = stream::iter(chunks(keys, READ_AT_ONCE))
            .map(|batch| self.get_batch(action, batch))
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Writes items, replacing those of the same keys. No key may occur twice. A batch is made when its turn comes:
    /// not all of a large number of items are in memory.
    pub(super) async fn put_all<T: Send>(
        &self,
        action: &'static str,
        values: Vec<T>,
        item_of: impl Fn(T) -> Result<Attributes, LedgerError> + Send + Sync,
    ) -> Result<(), LedgerError> {
        let item_of = &item_of;
        stream::iter(chunks(values, WRITTEN_AT_ONCE))
            .map(|batch| async move {
                let requests = batch
                    .into_iter()
                    .map(|value| put_request(action, item_of(value)?))
                    .collect::<Result<Vec<_>, _>>()?;
                self.put_batch(action, requests).await
            })
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

fn chunks<T>(values: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut values = values.into_iter();
    std::iter::from_fn(move || Some(values.by_ref().take(size).collect()))
        .take_while(|chunk: &Vec<T>| !chunk.is_empty())
}

fn put_request(action: &'static str, item: Attributes) -> Result<WriteRequest, LedgerError> {
    let put = PutRequest::builder()
        .set_item(Some(item))
        .build()
        .map_err(|error| LedgerError::Unavailable {
            action,
            source: Box::new(error),
        })?;
    Ok(WriteRequest::builder().put_request(put).build())
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
