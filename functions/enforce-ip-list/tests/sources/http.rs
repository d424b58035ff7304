//! How a source is asked, and what becomes of answers that are late, partial, contradictory or from somebody else.

use std::time::Duration;

use enforce_ip_list::sources::{
    Fetcher, Kind, Outcome, Snapshot, SourceConfig, Unavailable, Unusable, Validators,
};
use remediate_core::config::Period;
use remediate_core::secret::SecretRef;
use tokio::time::Instant;
use url::Url;

use crate::recorder::{Recorder, config, fixture, now};
use crate::server::{Reply, Request, Server};

fn at(kind: Kind, url: &Url) -> SourceConfig {
    let mut config = config(kind);
    config.url = url.clone();
    config
}

async fn ask(config: SourceConfig, known: Option<&Validators>) -> Outcome<Recorder> {
    ask_within(config, known, Duration::from_secs(20)).await
}

async fn ask_within(
    config: SourceConfig,
    known: Option<&Validators>,
    limit: Duration,
) -> Outcome<Recorder> {
    let fetcher = Fetcher::new("feed", config).unwrap();
    let deadline = Instant::now() + limit;
    // It has to be possible to ask from any thread.
    fn send<T: Send>(future: T) -> T {
        future
    }
    send(fetcher.fetch(known, now(), deadline, Recorder::default)).await
}

#[track_caller]
fn fresh(outcome: Outcome<Recorder>) -> Snapshot<Recorder> {
    match outcome {
        Outcome::Fresh(snapshot) => snapshot,
        other => panic!("not fresh: {other:?}"),
    }
}

#[track_caller]
fn unusable(outcome: Outcome<Recorder>) -> Unusable {
    match outcome {
        Outcome::Unusable(reason) => reason,
        other => panic!("not unusable: {other:?}"),
    }
}

#[track_caller]
fn unavailable(outcome: Outcome<Recorder>) -> Unavailable {
    match outcome {
        Outcome::Unavailable(reason) => reason,
        other => panic!("not unavailable: {other:?}"),
    }
}

/// The three pages of the collector, by their cursors.
fn page(request: &Request) -> Reply {
    let name = match request.target.split_once("cursor=") {
        None => "collector_page_1.json",
        Some((_, "b2Zmc2V0OjM")) => "collector_page_2.json",
        Some((_, "b2Zmc2V0OjY")) => "collector_page_3.json",
        Some((_, other)) => panic!("nobody gave the cursor {other}"),
    };
    Reply::new(200, fixture(name))
}

#[tokio::test]
async fn given_an_etag_when_it_is_sent_back_then_nothing_changed() {
    let server = Server::start(|_, request| {
        if request.headers.contains_key("if-none-match") {
            Reply::new(304, "")
        } else {
            Reply::new(200, fixture("collector.json"))
                .header("ETag", "W/\"01K38Z\"")
                .header("Last-Modified", "Sat, 22 Aug 2026 03:00:31 GMT")
        }
    })
    .await;
    let config = at(Kind::Collector, &server.url);
    let snapshot = fresh(ask(config.clone(), None).await);
    assert_eq!(snapshot.accepted, 8);
    assert_eq!(snapshot.validators.etag.as_deref(), Some("W/\"01K38Z\""));

    let again = ask(config, Some(&snapshot.validators)).await;
    assert!(matches!(again, Outcome::NotModified), "{again:?}");
    let requests = server.requests();
    assert_eq!(requests[0].headers.get("if-none-match"), None);
    assert_eq!(requests[1].headers["if-none-match"], "W/\"01K38Z\"");
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn given_a_file_with_only_a_date_when_it_is_sent_back_then_nothing_changed() {
    let server = Server::start(|_, request| {
        if request.headers.contains_key("if-modified-since") {
            Reply::new(304, "")
        } else {
            Reply::new(200, fixture("ipsum.txt"))
                .header("Last-Modified", "Sat, 22 Aug 2026 03:00:31 GMT")
        }
    })
    .await;
    let config = at(Kind::Ipsum, &server.url);
    let snapshot = fresh(ask(config.clone(), None).await);
    let again = ask(config, Some(&snapshot.validators)).await;
    assert!(matches!(again, Outcome::NotModified), "{again:?}");
}

#[tokio::test]
async fn given_scores_that_changed_since_then_what_is_not_modified_is_read_anew() {
    let server = Server::start(|_, request| {
        if request.headers.contains_key("if-none-match") {
            Reply::new(304, "")
        } else {
            Reply::new(200, fixture("blocklist_de_ssh.ipset")).header("ETag", "\"1\"")
        }
    })
    .await;
    let mut config = at(Kind::Firehol, &server.url);
    let known = fresh(ask(config.clone(), None).await).validators;
    config.timeout = Period::from_secs(7);
    let same = ask(config.clone(), Some(&known)).await;
    assert!(matches!(same, Outcome::NotModified), "{same:?}");
    config.level = Some(3);
    let snapshot = fresh(ask(config, Some(&known)).await);
    assert_eq!(snapshot.sink.reports[0], "192.0.2.14 2 feed");
}

#[tokio::test]
async fn given_a_source_that_counts_its_downloads_then_a_young_answer_is_good_enough() {
    let server = Server::start(|_, _| Reply::new(200, fixture("abuseipdb_blacklist.json"))).await;
    let mut config = at(Kind::Abuseipdb, &server.url);
    config.secret = Some(SecretRef::given("k3y"));
    let mut known = fresh(ask(config.clone(), None).await).validators;
    assert!(!known.is_empty());
    let ago = |hours: i64| Some(now() - jiff::SignedDuration::from_hours(hours));

    known.asked_at = ago(5);
    let young = ask(config.clone(), Some(&known)).await;
    assert!(matches!(young, Outcome::NotModified), "{young:?}");
    assert_eq!(server.requests().len(), 1);

    // Six hours are over; a clock that was wrong; a period of one's own.
    known.asked_at = ago(6);
    fresh(ask(config.clone(), Some(&known)).await);
    known.asked_at = ago(-1);
    fresh(ask(config.clone(), Some(&known)).await);
    known.asked_at = ago(1);
    config.every = Some(Period::from_secs(1800));
    fresh(ask(config, Some(&known)).await);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn given_pages_without_a_snapshots_name_then_the_first_page_does_not_speak_for_the_others() {
    let server = Server::start(|number, _| {
        let next = if number.is_multiple_of(2) {
            r#","next_cursor":"2""#
        } else {
            ""
        };
        let text = format!(r#"{{"ips":[{{"ip":"192.0.2.{number}","score":1}}]{next}}}"#);
        Reply::new(200, text).header("ETag", "\"same\"")
    })
    .await;
    let config = at(Kind::Collector, &server.url);
    let known = fresh(ask(config.clone(), None).await).validators;
    assert_eq!(known.etag, None);
    let again = fresh(ask(config, Some(&known)).await);
    assert_eq!(again.sink.reports[1], "192.0.2.3 1 feed");
}

#[tokio::test]
async fn given_not_modified_without_a_question_then_it_is_not_believed() {
    let server = Server::start(|_, _| Reply::new(304, "")).await;
    let config = at(Kind::Collector, &server.url);
    assert_eq!(
        unusable(ask(config, Some(&Validators::default())).await),
        Unusable::UnaskedNotModified
    );
}

#[tokio::test]
async fn given_pages_then_they_are_one_snapshot() {
    let server = Server::start(|_, request| page(request).in_chunks(37)).await;
    let mut config = at(Kind::Collector, &server.url);
    config.secret = Some(SecretRef::given("t0ken"));
    config.page_size = Some(3);
    let snapshot = fresh(ask(config, None).await);
    assert_eq!((snapshot.accepted, snapshot.pages), (8, 3));
    assert_eq!(snapshot.id.as_deref(), Some("01K38Z5V7E9R2XQ4"));
    let requests = server.requests();
    assert_eq!(requests[0].target, "/ips?limit=3");
    assert_eq!(requests[1].target, "/ips?limit=3&cursor=b2Zmc2V0OjM");
    for request in requests {
        assert_eq!(request.headers["authorization"], "Bearer t0ken");
        assert_eq!(request.headers["accept-encoding"], "gzip");
    }
}

#[tokio::test]
async fn given_a_snapshot_that_changes_between_pages_then_it_is_begun_anew_once() {
    let server = Server::start(|number, request| {
        let changed = number == 1;
        let reply = page(request);
        if changed {
            let text = String::from_utf8(fixture("collector_page_2.json")).unwrap();
            return Reply::new(200, text.replace("01K38Z5V7E9R2XQ4", "01K38ZNEWER00000"));
        }
        reply
    })
    .await;
    let snapshot = fresh(ask(at(Kind::Collector, &server.url), None).await);
    // Nothing of the first pass is left.
    assert_eq!(snapshot.sink.reports.len(), 8);
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn given_a_snapshot_that_always_changes_then_it_is_unusable() {
    let server = Server::start(|number, request| {
        let text = match request.target.contains("cursor") {
            false => fixture("collector_page_1.json"),
            true => fixture("collector_page_2.json"),
        };
        let text = String::from_utf8(text).unwrap();
        Reply::new(200, text.replace("01K38Z5V7E9R2XQ4", &number.to_string()))
    })
    .await;
    let reason = unusable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(matches!(reason, Unusable::Changed(_)), "{reason}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn given_a_page_that_names_no_snapshot_any_more_then_it_is_not_the_same_one() {
    let server = Server::start(|_, request| {
        if request.target.contains("cursor") {
            Reply::new(200, r#"{"threats":[{"ip":"192.0.2.9","score":1}]}"#)
        } else {
            page(request)
        }
    })
    .await;
    let reason = unusable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(matches!(reason, Unusable::Changed(_)), "{reason}");
}

#[tokio::test]
async fn given_a_last_page_that_comes_too_early_then_the_snapshot_is_incomplete() {
    let server = Server::start(|_, request| {
        let text = match request.target.contains("cursor") {
            false => fixture("collector_page_1.json"),
            true => fixture("collector_page_3.json"),
        };
        Reply::new(200, text)
    })
    .await;
    assert_eq!(
        unusable(ask(at(Kind::Collector, &server.url), None).await),
        Unusable::Incomplete { said: 8, found: 5 }
    );
}

#[tokio::test]
async fn given_a_cursor_that_leads_to_itself_then_reading_ends() {
    let server = Server::start(|_, _| Reply::new(200, fixture("collector_page_1.json"))).await;
    let reason = unusable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(matches!(reason, Unusable::Pages(_)), "{reason}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn given_pages_by_number_or_by_offset_then_they_are_followed() {
    for word in ["page", "offset"] {
        let server = Server::start(move |_, request| {
            let key = format!("{word}=");
            let part: u32 = request
                .target
                .split_once(&key)
                .map_or(if word == "page" { 1 } else { 0 }, |(_, n)| {
                    n.parse().unwrap()
                });
            let index = if word == "page" { part - 1 } else { part };
            Reply::new(
                200,
                format!(
                    r#"{{"ips":[{{"ip":"192.0.2.{index}","score":1}}],"pagination":{{"{word}":{part},"total":3}}}}"#
                ),
            )
        })
        .await;
        let snapshot = fresh(ask(at(Kind::Collector, &server.url), None).await);
        assert_eq!(
            snapshot.sink.reports,
            ["192.0.2.0 1 feed", "192.0.2.1 1 feed", "192.0.2.2 1 feed"],
            "{word}"
        );
    }
}

#[tokio::test]
async fn given_taxii_pages_then_what_a_later_one_revokes_is_gone() {
    let server = Server::start(|_, request| {
        assert!(request.headers["accept"].starts_with("application/taxii+json;version=2.1"));
        let name = match request.target.contains("next=2026-08-20T10") {
            false => "taxii_page_1.json",
            true => "taxii_page_2.json",
        };
        Reply::new(200, fixture(name)).header("Content-Type", "application/taxii+json;version=2.1")
    })
    .await;
    let url = server
        .url
        .join("api1/collections/91a7b528/objects/")
        .unwrap();
    let snapshot = fresh(ask(at(Kind::Stix, &url), None).await);
    assert_eq!(
        snapshot.sink.reports,
        ["198.51.100.1 5 feed", "198.51.100.3 2 feed"]
    );
}

#[tokio::test]
async fn given_misp_in_pages_then_it_is_searched_until_a_page_is_empty() {
    let server = Server::start(|_, request| {
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, "/attributes/restSearch");
        assert_eq!(request.headers["authorization"], "k3y");
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["limit"], 1);
        let attributes = match body["page"].as_u64() {
            Some(page @ 1..=2) => format!(
                r#"{{"type":"ip-src","to_ids":true,"value":"192.0.2.{page}","Event":{{"threat_level_id":"1"}}}}"#
            ),
            _ => String::new(),
        };
        Reply::new(
            200,
            format!(r#"{{"response":{{"Attribute":[{attributes}]}}}}"#),
        )
    })
    .await;
    let mut config = at(Kind::Misp, &server.url);
    config.secret = Some(SecretRef::given("k3y"));
    config.page_size = Some(1);
    let snapshot = fresh(ask(config, None).await);
    assert_eq!(
        snapshot.sink.reports,
        ["192.0.2.1 4 feed", "192.0.2.2 4 feed"]
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn given_misp_that_says_what_it_left_out_then_a_short_page_is_not_taken_for_the_last() {
    let server = Server::start(|number, _| {
        let attribute = |host: u8| {
            format!(
                r#"{{"type":"ip-src","to_ids":true,"value":"192.0.2.{host}","Event":{{"threat_level_id":"3"}}}}"#
            )
        };
        // Two a page; the first has one on a warning list, the second only such, the third is the last.
        let (attributes, skipped) = match number {
            0 => (attribute(1), "1"),
            1 => (String::new(), "2"),
            _ => (attribute(2), "0"),
        };
        Reply::new(
            200,
            format!(r#"{{"response":{{"Attribute":[{attributes}]}}}}"#),
        )
        .header("X-Skipped-Elements-Count", skipped)
    })
    .await;
    let mut config = at(Kind::Misp, &server.url);
    config.secret = Some(SecretRef::given("k3y"));
    config.page_size = Some(2);
    let snapshot = fresh(ask(config, None).await);
    assert_eq!(
        snapshot.sink.reports,
        ["192.0.2.1 2 feed", "192.0.2.2 2 feed"]
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn given_crowdsec_then_the_whole_is_asked_for_with_the_key() {
    let server = Server::start(|_, _| Reply::new(200, fixture("crowdsec_stream.json"))).await;
    let mut config = at(Kind::Crowdsec, &server.url);
    config.secret = Some(SecretRef::given("k3y"));
    assert_eq!(fresh(ask(config, None).await).accepted, 5);
    let request = &server.requests()[0];
    assert_eq!(request.target, "/v1/decisions/stream?startup=true");
    assert_eq!(request.headers["x-api-key"], "k3y");
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn given_a_packed_body_then_it_is_unpacked() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&fixture("collector.json")).unwrap();
    let packed = encoder.finish().unwrap();
    let cut = packed[..packed.len() - 9].to_vec();
    let server = Server::start(move |number, _| {
        let body = if number == 0 { &packed } else { &cut };
        Reply::new(200, body.clone())
            .header("Content-Encoding", "gzip")
            .in_chunks(11)
    })
    .await;
    let config = at(Kind::Collector, &server.url);
    assert_eq!(fresh(ask(config.clone(), None).await).accepted, 8);
    assert!(matches!(
        unusable(ask(config, None).await),
        Unusable::CutOff(_)
    ));
}

#[tokio::test]
async fn given_a_packing_that_nobody_asked_for_then_it_is_named() {
    let server =
        Server::start(|_, _| Reply::new(200, "????").header("Content-Encoding", "br")).await;
    let reason = unusable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(reason.to_string().contains("`br`"), "{reason}");
}

#[tokio::test]
async fn given_another_server_to_go_to_then_neither_question_nor_secret_goes_there() {
    let elsewhere = Server::start(|_, _| Reply::new(200, fixture("collector.json"))).await;
    let there = elsewhere.url.join("ips?token=s3cret").unwrap();
    let server =
        Server::start(move |_, _| Reply::new(302, "").header("Location", there.as_str())).await;
    let mut config = at(Kind::Collector, &server.url);
    config.secret = Some(SecretRef::given("t0ken"));
    config.secret_header = Some("X-Api-Key".to_owned());
    let reason = unavailable(ask(config, None).await);
    assert!(matches!(reason, Unavailable::Redirected { .. }), "{reason}");
    let text = reason.to_string();
    assert!(text.contains(elsewhere.url.as_str().trim_end_matches('/')));
    assert!(!text.contains("s3cret"), "{text}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn given_a_redirect_within_the_server_then_it_is_followed_with_the_secret() {
    let server = Server::start(|_, request| match request.target.as_str() {
        "/v2/ips" => Reply::new(200, fixture("collector.json")),
        _ => Reply::new(307, "").header("Location", "/v2/ips"),
    })
    .await;
    let mut config = at(Kind::Collector, &server.url);
    config.secret = Some(SecretRef::given("t0ken"));
    assert_eq!(fresh(ask(config, None).await).accepted, 8);
    assert_eq!(
        server.requests()[1].headers["authorization"],
        "Bearer t0ken"
    );
}

#[tokio::test]
async fn given_a_redirect_that_goes_round_then_it_ends() {
    let server = Server::start(|_, _| Reply::new(302, "").header("Location", "/ips")).await;
    let reason = unavailable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(matches!(reason, Unavailable::Redirected { .. }), "{reason}");
    assert!(server.requests().len() < 10);
}

#[tokio::test]
async fn given_a_busy_server_then_it_is_asked_again_when_it_says() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new(429, "slow down").header("Retry-After", "1"),
        1 => Reply::new(502, "<html>bad gateway</html>"),
        _ => Reply::new(200, fixture("collector.json")),
    })
    .await;
    let began = Instant::now();
    assert_eq!(
        fresh(ask(at(Kind::Collector, &server.url), None).await).accepted,
        8
    );
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn given_a_wait_longer_than_there_is_time_then_it_is_not_waited_for() {
    let server = Server::start(|_, _| {
        Reply::new(
            429,
            r#"{"errors":[{"detail":"Daily rate limit of 5 requests exceeded"}]}"#,
        )
        .header("Retry-After", "29241")
    })
    .await;
    let began = Instant::now();
    let reason = unavailable(ask(at(Kind::Collector, &server.url), None).await);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(reason.retry_after(), Some(Duration::from_secs(29_241)));
    assert!(reason.to_string().contains("Daily rate limit"), "{reason}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn given_a_server_that_stays_broken_then_it_is_asked_three_times() {
    let server = Server::start(|_, _| Reply::new(500, "<html>oops</html>")).await;
    let reason = unavailable(ask(at(Kind::Collector, &server.url), None).await);
    assert_eq!(reason.to_string(), "the source answers with HTTP 500");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn given_a_refused_secret_then_it_is_asked_once_and_the_secret_is_not_shown() {
    for status in [401, 403] {
        let server = Server::start(move |_, _| Reply::new(status, "access forbidden")).await;
        let mut config = at(Kind::Crowdsec, &server.url);
        config.secret = Some(SecretRef::given("s3cret"));
        let reason = unavailable(ask(config, None).await);
        assert!(matches!(reason, Unavailable::Refused { .. }), "{reason}");
        assert!(!format!("{reason} {reason:?}").contains("s3cret"));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn given_no_secret_where_one_is_referred_to_then_nothing_is_asked() {
    let server = Server::start(|_, _| Reply::new(200, fixture("collector.json"))).await;
    let mut config = at(Kind::Collector, &server.url);
    config.secret = Some(SecretRef::Env("NO_SUCH_VARIABLE_OF_OURS".to_owned()));
    let reason = unavailable(ask(config, None).await);
    assert!(matches!(reason, Unavailable::Secret(_)), "{reason}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn given_a_body_that_breaks_off_then_the_whole_is_read_anew() {
    let server = Server::start(|number, request| {
        // The second page, the first time.
        let reply = page(request);
        if number == 1 {
            reply.breaking_off(200)
        } else {
            reply
        }
    })
    .await;
    let snapshot = fresh(ask(at(Kind::Collector, &server.url), None).await);
    assert_eq!(snapshot.sink.reports.len(), 8);
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn given_a_body_that_always_breaks_off_then_there_is_no_snapshot() {
    let server = Server::start(|_, _| Reply::new(200, fixture("plain.txt")).breaking_off(40)).await;
    let reason = unavailable(ask(at(Kind::Plain, &server.url), None).await);
    assert!(matches!(reason, Unavailable::Interrupted(_)), "{reason}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn given_a_server_that_falls_silent_then_it_is_not_waited_for_without_end() {
    for after in [0, 40] {
        let server =
            Server::start(move |_, _| Reply::new(200, fixture("plain.txt")).falling_silent(after))
                .await;
        let mut config = at(Kind::Plain, &server.url);
        config.timeout = Period::from_secs(1);
        let began = Instant::now();
        let reason = unavailable(ask(config, None).await);
        assert!(began.elapsed() < Duration::from_secs(10), "{reason}");
    }
}

#[tokio::test]
async fn given_the_callers_deadline_then_it_goes_before_everything() {
    let server =
        Server::start(|_, _| Reply::new(200, fixture("plain.txt")).falling_silent(10)).await;
    let began = Instant::now();
    let limit = Duration::from_millis(300);
    let reason = unavailable(ask_within(at(Kind::Plain, &server.url), None, limit).await);
    assert!(matches!(reason, Unavailable::OutOfTime { .. }), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn given_nobody_at_the_address_then_it_is_said() {
    let server = Server::start(|_, _| Reply::new(200, "")).await;
    let url = server.url.clone();
    drop(server);
    let reason = unavailable(ask(at(Kind::Collector, &url), None).await);
    assert!(matches!(reason, Unavailable::Unreachable(_)), "{reason}");
}

#[tokio::test]
async fn given_success_that_is_none_then_it_is_no_empty_list() {
    for (reply, expected) in [
        (Reply::new(204, ""), Unusable::Empty),
        (Reply::new(200, ""), Unusable::Empty),
        (
            Reply::new(200, fixture("hostile/login_page.html")).header("Content-Type", "text/html"),
            Unusable::Html,
        ),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        for kind in [Kind::Collector, Kind::Plain] {
            assert_eq!(unusable(ask(at(kind, &server.url), None).await), expected);
        }
    }
}

#[tokio::test]
async fn given_a_part_of_the_body_as_206_then_it_is_not_taken_for_the_whole() {
    let server = Server::start(|_, _| Reply::new(206, "192.0.2.1\n")).await;
    let reason = unavailable(ask(at(Kind::Plain, &server.url), None).await);
    assert_eq!(
        reason.to_string(),
        "the source answers with HTTP 206, `192.0.2.1`"
    );
}

#[tokio::test]
async fn given_a_body_without_end_then_it_ends_at_the_limit() {
    let server =
        Server::start(|_, _| Reply::new(200, b"203.0.113.7\n".repeat(200_000)).in_chunks(8 << 10))
            .await;
    let mut config = at(Kind::Plain, &server.url);
    config.max_bytes = 1 << 20;
    assert_eq!(
        unusable(ask(config, None).await),
        Unusable::TooLong { limit: 1 << 20 }
    );
}

#[test]
fn given_a_configuration_that_cannot_work_then_there_is_no_fetcher() {
    let mut config = config(Kind::Plain);
    config.score = None;
    let error = Fetcher::new("ours", config).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("source ours: score is missing"),
        "{error}"
    );
}
