//! Rules of RDS and Aurora.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, Tag};
use remediate_core::rule::Mode;
use serde_json::{Value, json};

use crate::support::bench::in_region;
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// What an instance is made with.
#[derive(Clone, Copy, Default)]
struct Made {
    public: bool,
    upgrades: bool,
    protected: bool,
}

/// A tagged instance. Its name.
async fn instance(bench: &Bench, name: &str, made: Made) -> String {
    client(bench)
        .create_db_instance()
        .db_instance_identifier(name)
        .db_instance_class("db.t3.micro")
        .engine("postgres")
        .allocated_storage(20)
        .backup_retention_period(14)
        .master_username("root")
        .master_user_password("a-password")
        .publicly_accessible(made.public)
        .auto_minor_version_upgrade(made.upgrades)
        .deletion_protection(made.protected)
        .tags(Tag::builder().key("team").value("finance").build())
        .send()
        .await
        .unwrap();
    name.to_owned()
}

/// All that RDS says of an instance, but for how far it could be restored, which moves on by itself.
async fn described(bench: &Bench, name: &str) -> DbInstance {
    let answer = client(bench)
        .describe_db_instances()
        .db_instance_identifier(name)
        .send();
    let mut instance = answer.await.unwrap().db_instances.unwrap().remove(0);
    instance.latest_restorable_time = None;
    instance
}

struct Outdated;

#[async_trait]
impl Scene for Outdated {
    fn rule(&self) -> &'static str {
        "RDS-006"
    }

    async fn broken(&self, bench: &Bench) -> String {
        instance(bench, "orders", Made::default()).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let made = Made {
            upgrades: true,
            ..Made::default()
        };
        instance(bench, "orders", made).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(format!("{:?}", described(bench, resource).await))
    }
}

struct Public;

const PUBLIC: Made = Made {
    public: true,
    upgrades: false,
    protected: false,
};

#[async_trait]
impl Scene for Public {
    fn rule(&self) -> &'static str {
        "RDS-008"
    }

    async fn broken(&self, bench: &Bench) -> String {
        instance(bench, "orders", PUBLIC).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        instance(bench, "orders", Made::default()).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(format!("{:?}", described(bench, resource).await))
    }
}

/// A snapshot of an instance, shared with an account by number and, if asked for, with everybody. Its name.
async fn snapshot(bench: &Bench, public: bool) -> String {
    instance(bench, "orders", Made::default()).await;
    let client = client(bench);
    client
        .create_db_snapshot()
        .db_instance_identifier("orders")
        .db_snapshot_identifier("orders-friday")
        .tags(Tag::builder().key("team").value("finance").build())
        .send()
        .await
        .unwrap();
    client
        .modify_db_snapshot_attribute()
        .db_snapshot_identifier("orders-friday")
        .attribute_name("restore")
        .set_values_to_add(Some(shares(public)))
        .send()
        .await
        .unwrap();
    "orders-friday".to_owned()
}

fn shares(public: bool) -> Vec<String> {
    let everybody = public.then_some("all");
    let all = ["111122223333"].into_iter().chain(everybody);
    all.map(str::to_owned).collect()
}

/// The same of a cluster.
async fn cluster_snapshot(bench: &Bench, public: bool) -> String {
    let client = client(bench);
    client
        .create_db_cluster()
        .db_cluster_identifier("books")
        .engine("aurora-postgresql")
        .master_username("root")
        .master_user_password("a-password")
        .send()
        .await
        .unwrap();
    client
        .create_db_cluster_snapshot()
        .db_cluster_identifier("books")
        .db_cluster_snapshot_identifier("books-friday")
        .send()
        .await
        .unwrap();
    client
        .modify_db_cluster_snapshot_attribute()
        .db_cluster_snapshot_identifier("books-friday")
        .attribute_name("restore")
        .set_values_to_add(Some(shares(public)))
        .send()
        .await
        .unwrap();
    format!(
        "arn:aws:rds:us-east-1:{}:cluster-snapshot:books-friday",
        bench.account
    )
}

/// Whom a snapshot is shared with.
async fn shared(bench: &Bench, snapshot: &str) -> Value {
    let request = client(bench).describe_db_snapshot_attributes();
    let answer = request.db_snapshot_identifier(snapshot).send().await;
    let result = answer.unwrap().db_snapshot_attributes_result.unwrap();
    json!(
        result
            .db_snapshot_attributes()
            .iter()
            .map(|attribute| sorted(attribute.attribute_name(), attribute.attribute_values()))
            .collect::<Vec<_>>()
    )
}

async fn cluster_shared(bench: &Bench, snapshot: &str) -> Value {
    let request = client(bench).describe_db_cluster_snapshot_attributes();
    let answer = request
        .db_cluster_snapshot_identifier(snapshot)
        .send()
        .await;
    let result = answer.unwrap();
    let result = result.db_cluster_snapshot_attributes_result.unwrap();
    json!(
        result
            .db_cluster_snapshot_attributes()
            .iter()
            .map(|attribute| sorted(attribute.attribute_name(), attribute.attribute_values()))
            .collect::<Vec<_>>()
    )
}

fn sorted(name: Option<&str>, values: &[String]) -> Value {
    let mut values = values.to_vec();
    values.sort();
    json!([name, values])
}

struct PublicSnapshot;

#[async_trait]
impl Scene for PublicSnapshot {
    fn rule(&self) -> &'static str {
        "RDS-023"
    }

    async fn broken(&self, bench: &Bench) -> String {
        snapshot(bench, true).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        snapshot(bench, false).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        shared(bench, resource).await
    }
}

struct PublicClusterSnapshot;

#[async_trait]
impl Scene for PublicClusterSnapshot {
    fn rule(&self) -> &'static str {
        "RDS-023"
    }

    async fn broken(&self, bench: &Bench) -> String {
        cluster_snapshot(bench, true).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        cluster_snapshot(bench, false).await
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        Some(format!(
            "arn:aws:rds:us-east-1:{}:cluster-snapshot:gone",
            bench.account
        ))
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        cluster_shared(bench, "books-friday").await
    }
}

contract!(rds_006, Outdated);
contract!(rds_008, Public);
contract!(rds_023_of_an_instance, PublicSnapshot);
contract!(rds_023_of_a_cluster, PublicClusterSnapshot);

#[tokio::test]
async fn given_other_changes_are_pending_when_a_setting_is_written_then_they_are_not_hurried() {
    for (rule, setting) in [
        ("RDS-006", "AutoMinorVersionUpgrade=true"),
        ("RDS-008", "PubliclyAccessible=false"),
    ] {
        let bench = Bench::new().await;
        let name = instance(&bench, "orders", PUBLIC).await;
        let ran = bench.repair(rule, &name).await;
        ran.assert_repaired();
        let write = ran.calls.iter().find(|call| call.writes()).unwrap();
        let asked: BTreeSet<_> = write.body.split('&').collect();
        let expected = [
            "Action=ModifyDBInstance",
            "ApplyImmediately=false",
            "DBInstanceIdentifier=orders",
            setting,
            "Version=2014-10-31",
        ];
        assert_eq!(asked, BTreeSet::from(expected));
    }
}

#[tokio::test]
async fn given_act_if_unprotected_when_an_instance_has_deletion_protection_then_a_person_is_asked()
{
    for (protected, held) in [(true, true), (false, false)] {
        let bench = Bench::told("RDS-008", &json!({ "act_if": "unprotected" })).await;
        let made = Made {
            protected,
            ..PUBLIC
        };
        let name = instance(&bench, "orders", made).await;
        let ran = bench.repair("RDS-008", &name).await;
        if held {
            assert!(
                ran.held().contains("deletion protection"),
                "{}",
                ran.outcome()
            );
            assert_eq!(ran.report().changes.len(), 1, "the repair is proposed");
        } else {
            ran.assert_repaired();
        }
        let public = described(&bench, &name).await.publicly_accessible;
        assert_eq!(public, Some(held));
    }
}

/// RDS's answer about an instance.
fn answer(status: &str, engine: &str, cluster: Option<&str>, public: bool) -> String {
    let cluster =
        cluster.map(|cluster| format!("<DBClusterIdentifier>{cluster}</DBClusterIdentifier>"));
    format!(
        "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBInstancesResult><DBInstances><DBInstance>\
         <DBInstanceIdentifier>orders</DBInstanceIdentifier><Engine>{engine}</Engine><DBInstanceStatus>{status}</DBInstanceStatus>{}\
         <PubliclyAccessible>{public}</PubliclyAccessible><AutoMinorVersionUpgrade>false</AutoMinorVersionUpgrade>\
         <PendingModifiedValues/></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>",
        cluster.unwrap_or_default()
    )
}

#[tokio::test]
async fn given_rds_shows_the_old_value_while_modifying_when_repaired_then_it_waits_for_the_new_one()
{
    let bench = Bench::new().await;
    let name = instance(&bench, "orders", PUBLIC).await;
    let describe = bench.wire.on("rds:DescribeDBInstances").nth(2);
    describe.answers(200, &answer("modifying", "postgres", None, true));
    let ran = bench.repair("RDS-008", &name).await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["rds:ModifyDBInstance"]);
}

#[tokio::test]
async fn given_an_instance_that_is_being_modified_when_reported_then_the_finding_comes_back_later()
{
    for rule in ["RDS-006", "RDS-008"] {
        let bench = Bench::new().await;
        let describe = bench.wire.on("rds:DescribeDBInstances").always();
        describe.answers(200, &answer("modifying", "postgres", None, true));
        let ran = bench.repair(rule, "orders").await;
        let error = ran.error();
        assert!(error.class().is_retryable(), "{error}");
        assert!(error.to_string().contains("being modified"), "{error}");
        assert!(ran.writes().is_empty(), "{:?}", ran.names());
    }
}

#[tokio::test]
async fn given_an_instance_that_is_busy_with_a_backup_when_rds_refuses_then_the_finding_comes_back_later()
 {
    let bench = Bench::new().await;
    let name = instance(&bench, "orders", PUBLIC).await;
    bench.wire.on("rds:ModifyDBInstance").refused(
        400,
        "InvalidDBInstanceState",
        "Instance is not available",
    );
    let ran = bench.repair("RDS-008", &name).await;
    assert!(ran.error().class().is_retryable(), "{}", ran.error());
    bench.repair("RDS-008", &name).await.assert_repaired();
}

#[tokio::test]
async fn given_a_member_of_a_multi_az_cluster_when_reported_then_it_names_the_cluster() {
    for rule in ["RDS-006", "RDS-008"] {
        let bench = Bench::new().await;
        let describe = bench.wire.on("rds:DescribeDBInstances").always();
        describe.answers(
            200,
            &answer("available", "mysql", Some("orders-multi"), true),
        );
        let ran = bench.repair(rule, "orders").await;
        assert!(
            ran.unsupported().contains("orders-multi"),
            "{}",
            ran.outcome()
        );
    }
}

#[tokio::test]
async fn given_an_availability_zone_for_a_region_when_reported_then_its_region_is_meant() {
    let bench = Bench::new().await;
    let snapshot = snapshot(&bench, true).await;
    let finding = in_region(bench.finding("RDS-023", &snapshot), Some("us-east-1b"));
    bench.run(&finding, Mode::Act).await.assert_repaired();
}

#[tokio::test]
async fn given_no_region_when_reported_then_no_region_is_guessed() {
    for rule in ["RDS-006", "RDS-008", "RDS-023"] {
        let bench = Bench::new().await;
        for region in [None, Some("global")] {
            let finding = in_region(bench.finding(rule, "orders"), region);
            let ran = bench.run(&finding, Mode::Act).await;
            assert!(ran.unsupported().contains("region"), "{}", ran.outcome());
            assert!(ran.names().is_empty(), "{:?}", ran.names());
        }
    }
}

#[tokio::test]
async fn given_the_bare_name_of_a_cluster_snapshot_when_reported_then_it_is_found_and_repaired() {
    let bench = Bench::new().await;
    cluster_snapshot(&bench, true).await;
    let ran = bench.repair("RDS-023", "books-friday").await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["rds:ModifyDBClusterSnapshotAttribute"]);
    let change = ran.change();
    assert_eq!(change.target, "DB cluster snapshot books-friday");
    assert_eq!(
        cluster_shared(&bench, "books-friday").await,
        json!([["restore", ["111122223333"]]])
    );
}

#[tokio::test]
async fn given_a_snapshot_shared_by_name_when_it_is_made_private_then_that_stays_and_is_told() {
    let bench = Bench::new().await;
    let snapshot = snapshot(&bench, true).await;
    let ran = bench.repair("RDS-023", &snapshot).await;
    ran.assert_repaired();
    assert_eq!(
        shared(&bench, &snapshot).await,
        json!([["restore", ["111122223333"]]])
    );
    let notes = ran.change().notes.join("\n");
    assert!(notes.contains("111122223333"), "{notes}");
}

#[tokio::test]
async fn given_act_if_shared_with_nobody_else_when_it_is_then_a_person_is_asked() {
    let bench = Bench::told("RDS-023", &json!({ "act_if": "shared_with_nobody_else" })).await;
    let snapshot = snapshot(&bench, true).await;
    let ran = bench.repair("RDS-023", &snapshot).await;
    assert!(ran.held().contains("111122223333"), "{}", ran.outcome());
}

#[tokio::test]
async fn given_another_account_was_added_since_when_undone_then_it_keeps_its_share() {
    let bench = Bench::new().await;
    let snapshot = snapshot(&bench, true).await;
    let ran = bench.repair("RDS-023", &snapshot).await;
    ran.assert_repaired();
    client(&bench)
        .modify_db_snapshot_attribute()
        .db_snapshot_identifier(&snapshot)
        .attribute_name("restore")
        .values_to_add("444455556666")
        .send()
        .await
        .unwrap();
    bench.undo(&ran.change().id).await.unwrap();
    assert_eq!(
        shared(&bench, &snapshot).await,
        json!([["restore", ["111122223333", "444455556666", "all"]]])
    );
}
