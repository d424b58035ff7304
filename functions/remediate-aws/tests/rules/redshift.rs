//! Rules of Redshift. moto lacks `ModifyClusterParameterGroup`, so the parameters are played here; an answer is the documented one of
//! the service (API reference, `DescribeClusterParameters`).

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use async_trait::async_trait;
use aws_sdk_redshift::Client;
use aws_sdk_redshift::types::{Cluster, Tag};
use remediate_core::rule::Mode;
use serde_json::{Value, json};

use crate::support::bench::in_region;
use crate::support::call::Call;
use crate::support::contract::{Undo, contract};
use crate::support::{Bench, Scene};

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

/// A tagged cluster. Its name.
async fn cluster(bench: &Bench, name: &str, public: bool, group: Option<&str>) -> String {
    client(bench)
        .create_cluster()
        .cluster_identifier(name)
        .node_type("dc2.large")
        .master_username("root")
        .master_user_password("A-passw0rd")
        .publicly_accessible(public)
        .automated_snapshot_retention_period(3)
        .set_cluster_parameter_group_name(group.map(str::to_owned))
        .tags(Tag::builder().key("team").value("finance").build())
        .send()
        .await
        .unwrap();
    name.to_owned()
}

async fn retain(bench: &Bench, cluster: &str, days: i32) {
    let request = client(bench).modify_cluster().cluster_identifier(cluster);
    let request = request.automated_snapshot_retention_period(days);
    request.send().await.unwrap();
}

async fn described(bench: &Bench, cluster: &str) -> Cluster {
    let request = client(bench).describe_clusters();
    let answer = request.cluster_identifier(cluster).send().await;
    answer.unwrap().clusters.unwrap().remove(0)
}

async fn retained(bench: &Bench, cluster: &str) -> Option<i32> {
    described(bench, cluster)
        .await
        .automated_snapshot_retention_period
}

struct Public;

#[async_trait]
impl Scene for Public {
    fn rule(&self) -> &'static str {
        "RS-001"
    }

    async fn broken(&self, bench: &Bench) -> String {
        cluster(bench, "sales", true, None).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        cluster(bench, "sales", false, None).await
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(format!("{:?}", described(bench, resource).await))
    }
}

struct Forgetful;

#[async_trait]
impl Scene for Forgetful {
    fn rule(&self) -> &'static str {
        "RS-019"
    }

    async fn broken(&self, bench: &Bench) -> String {
        let cluster = cluster(bench, "sales", false, None).await;
        retain(bench, &cluster, 0).await;
        cluster
    }

    async fn sound(&self, bench: &Bench) -> String {
        let cluster = cluster(bench, "sales", false, None).await;
        retain(bench, &cluster, 35).await;
        cluster
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!(format!("{:?}", described(bench, resource).await))
    }

    fn undo(&self) -> Undo {
        Undo::Refused
    }
}

/// `enable_user_activity_logging` of the parameter groups that are played, by account and group.
static PLAYED: LazyLock<Mutex<BTreeMap<(String, String), String>>> = LazyLock::new(Mutex::default);

fn parameter(call: &Call, name: &str) -> Option<String> {
    let mut pairs = call.body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn no_such_group(group: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>ClusterParameterGroupNotFound</Code><Message>ParameterGroup not found: {group}</Message></Error></ErrorResponse>"
    );
    (404, body)
}

/// What Redshift answers of a group's parameters.
fn page(parameters: &[(&str, &str)], marker: Option<&str>) -> String {
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>"));
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| {
            format!(
                "<Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue><Source>user</Source>\
                 <DataType>boolean</DataType><AllowedValues>true,false</AllowedValues><ApplyType>static</ApplyType>\
                 <IsModifiable>true</IsModifiable></Parameter>"
            )
        })
        .collect();
    format!(
        "<DescribeClusterParametersResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><DescribeClusterParametersResult>\
         {}<Parameters>{parameters}</Parameters></DescribeClusterParametersResult></DescribeClusterParametersResponse>",
        marker.unwrap_or_default()
    )
}

/// A parameter group, whose parameters are played for the bench.
async fn group(bench: &Bench, name: &str, logging: &str) {
    client(bench)
        .create_cluster_parameter_group()
        .parameter_group_name(name)
        .parameter_group_family("redshift-1.0")
        .description("of the house")
        .tags(Tag::builder().key("team").value("finance").build())
        .send()
        .await
        .unwrap();
    play(bench, name, logging);
}

/// Plays the parameters of the account's groups, this one among them.
fn play(bench: &Bench, name: &str, logging: &str) {
    let account = bench.account.clone();
    PLAYED
        .lock()
        .unwrap()
        .insert((account.clone(), name.to_owned()), logging.to_owned());
    let reads = account.clone();
    let describe = bench.wire.on("redshift:DescribeClusterParameters");
    describe.played_by(move |call| {
        let group = parameter(call, "ParameterGroupName").unwrap();
        match PLAYED.lock().unwrap().get(&(reads.clone(), group.clone())) {
            Some(value) => {
                let parameters = [
                    ("require_ssl", "true"),
                    ("enable_user_activity_logging", value),
                ];
                (200, page(&parameters, None))
            }
            None => no_such_group(&group),
        }
    });
    let modify = bench.wire.on("redshift:ModifyClusterParameterGroup");
    modify.played_by(move |call| {
        let group = parameter(call, "ParameterGroupName").unwrap();
        let name = parameter(call, "Parameters.Parameter.1.ParameterName");
        assert_eq!(name.as_deref(), Some("enable_user_activity_logging"));
        assert_eq!(parameter(call, "Parameters.Parameter.2.ParameterName"), None);
        let value = parameter(call, "Parameters.Parameter.1.ParameterValue").unwrap();
        match PLAYED.lock().unwrap().get_mut(&(account.clone(), group.clone())) {
            Some(played) => {
                *played = value;
                let body = format!(
                    "<ModifyClusterParameterGroupResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><ModifyClusterParameterGroupResult>\
                     <ParameterGroupName>{group}</ParameterGroupName><ParameterGroupStatus>Your parameter group has been updated. If you changed only \
                     dynamic parameters, associated clusters are being modified now.</ParameterGroupStatus>\
                     </ModifyClusterParameterGroupResult></ModifyClusterParameterGroupResponse>"
                );
                (200, body)
            }
            None => no_such_group(&group),
        }
    });
}

fn logging(bench: &Bench, group: &str) -> String {
    let key = (bench.account.clone(), group.to_owned());
    PLAYED.lock().unwrap()[&key].clone()
}

struct Unlogged;

#[async_trait]
impl Scene for Unlogged {
    fn rule(&self) -> &'static str {
        "RS-023"
    }

    async fn broken(&self, bench: &Bench) -> String {
        group(bench, "audited", "false").await;
        cluster(bench, "sales", false, Some("audited")).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        group(bench, "audited", "true").await;
        cluster(bench, "sales", false, Some("audited")).await
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        play(bench, "another", "false");
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, resource: &str) -> Value {
        json!([
            logging(bench, "audited"),
            format!("{:?}", described(bench, resource).await)
        ])
    }
}

contract!(rs_001, Public);
contract!(rs_019, Forgetful);
contract!(rs_023, Unlogged);

#[tokio::test]
async fn given_any_retention_when_reported_then_it_is_raised_to_what_is_wanted_and_never_lowered() {
    for (present, expected) in [(0, 7), (1, 7), (6, 7), (7, 7), (8, 8), (35, 35)] {
        let bench = Bench::new().await;
        let cluster = cluster(&bench, "sales", false, None).await;
        retain(&bench, &cluster, present).await;
        bench.repair("RS-019", &cluster).await.report();
        assert_eq!(
            retained(&bench, &cluster).await,
            Some(expected),
            "{present}"
        );
    }
}

#[tokio::test]
async fn given_somebody_raises_it_further_meanwhile_when_repaired_then_that_stays() {
    let bench = Bench::new().await;
    let cluster = Forgetful.broken(&bench).await;
    let other = client(&bench);
    let name = cluster.clone();
    bench
        .wire
        .on("redshift:DescribeClusters")
        .nth(2)
        .after(async move {
            let request = other.modify_cluster().cluster_identifier(name);
            let request = request.automated_snapshot_retention_period(30);
            request.send().await.unwrap();
        });
    let ran = bench.repair("RS-019", &cluster).await;
    ran.assert_left_alone();
    assert_eq!(retained(&bench, &cluster).await, Some(30));
}

/// Redshift's answer about a cluster.
fn answer(status: &str, elastic_ip: Option<&str>, pending: &str) -> String {
    let elastic = elastic_ip.map(|ip| {
        format!(
            "<ElasticIpStatus><ElasticIp>{ip}</ElasticIp><Status>active</Status></ElasticIpStatus>"
        )
    });
    format!(
        "<DescribeClustersResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><DescribeClustersResult><Clusters><Cluster>\
         <ClusterIdentifier>sales</ClusterIdentifier><ClusterStatus>{status}</ClusterStatus>\
         <AutomatedSnapshotRetentionPeriod>1</AutomatedSnapshotRetentionPeriod><PubliclyAccessible>true</PubliclyAccessible>{}\
         <PendingModifiedValues>{pending}</PendingModifiedValues></Cluster></Clusters></DescribeClustersResult></DescribeClustersResponse>",
        elastic.unwrap_or_default()
    )
}

#[tokio::test]
async fn given_a_cluster_that_takes_no_change_when_reported_then_it_is_named_or_comes_back_later() {
    let private = "<PubliclyAccessible>false</PubliclyAccessible>";
    let longer = "<AutomatedSnapshotRetentionPeriod>14</AutomatedSnapshotRetentionPeriod>";
    let table = [
        ("RS-001", "modifying", ""),
        ("RS-019", "modifying", ""),
        ("RS-001", "available", private),
        ("RS-019", "available", longer),
    ];
    for (rule, status, pending) in table {
        let bench = Bench::new().await;
        let describe = bench.wire.on("redshift:DescribeClusters").always();
        describe.answers(200, &answer(status, None, pending));
        let ran = bench.repair(rule, "sales").await;
        assert!(ran.error().class().is_retryable(), "{}", ran.error());
        assert!(ran.writes().is_empty(), "{:?}", ran.names());
    }
    for rule in ["RS-001", "RS-019"] {
        let bench = Bench::new().await;
        let describe = bench.wire.on("redshift:DescribeClusters").always();
        describe.answers(200, &answer("paused", None, ""));
        let ran = bench.repair(rule, "sales").await;
        assert!(ran.unsupported().contains("resume it"), "{}", ran.outcome());
    }
}

#[tokio::test]
async fn given_an_elastic_address_when_undone_then_redshift_is_asked_for_it_again() {
    let bench = Bench::new().await;
    let cluster = cluster(&bench, "sales", true, None).await;
    let describe = bench.wire.on("redshift:DescribeClusters");
    describe.answers(200, &answer("available", Some("198.51.100.7"), ""));
    let ran = bench.repair("RS-001", &cluster).await;
    ran.assert_repaired();
    let change = ran.change();
    assert!(
        change.summary.contains("198.51.100.7"),
        "{}",
        change.summary
    );
    bench.wire.forget();
    // moto knows nothing of the address, so that it is not read back.
    let undone = bench.undo(&change.id).await;
    assert!(undone.is_err(), "{undone:?}");
    let calls = bench.wire.calls();
    let write = calls.iter().find(|call| call.writes()).unwrap();
    assert!(
        write.body.contains("PubliclyAccessible=true"),
        "{}",
        write.body
    );
    assert!(
        write.body.contains("ElasticIp=198.51.100.7"),
        "{}",
        write.body
    );
}

#[tokio::test]
async fn given_the_name_of_a_parameter_group_when_reported_then_it_is_repaired_and_its_clusters_are_told()
 {
    let bench = Bench::new().await;
    group(&bench, "audited", "false").await;
    cluster(&bench, "sales", false, Some("audited")).await;
    cluster(&bench, "stock", false, Some("audited")).await;
    cluster(&bench, "other", false, None).await;
    let ran = bench.repair("RS-023", "audited").await;
    ran.assert_repaired();
    assert_eq!(logging(&bench, "audited"), "true");
    let notes = &ran.change().notes;
    let reboot = notes
        .iter()
        .any(|note| note.contains("reboot") && note.contains("sales") && note.contains("stock"));
    assert!(reboot, "{notes:?}");
    assert!(!notes.join(" ").contains("other"), "{notes:?}");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("audit logging is off")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn given_the_arn_of_a_parameter_group_when_a_cluster_has_its_name_then_the_group_is_meant() {
    let bench = Bench::new().await;
    group(&bench, "audited", "false").await;
    group(&bench, "others", "false").await;
    cluster(&bench, "audited", false, Some("others")).await;
    let arn = format!(
        "arn:aws:redshift:us-east-1:{}:parametergroup:audited",
        bench.account
    );
    bench.repair("RS-023", &arn).await.assert_repaired();
    assert_eq!(logging(&bench, "audited"), "true");
    assert_eq!(logging(&bench, "others"), "false");
}

#[tokio::test]
async fn given_the_default_parameter_group_when_reported_then_it_says_how_to_make_another() {
    let bench = Bench::new().await;
    play(&bench, "default.redshift-1.0", "false");
    let cluster = cluster(&bench, "sales", false, None).await;
    for resource in [cluster.as_str(), "default.redshift-1.0"] {
        let ran = bench.repair("RS-023", resource).await;
        let because = ran.unsupported();
        assert!(because.contains("default.redshift-1.0"), "{because}");
        assert!(because.contains("make one"), "{because}");
    }
}

#[tokio::test]
async fn given_the_parameter_is_on_another_page_when_reported_then_it_is_found() {
    let bench = Bench::new().await;
    group(&bench, "audited", "false").await;
    let cluster = cluster(&bench, "sales", false, Some("audited")).await;
    let first = page(&[("require_ssl", "true")], Some("next"));
    let describe = bench.wire.on("redshift:DescribeClusterParameters");
    describe.answers(200, &first);
    let ran = bench.repair("RS-023", &cluster).await;
    ran.assert_repaired();
    let pages = ran
        .calls
        .iter()
        .filter(|call| call.body.contains("Marker=next"));
    assert_eq!(pages.count(), 1);
}

#[tokio::test]
async fn given_no_region_when_reported_then_no_region_is_guessed() {
    let bench = Bench::new().await;
    for rule in ["RS-001", "RS-019", "RS-023"] {
        let finding = in_region(bench.finding(rule, "sales"), None);
        let ran = bench.run(&finding, Mode::Act).await;
        assert!(ran.unsupported().contains("region"), "{}", ran.outcome());
        assert!(ran.names().is_empty(), "{:?}", ran.names());
    }
}
