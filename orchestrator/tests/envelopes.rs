//! Every envelope that is known to arrive, as a recorded file under `tests/fixtures/envelopes`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use orchestrator::intake::envelope::{EnvelopeError, Notification, ObjectRef, open, unwrap_text};
use remediate_core::{Severity, Subject, Verdict};
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/../tests/fixtures/envelopes/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// The notifications of a fixture of one record.
fn opened(name: &str) -> Vec<Notification> {
    let mut records = open(&fixture(name));
    assert_eq!(records.len(), 1, "{name}");
    records.remove(0).content.unwrap()
}

fn object(name: &str) -> ObjectRef {
    match &opened(name)[..] {
        [Notification::Object(object)] => object.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn an_object_is_found_in_every_envelope_with_its_key_decoded_where_the_sender_encodes() {
    for name in ["s3-direct", "s3-in-sqs", "s3-in-sns-in-sqs", "eventbridge"] {
        let object = object(name);
        assert_eq!(object.bucket, "posture-log-bucket", "{name}");
        assert_eq!(
            object.key, "logs/2026/11/21/posture checks+10ü.json",
            "{name}"
        );
        assert_eq!(
            object.version.as_deref(),
            Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"),
            "{name}"
        );
        assert_eq!(object.size, Some(1024), "{name}");
    }
}

#[test]
fn r2_notifications_are_understood_direct_and_in_a_queue() {
    for name in ["r2", "r2-in-sqs"] {
        let object = object(name);
        assert_eq!(
            object.to_string(),
            "s3://posture-log-bucket/logs/2024/07/25/posture-checks-10-30.json",
            "{name}"
        );
        assert_eq!(object.etag.as_deref(), Some("abc123"), "{name}");
    }
}

#[test]
fn a_check_is_read_from_every_envelope() {
    for name in [
        "check-raw-in-sqs",
        "check-in-sns-in-sqs",
        "check-sns-direct",
    ] {
        let notifications = opened(name);
        let [Notification::Check(check)] = &notifications[..] else {
            panic!("{name}: {notifications:?}")
        };
        let finding = &check.finding;
        assert_eq!(finding.rule.as_str(), "S3-001", "{name}");
        assert_eq!(finding.verdict, Verdict::Failed, "{name}");
        assert_eq!(finding.severity, Severity::VeryHigh, "{name}");
        let Subject::Resource {
            resource,
            account,
            region,
        } = &finding.subject
        else {
            panic!("{name}")
        };
        assert_eq!(
            (
                resource.as_str(),
                account.as_ref().unwrap().as_str(),
                region.as_deref()
            ),
            ("example-reports", "123456789012", Some("us-east-1")),
            "{name}"
        );
        assert_eq!(finding.evidence.extra["tags"][0], "team::finance", "{name}");
    }
}

#[test]
fn the_age_of_a_check_is_that_of_its_envelope() {
    for name in ["check-in-sns-in-sqs", "check-sns-direct"] {
        let [Notification::Check(check)] = &opened(name)[..] else {
            panic!("{name}")
        };
        assert_eq!(
            check.finding.observed_at.to_string(),
            "2026-11-21T10:30:12Z",
            "{name}"
        );
    }
}

#[test]
fn what_holds_no_work_is_put_aside_with_a_reason() {
    let table = [
        (
            "test-message-in-sns-in-sqs",
            "the scanner announces its channel",
        ),
        (
            "test-message-raw-in-sqs",
            "the scanner announces its channel",
        ),
        ("s3-test-event-in-sqs", "S3 announces its notifications"),
        ("s3-removed-in-sqs", "not the creation of an object"),
        ("s3-folder-in-sqs", "a folder marker"),
        ("s3-empty-object-in-sqs", "an empty object"),
        (
            "logpush-challenge-in-sqs",
            "Logpush proves that the bucket is its own",
        ),
    ];
    for (name, reason) in table {
        match &opened(name)[..] {
            [Notification::Nothing { because, .. }] => assert_eq!(*because, reason, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn one_bad_record_does_not_spoil_the_batch() {
    let records = open(&fixture("batch-with-one-bad-record"));
    let good: Vec<_> = records
        .iter()
        .map(|record| record.content.as_ref().map(Vec::len).ok())
        .collect();
    assert_eq!(good, [Some(2), None, None, Some(1)]);
    assert!(matches!(records[1].content, Err(EnvelopeError::NotJson(_))));
    assert!(matches!(
        records[2].content,
        Err(EnvelopeError::UnknownShape(_))
    ));
    assert!(records.iter().all(|record| record.id.is_some()));
}

#[test]
fn an_unknown_shape_is_described_without_its_content() {
    let error = unwrap_text(r#"{"email":"alice@example.com","passed":false}"#, None, 0)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("email, passed") && !error.contains("alice"),
        "{error}"
    );
}

#[test]
fn a_check_without_a_verdict_is_refused() {
    let error = unwrap_text(r#"{"ruleId":"S3-001","status":"MAYBE"}"#, None, 0)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "check of S3-001: `status` is `MAYBE`: expected FAILURE or SUCCESS"
    );
}

#[test]
fn a_service_level_check_needs_no_resource() {
    let notifications = unwrap_text(
        r#"{"ruleId":"CT-001","status":"SUCCESS","region":"global"}"#,
        None,
        0,
    )
    .unwrap();
    let [Notification::Check(check)] = &notifications[..] else {
        panic!("{notifications:?}")
    };
    assert_eq!(check.finding.verdict, Verdict::Passed);
    assert_eq!(check.finding.subject.to_string(), "the account");
}

#[test]
fn endless_nesting_is_refused() {
    let mut message = "\"x\"".to_owned();
    for _ in 0..20 {
        message = serde_json::json!({ "Type": "Notification", "Message": message }).to_string();
    }
    assert!(unwrap_text(&message, None, 0).is_err());
}
