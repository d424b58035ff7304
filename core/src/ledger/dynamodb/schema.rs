//! The table as data, for whoever makes it: the template, and tests.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};

use super::call::unavailable;
use crate::ledger::LedgerError;

/// The keys of a table or of an index. All key attributes are strings (`S`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The `HASH` key.
    pub partition: &'static str,
    /// The `RANGE` key.
    pub sort: &'static str,
}

/// A global secondary index with projection `ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    pub keys: Keys,
}

/// A table, billed per request (`PAY_PER_REQUEST`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub keys: Keys,
    pub indexes: [Index; 3],
    /// The time-to-live attribute: seconds since 1970.
    pub expires: &'static str,
}

pub(super) const BY_SUBJECT: Index = index("by_subject", "subject");
pub(super) const BY_RULE: Index = index("by_rule", "rule");
pub(super) const BY_DAY: Index = index("by_day", "day");

/// The ledger's table.
pub const TABLE: Table = Table {
    keys: Keys {
        partition: "pk",
        sort: "sk",
    },
    indexes: [BY_SUBJECT, BY_RULE, BY_DAY],
    expires: "expires_at",
};

/// What IAM must allow on the table and on `<table>/index/*`. A transaction needs the actions that it consists of.
pub const ACTIONS: [&str; 7] = [
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

const fn index(name: &'static str, partition: &'static str) -> Index {
    Index {
        name,
        keys: Keys {
            partition,
            sort: "id",
        },
    }
}

impl Table {
    /// All attributes that are part of a key, each once, sorted.
    pub fn key_attributes(&self) -> BTreeSet<&'static str> {
        self.indexes
            .iter()
            .map(|index| index.keys)
            .chain([self.keys])
            .flat_map(|keys| [keys.partition, keys.sort])
            .collect()
    }
}

/// Makes the table and waits until it can be used. The template makes that of a deployment; this is for tests and experiments.
///
/// # Errors
/// When DynamoDB refuses, or the table is not there after a minute.
pub async fn create_table(client: &Client, name: &str) -> Result<(), LedgerError> {
    const ACTION: &str = "create the table";
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(TABLE.keys)?));
    for attribute in TABLE.key_attributes() {
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(unbuildable)?,
        );
    }
    for index in TABLE.indexes {
        let projection = Projection::builder()
            .projection_type(ProjectionType::All)
            .build();
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.keys)?))
                .projection(projection)
                .build()
                .map_err(unbuildable)?,
        );
    }
    request.send().await.map_err(unavailable(ACTION))?;
    wait_until_active(client, name).await?;
    let expiry = TimeToLiveSpecification::builder()
        .attribute_name(TABLE.expires)
        .enabled(true)
        .build()
        .map_err(unbuildable)?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(expiry)
        .send()
        .await
        .map_err(unavailable(ACTION))?;
    Ok(())
}

async fn wait_until_active(client: &Client, name: &str) -> Result<(), LedgerError> {
    const ACTION: &str = "wait for the table";
    for _ in 0..240 {
        let answer = client
            .describe_table()
            .table_name(name)
            .send()
            .await
            .map_err(unavailable(ACTION))?;
        let status = answer.table.and_then(|table| table.table_status);
        if status == Some(TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(LedgerError::Unavailable {
        action: ACTION,
        source: format!("table {name} was not active after a minute").into(),
    })
}

fn key_schema(keys: Keys) -> Result<Vec<KeySchemaElement>, LedgerError> {
    [(keys.partition, KeyType::Hash), (keys.sort, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .map_err(unbuildable)
        })
        .collect()
}

fn unbuildable(error: aws_sdk_dynamodb::error::BuildError) -> LedgerError {
    LedgerError::Unavailable {
        action: "build a request",
        source: Box::new(error),
    }
}
