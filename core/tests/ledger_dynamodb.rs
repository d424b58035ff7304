//! The ledger on DynamoDB, against two implementations of DynamoDB's interface.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use remediate_core::ledger::Retention;
use remediate_core::ledger::dynamodb::{DynamoLedger, schema};

use support::MockAws;

mod on_moto {
    use super::*;

    async fn ledger(retention: Retention) -> DynamoLedger {
        fresh(support::moto(), retention).await
    }

    remediate_core::ledger_conformance!(ledger);
}

mod on_ministack {
    use super::*;

    async fn ledger(retention: Retention) -> DynamoLedger {
        fresh(support::ministack(), retention).await
    }

    remediate_core::ledger_conformance!(ledger);
}

/// A ledger in a table of its own.
async fn fresh(server: &MockAws, retention: Retention) -> DynamoLedger {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let table = format!("ledger-{}", TABLES.fetch_add(1, Ordering::Relaxed));
    let client = client(&server.url);
    schema::create_table(&client, &table).await.unwrap();
    DynamoLedger::new(client, table, retention)
}

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}
