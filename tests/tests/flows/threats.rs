//! The function of the threat lists as deployed: its schedule, snapshots put into its bucket, addresses named through the
//! topic, its own role; Cloudflare and the collector are the sandbox's.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use e2e::{World, queue, template};
use enforce_ip_list::run::audit;
use enforce_ip_list::run::report::{End, Report};
use enforce_ip_list::run::session;
use enforce_ip_list::run::state::State;
use enforce_ip_list::run::store::{Folder, Store};
use jiff::{SignedDuration, Timestamp};
use sandbox::{DEFAULT_ACCOUNT_ID, Fault, Service};
use serde_json::{Value, json};

/// What a list of the account holds.
fn entries(world: &World, list: &str) -> Vec<String> {
    let entries = world.sandbox.list_entries(list);
    entries.into_iter().map(|entry| entry.ip).collect()
}

fn comment(world: &World, list: &str, ip: &str) -> String {
    let entries = world.sandbox.list_entries(list);
    let entry = entries.into_iter().find(|entry| entry.ip == ip).unwrap();
    entry.comment.unwrap()
}

fn threat(ip: &str, score: f64, is_harmless: bool) -> Value {
    json!({"ip": ip, "score": score, "sources": ["ipsum"], "is_whitelisted": is_harmless})
}

/// A snapshot document that names so many records.
fn snapshot(total: usize, threats: &[Value]) -> String {
    json!({
        "schema": 1,
        "generated_at": Timestamp::now(),
        "snapshot": Timestamp::now().to_string(),
        "total": total,
        "threats": threats,
    })
    .to_string()
}

async fn put_snapshot(world: &World, key: &str, text: &str) {
    let bucket = world.stack.output("ThreatsBucketName");
    let request = world.aws.s3.put_object().bucket(bucket).key(key);
    let answer = request.body(text.as_bytes().to_vec().into()).send().await;
    answer.unwrap_or_else(|error| panic!("s3://{bucket}/{key}: {error:?}"));
}

/// Invokes the function and waits for its answer; `Err` has the error that it answered with.
async fn invoke(world: &World, event: &Value) -> Result<Report, Value> {
    let name = world.stack.output("EnforceIpListFunctionName");
    let request = world.aws.lambda.invoke().function_name(name);
    let answer = request.payload(Blob::new(event.to_string())).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let payload = answer.payload().unwrap().as_ref();
    match answer.function_error() {
        Some(_) => Err(serde_json::from_slice(payload).unwrap()),
        None => Ok(serde_json::from_slice(payload).unwrap()),
    }
}

async fn state(world: &World) -> State {
    session::peek(&world.ledger(), DEFAULT_ACCOUNT_ID)
        .await
        .unwrap()
}

/// Waits until a run has ended after this moment.
async fn run_since(world: &World, moment: Timestamp) {
    world
        .eventually("a run has ended", async || {
            state(world)
                .await
                .last_run
                .is_some_and(|last| last > moment)
        })
        .await;
}

/// The audit as it lies in the bucket, in a folder.
async fn fetched_audit(world: &World, folder: &Folder) -> String {
    let bucket = world.stack.output("ThreatsBucketName");
    let listing = world.aws.s3.list_objects_v2().bucket(bucket);
    let listing = listing.prefix("state/audit/").send().await.unwrap();
    let mut text = String::new();
    for object in listing.contents() {
        let key = object.key().unwrap();
        let request = world.aws.s3.get_object().bucket(bucket).key(key);
        let body = request.send().await.unwrap().body.collect().await.unwrap();
        let body = body.to_vec();
        text.push_str(std::str::from_utf8(&body).unwrap());
        let below = key.strip_prefix("state/").unwrap();
        folder.put(below, body).await.unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn given_threats_at_the_collector_when_the_schedule_comes_then_the_lists_hold_them_and_the_next_run_costs_two_calls()
 {
    let world = World::with_threat_rules(template::load()).await;
    let threats = [
        threat("198.51.100.7", 5.0, false),
        threat("198.51.100.8", 4.2, false),
        threat("203.0.113.9", 3.9, false),
        threat("203.0.113.10", 1.0, false),
        threat("203.0.113.11", 0.0, false),
        threat("198.51.100.9", 5.0, true),
        threat("10.0.0.0/8", 5.0, false),
    ];
    world.sandbox.set_threats(&json!(threats)).unwrap();
    let before = Timestamp::now();
    world.stack.start(&world.aws).await;
    run_since(&world, before).await;
    assert_eq!(
        entries(&world, "eil_block"),
        ["198.51.100.7", "198.51.100.8"]
    );
    assert_eq!(entries(&world, "eil_challenge"), ["203.0.113.9"]);
    assert_eq!(entries(&world, "eil_rate_limit"), ["203.0.113.10"]);

    let calls = world.sandbox.calls().len();
    let report = invoke(&world, &json!({"kind": "sync"})).await.unwrap();
    assert_eq!(report.end, End::Unchanged);
    let asked: Vec<Service> = world.sandbox.calls()[calls..]
        .iter()
        .map(|call| call.service)
        .collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.contains(&Service::Cloudflare) && asked.contains(&Service::Collector));

    let folder = tempfile::tempdir().unwrap();
    let store = Folder::new(folder.path());
    let text = fetched_audit(&world, &store).await;
    assert!(text.contains("\"198.51.100.7\""), "{text}");
    let verdict = audit::verify(&store, &state(&world).await.audit)
        .await
        .unwrap();
    assert!(
        verdict.damage.is_empty() && verdict.records > 0,
        "{verdict:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_snapshot_put_into_the_bucket_and_addresses_named_at_once_then_all_are_enforced_and_none_is_lost()
 {
    let world = World::with_threat_rules(template::load()).await;
    let known = [threat("198.51.100.7", 5.0, false)];
    world.sandbox.set_threats(&json!(known)).unwrap();
    world.stack.start(&world.aws).await;
    let pushed = [
        threat("203.0.113.9", 2.0, false),
        threat("203.0.113.10", 4.0, false),
    ];
    let ends = Timestamp::now() + SignedDuration::from_hours(48);
    let named: Vec<String> = (20..25).map(|n| format!("198.51.100.{n}")).collect();
    put_snapshot(&world, "snapshots/today.json", &snapshot(2, &pushed)).await;
    let messages: Vec<String> = named
        .iter()
        .map(|ip| {
            json!({"ip": ip, "score": 5, "reason": "credential stuffing", "expires_at": ends, "source": "soc"})
                .to_string()
        })
        .collect();
    futures::future::join_all(messages.iter().map(|message| world.publish(message))).await;
    let mut wanted = vec!["203.0.113.10".to_owned()];
    wanted.extend(named.iter().cloned());
    world
        .eventually(
            "the snapshot and all addresses are in the lists",
            async || {
                let block = entries(&world, "eil_block");
                wanted.iter().all(|ip| block.contains(ip))
                    && entries(&world, "eil_challenge") == ["203.0.113.9"]
            },
        )
        .await;
    let tag = format!("e={}", ends.as_second());
    assert!(comment(&world, "eil_block", "198.51.100.20").contains(&tag));
    // What the sources say later does not end what a person named.
    let report = invoke(&world, &json!({"kind": "sync"})).await.unwrap();
    assert!(report.end.is_success(), "{report:#?}");
    let block = entries(&world, "eil_block");
    assert!(wanted.iter().all(|ip| block.contains(ip)), "{block:?}");
    let dead = world.depth("EnforceIpListDeadLettersUrl").await;
    assert!(dead.is_empty(), "{dead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_cloudflare_refuses_everything_when_an_address_is_named_then_the_event_waits_in_the_queue_and_can_be_sent_again()
 {
    let world = World::with_threat_rules(template::load()).await;
    world.stack.start(&world.aws).await;
    world
        .sandbox
        .inject(Fault::on(Service::Cloudflare).status(403));
    let address = json!({"ip": "198.51.100.7", "score": 5, "reason": "scanner", "source": "soc"});
    world.publish(&address.to_string()).await;
    let dead = world.stack.output("EnforceIpListDeadLettersUrl");
    world
        .eventually("the event is in the on-failure queue", async || {
            !queue::depth(&world.aws, dead).await.is_empty()
        })
        .await;
    assert_eq!(entries(&world, "eil_block"), Vec::<String>::new());
    let records = queue::receive(&world.aws, dead).await;
    let record: Value = serde_json::from_str(records[0].body().unwrap()).unwrap();
    assert_eq!(record["requestPayload"]["ip"], "198.51.100.7", "{record}");
    let error = &record["responsePayload"]["errorType"];
    assert!(
        error.as_str().unwrap().starts_with("RunFailed."),
        "{record}"
    );

    world.sandbox.clear_faults();
    let report = invoke(&world, &record["requestPayload"]).await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(entries(&world, "eil_block"), ["198.51.100.7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_snapshot_that_names_more_records_than_it_has_when_it_is_put_then_it_is_refused_and_nothing_is_removed()
 {
    let world = World::with_threat_rules(template::load()).await;
    let known = [threat("198.51.100.7", 5.0, false)];
    world.sandbox.set_threats(&json!(known)).unwrap();
    world.stack.start(&world.aws).await;
    invoke(&world, &json!({"kind": "sync"})).await.unwrap();
    let partial = snapshot(1000, &[threat("203.0.113.9", 5.0, false)]);
    put_snapshot(&world, "snapshots/partial.json", &partial).await;
    let dead = world.stack.output("EnforceIpListDeadLettersUrl");
    world
        .eventually("the event is in the on-failure queue", async || {
            !queue::depth(&world.aws, dead).await.is_empty()
        })
        .await;
    let records = queue::receive(&world.aws, dead).await;
    let record: Value = serde_json::from_str(records[0].body().unwrap()).unwrap();
    let message = record["responsePayload"]["errorMessage"].to_string();
    assert!(
        message.contains("snapshots/partial.json") && message.contains("1000"),
        "{record}"
    );
    assert_eq!(entries(&world, "eil_block"), ["198.51.100.7"]);
    // Anything that is not below `snapshots/` is none.
    let runs = state(&world).await.totals.runs;
    put_snapshot(&world, "elsewhere.json", &snapshot(1, &known)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let more = state(&world).await.totals.runs - runs;
    assert!(more <= 1, "only the schedule may have come: {more} runs");
}
