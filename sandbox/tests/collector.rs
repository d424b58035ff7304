//! The sandbox's Intelligence Collector held against its contract, over HTTP.

// The lints' exception for tests covers test functions, not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use reqwest::{Client, StatusCode};
use sandbox::{
    CollectorConfig, DEFAULT_COLLECTOR_TOKEN, Effect, Fault, Sandbox, SandboxConfig, Service, Shape,
};
use serde_json::{Value, json};

struct Lab {
    sandbox: Sandbox,
    client: Client,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    etag: Option<String>,
    body: Value,
}

impl Lab {
    async fn new() -> Self {
        Self::with(CollectorConfig::default()).await
    }

    async fn with(collector: CollectorConfig) -> Self {
        let config = SandboxConfig {
            collector,
            ..SandboxConfig::default()
        };
        Self {
            sandbox: Sandbox::start(config).await.unwrap(),
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        }
    }

    /// Ten records with scores 0.5, 1, 1.5 … 5.
    async fn graded() -> Self {
        let lab = Self::new().await;
        let threats: Vec<Value> = (1..=10)
            .map(|n| json!({"ip": format!("192.0.2.{n}"), "score": f64::from(n) / 2.0}))
            .collect();
        lab.sandbox.set_threats(&json!(threats)).unwrap();
        lab
    }

    async fn ips(&self, query: &str) -> Answer {
        self.conditional(query, None).await
    }

    async fn conditional(&self, query: &str, etag: Option<&str>) -> Answer {
        let url = format!("{}/ips{query}", self.sandbox.collector_url());
        let mut request = self.client.get(url).bearer_auth(DEFAULT_COLLECTOR_TOKEN);
        if let Some(etag) = etag {
            request = request.header("If-None-Match", etag);
        }
        answer(request).await
    }

    async fn admin(&self, path: &str, body: &Value) -> Answer {
        answer(
            self.client
                .post(format!("{}/_sandbox/{path}", self.sandbox.url()))
                .json(body),
        )
        .await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let etag = response
        .headers()
        .get("etag")
        .map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    Answer {
        status,
        etag,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}

fn addresses(records: &Value) -> Vec<&str> {
    records
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["ip"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn given_the_example_when_read_then_it_is_fresh_whole_and_holds_every_case_worth_showing() {
    let lab = Lab::new().await;
    let told = lab.ips("").await;
    assert_eq!(told.status, 200);
    let records = told.body["threats"].as_array().unwrap();
    assert_eq!(told.body["total"], records.len());
    assert_eq!(
        (&told.body["schema"], &told.body["next_cursor"]),
        (&json!(1), &Value::Null)
    );
    assert!(records.len() >= 40, "{}", records.len());
    let age = |text: &Value| {
        let at: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
        jiff::Timestamp::now().duration_since(at).as_secs()
    };
    assert!(
        age(&told.body["generated_at"]) < 60,
        "{}",
        told.body["generated_at"]
    );
    let expiring = records
        .iter()
        .filter(|record| record["expires_at"].is_string());
    assert!(
        expiring.clone().count() > 3
            && expiring
                .clone()
                .all(|record| age(&record["expires_at"]) < 0)
    );
    let all = addresses(&told.body["threats"]);
    for case in [
        "10.0.0.0/8",
        "104.16.132.229",
        "198.51.100.0/24",
        "198.51.100.25",
        "2001:db8:bad:1::/64",
    ] {
        assert!(all.contains(&case), "{case}");
    }
    let scores: Vec<f64> = records
        .iter()
        .map(|record| record["score"].as_f64().unwrap())
        .collect();
    assert!(
        scores.contains(&3.9) && scores.contains(&0.0) && scores.iter().any(|score| *score > 5.0)
    );
}

#[tokio::test]
async fn given_the_example_files_when_read_then_they_have_the_documented_shape() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}")).unwrap()).unwrap()
    };
    let snapshot = read("threats-snapshot.json");
    assert_eq!(
        snapshot["total"],
        snapshot["threats"].as_array().unwrap().len()
    );
    for record in snapshot["threats"].as_array().unwrap() {
        assert!(
            record["ip"].is_string() && record["score"].is_number(),
            "{record}"
        );
        assert!(
            record["sources"].is_array() && record["is_whitelisted"].is_boolean(),
            "{record}"
        );
    }
    let single = read("threats-single.json");
    let mut keys: Vec<&str> = single
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["expires_at", "ip", "reason", "score", "source"]);
}

#[tokio::test]
async fn given_a_token_when_it_is_missing_or_wrong_then_nothing_is_told() {
    let lab = Lab::new().await;
    let url = format!("{}/ips", lab.sandbox.collector_url());
    assert_eq!(answer(lab.client.get(&url)).await.status, 401);
    assert_eq!(
        answer(lab.client.get(&url).bearer_auth("wrong"))
            .await
            .status,
        401
    );
    let root = format!("{}/ips", lab.sandbox.url());
    assert_eq!(
        answer(lab.client.get(root).bearer_auth(DEFAULT_COLLECTOR_TOKEN))
            .await
            .status,
        200
    );
    lab.sandbox
        .change_collector(|config| config.token = None)
        .unwrap();
    assert_eq!(answer(lab.client.get(&url)).await.status, 200);
    let info = answer(
        lab.client
            .get(format!("{}/info", lab.sandbox.collector_url())),
    )
    .await;
    assert_eq!(info.body["status"], "operational");
}

#[tokio::test]
async fn given_pages_when_followed_then_they_carry_one_snapshot_and_sum_up_to_the_total() {
    let lab = Lab::graded().await;
    let mut seen = Vec::new();
    let (mut query, mut snapshots) = ("?limit=4".to_owned(), Vec::new());
    loop {
        let page = lab.ips(&query).await.body;
        assert_eq!(page["total"], 10);
        snapshots.push(page["snapshot"].clone());
        seen.extend(addresses(&page["threats"]).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), snapshots.len()), (10, 3));
    snapshots.dedup();
    assert_eq!(snapshots.len(), 1);
    for wrong in [
        "?limit=0",
        "?limit=x",
        "?cursor=x",
        "?min_score=high",
        "?min_score=nan",
    ] {
        assert_eq!(lab.ips(wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn given_a_least_score_when_asked_for_then_lower_ones_are_left_out_and_unscored_ones_are_not()
{
    let lab = Lab::graded().await;
    let some = lab.ips("?min_score=4").await.body;
    assert_eq!(
        (addresses(&some["threats"]), &some["total"]),
        (vec!["192.0.2.8", "192.0.2.9", "192.0.2.10"], &json!(3))
    );
    let odd = json!([{"ip": "192.0.2.1", "score": null}, {"ip": "192.0.2.2"}, {"ip": 7, "score": "NaN"}, {"ip": "x", "score": -1}, "nonsense"]);
    lab.sandbox.set_threats(&odd).unwrap();
    let told = lab.ips("?min_score=1").await.body;
    assert_eq!(told["threats"], json!([odd[0], odd[1], odd[2], odd[4]]));
}

#[tokio::test]
async fn given_an_etag_when_nothing_changed_then_304_and_when_something_did_then_another() {
    let lab = Lab::graded().await;
    let first = lab.ips("?min_score=1").await;
    let etag = first.etag.unwrap();
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".into(),
    ] {
        let again = lab.conditional("?min_score=1", Some(&known)).await;
        assert_eq!(
            (again.status.as_u16(), &again.body),
            (304, &json!("")),
            "{known}"
        );
        assert_eq!(again.etag.as_ref(), Some(&etag));
    }
    assert_eq!(
        lab.conditional("?min_score=2", Some(&etag)).await.status,
        200
    );
    lab.sandbox
        .set_threats(&json!([{"ip": "192.0.2.1", "score": 5}]))
        .unwrap();
    let changed = lab.conditional("?min_score=1", Some(&etag)).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["total"]),
        (200, &json!(1))
    );
    let state = lab.sandbox.collector();
    assert_eq!((state.records, state.not_modified), (1, 4));
}

#[tokio::test]
async fn given_data_over_http_when_posted_then_they_are_told_and_wrong_ones_refused() {
    let lab = Lab::new().await;
    let document = json!({"schema": 1, "snapshot": "S1", "generated_at": "2020-01-01T00:00:00Z", "total": 1,
                          "threats": [{"ip": "192.0.2.1", "score": 5, "expires_at": "2020-01-02T00:00:00Z"}]});
    assert_eq!(lab.admin("collector/threats", &document).await.status, 200);
    let told = lab.ips("").await.body;
    assert_eq!(told["snapshot"], "S1");
    assert_ne!(
        told["generated_at"], "2020-01-01T00:00:00Z",
        "dates move along"
    );
    let still = json!({"redate": false, "threats": document});
    assert_eq!(lab.admin("collector", &still).await.status, 200);
    let told = lab.ips("").await.body;
    assert_eq!(
        (&told["generated_at"], &told["threats"][0]["expires_at"]),
        (
            &json!("2020-01-01T00:00:00Z"),
            &json!("2020-01-02T00:00:00Z")
        )
    );
    for (path, wrong) in [
        ("collector/threats", json!({"ips": []})),
        ("collector/threats", json!("x")),
        ("collector", json!({"keep_percent": 101})),
        ("collector", json!({"keep": 1})),
        ("collector", json!([])),
        ("collector", json!({"threats": 5})),
    ] {
        assert_eq!(lab.admin(path, &wrong).await.status, 400, "{path} {wrong}");
    }
    lab.admin("reset", &json!({})).await;
    assert!(lab.ips("").await.body["total"].as_u64().unwrap() > 40);
}

#[tokio::test]
async fn given_an_age_when_set_then_the_snapshot_is_that_old() {
    let lab = Lab::with(CollectorConfig {
        age_s: 90_000,
        ..CollectorConfig::default()
    })
    .await;
    let at: jiff::Timestamp = lab.ips("").await.body["generated_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let age = jiff::Timestamp::now().duration_since(at).as_secs();
    assert!((89_990..=90_010).contains(&age), "{age}");
}

#[tokio::test]
async fn given_a_collector_that_lies_when_read_then_each_lie_is_the_one_that_was_set() {
    let lab = Lab::graded().await;
    lab.sandbox
        .change_collector(|config| config.keep_percent = 20)
        .unwrap();
    let shrunken = lab.ips("").await.body;
    assert_eq!(
        (addresses(&shrunken["threats"]).len(), &shrunken["total"]),
        (2, &json!(2)),
        "consistent, but small"
    );
    lab.sandbox
        .change_collector(|config| {
            config.keep_percent = 100;
            config.total_off_by = 3;
        })
        .unwrap();
    let off = lab.ips("").await.body;
    assert_eq!(
        (addresses(&off["threats"]).len(), &off["total"]),
        (10, &json!(13))
    );
    lab.sandbox
        .change_collector(|config| {
            config.total_off_by = 0;
            config.restless = true;
        })
        .unwrap();
    let first = lab.ips("?limit=5").await.body;
    let second = lab
        .ips(&format!(
            "?limit=5&cursor={}",
            first["next_cursor"].as_str().unwrap()
        ))
        .await
        .body;
    assert_ne!(first["snapshot"], second["snapshot"]);
}

#[tokio::test]
async fn given_scripted_faults_when_they_hit_then_pages_break_as_told() {
    let lab = Lab::graded().await;
    let collector = || Fault::on(Service::Collector).path("*/ips");
    lab.sandbox.inject(
        collector()
            .nth(1)
            .rewrite("/snapshot", json!("another"))
            .rewrite("/threats/-", json!({"ip": "10.0.0.0/8", "score": 5})),
    );
    lab.sandbox.inject(collector().nth(2).html(200));
    lab.sandbox.inject(collector().nth(3).status(500));
    lab.sandbox.inject(collector().nth(4).too_many_requests(30));
    let altered = lab.ips("").await.body;
    assert_eq!(
        (&altered["snapshot"], &altered["threats"][10]["ip"]),
        (&json!("another"), &json!("10.0.0.0/8"))
    );
    assert!(
        lab.ips("")
            .await
            .body
            .as_str()
            .unwrap()
            .starts_with("<html>")
    );
    assert_eq!(lab.ips("").await.status, 500);
    let limited = lab.ips("").await;
    assert_eq!(
        (limited.status.as_u16(), &limited.body),
        (429, &json!({"error": "Too Many Requests"}))
    );
    assert_eq!(lab.ips("").await.body["total"], 10);
}

#[tokio::test]
async fn given_silence_or_a_cut_when_it_hits_then_no_whole_page_arrives() {
    let lab = Lab::graded().await;
    for effect in [Effect::Hang, Effect::TruncatedBody, Effect::Reset] {
        lab.sandbox.clear_faults();
        lab.sandbox
            .inject(Fault::on(Service::Collector).effect(effect.clone()));
        let request = lab
            .client
            .get(format!("{}/ips", lab.sandbox.collector_url()))
            .bearer_auth(DEFAULT_COLLECTOR_TOKEN)
            .timeout(std::time::Duration::from_millis(300));
        let whole = match request.send().await {
            Ok(response) => response.bytes().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "{effect:?}");
    }
}

#[tokio::test]
async fn given_other_shapes_when_set_then_everything_comes_at_once_in_them() {
    let lab = Lab::graded().await;
    for (shape, place) in [
        (Shape::Array, ""),
        (Shape::Ips, "/ips"),
        (Shape::Data, "/data"),
    ] {
        lab.sandbox
            .change_collector(|config| config.shape = shape)
            .unwrap();
        let told = lab.ips("?limit=2").await.body;
        assert_eq!(
            addresses(told.pointer(place).unwrap()).len(),
            10,
            "{shape:?}"
        );
    }
}
