//! Rules of IAM.

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{StatusType, Tag};
use jiff::{SignedDuration, Timestamp};
use remediate_core::rule::Mode;
use serde_json::{Value, json};

use crate::support::contract::{Undo, contract};
use crate::support::{Bench, Ran, Scene};

const USER: &str = "ci-deploy";

fn client(bench: &Bench) -> Client {
    Client::new(&bench.world)
}

async fn user(bench: &Bench, name: &str) {
    let tag = Tag::builder().key("team").value("build").build().unwrap();
    let made = client(bench).create_user().user_name(name).tags(tag).send();
    made.await.unwrap();
}

/// An active key of the user. Its id.
async fn key(bench: &Bench, user: &str) -> String {
    let made = client(bench).create_access_key().user_name(user).send();
    made.await.unwrap().access_key.unwrap().access_key_id
}

async fn set(bench: &Bench, user: &str, key: &str, status: StatusType) {
    client(bench)
        .update_access_key()
        .user_name(user)
        .access_key_id(key)
        .status(status)
        .send()
        .await
        .unwrap();
}

/// The keys of a user and their status.
async fn keys(bench: &Bench, user: &str) -> Value {
    let answer = client(bench).list_access_keys().user_name(user).send();
    let keys = answer.await.unwrap().access_key_metadata;
    let mut keys: Vec<_> = keys
        .iter()
        .map(|key| {
            (
                key.access_key_id().unwrap().to_owned(),
                key.status().unwrap().as_str().to_owned(),
            )
        })
        .collect();
    keys.sort();
    json!(keys)
}

/// An old key beside another one, and what IAM knows of the user.
struct OldKey {
    rule: &'static str,
    parameters: Value,
}

impl OldKey {
    /// However young: moto makes keys of today alone.
    fn of(rule: &'static str) -> Self {
        Self {
            rule,
            parameters: json!({ "max_age_days": 0 }),
        }
    }

    fn exposed() -> Self {
        Self {
            rule: "TrustedAdvisor-003",
            parameters: Value::Null,
        }
    }
}

#[async_trait]
impl Scene for OldKey {
    fn rule(&self) -> &'static str {
        self.rule
    }

    fn parameters(&self) -> Value {
        self.parameters.clone()
    }

    fn region(&self) -> Option<&'static str> {
        Some("global")
    }

    async fn broken(&self, bench: &Bench) -> String {
        user(bench, USER).await;
        key(bench, USER).await;
        key(bench, USER).await
    }

    async fn sound(&self, bench: &Bench) -> String {
        let resource = self.broken(bench).await;
        set(bench, USER, &resource, StatusType::Inactive).await;
        resource
    }

    fn missing(&self, _: &Bench) -> Option<String> {
        Some("AKIAI44QH8DHBEXAMPLE".to_owned())
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        let tags = client(bench).list_user_tags().user_name(USER).send().await;
        json!([keys(bench, USER).await, format!("{:?}", tags.unwrap().tags)])
    }

    fn undo(&self) -> Undo {
        Undo::Restores
    }
}

contract!(iam_001, OldKey::of("IAM-001"));
contract!(iam_038, OldKey::of("IAM-038"));
contract!(trusted_advisor_003, OldKey::exposed());

/// Lets the function work on a finding about the key so many days from now.
async fn repair_in(bench: &Bench, rule: &str, key: &str, days: i64) -> Ran {
    let mut finding = bench.finding(rule, key);
    finding.observed_at = Timestamp::now() + SignedDuration::from_hours(24 * days + 1);
    bench.run(&finding, Mode::Act).await
}

/// IAM's answer about a key: whose it is and when it was used.
fn used(user: Option<&str>, at: Option<Timestamp>) -> String {
    let user = user.map(|user| format!("<UserName>{user}</UserName>"));
    let (at, service, region) = match at {
        Some(at) => (
            format!("<LastUsedDate>{}</LastUsedDate>", at.strftime("%FT%TZ")),
            "s3",
            "eu-west-1",
        ),
        None => (String::new(), "N/A", "N/A"),
    };
    format!(
        "<GetAccessKeyLastUsedResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetAccessKeyLastUsedResult>{}\
         <AccessKeyLastUsed><Region>{region}</Region>{at}<ServiceName>{service}</ServiceName></AccessKeyLastUsed>\
         </GetAccessKeyLastUsedResult><ResponseMetadata><RequestId>test</RequestId></ResponseMetadata></GetAccessKeyLastUsedResponse>",
        user.unwrap_or_default()
    )
}

/// One page of a user's keys, active ones of the year 2020.
fn page(keys: &[&str], marker: Option<&str>) -> String {
    let members: String = keys
        .iter()
        .map(|key| {
            format!(
                "<member><UserName>{USER}</UserName><AccessKeyId>{key}</AccessKeyId><Status>Active</Status>\
                 <CreateDate>2020-01-01T00:00:00Z</CreateDate></member>"
            )
        })
        .collect();
    let more = match marker {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!(
        "<ListAccessKeysResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListAccessKeysResult><AccessKeyMetadata>{members}</AccessKeyMetadata>{more}</ListAccessKeysResult></ListAccessKeysResponse>"
    )
}

#[tokio::test]
async fn given_shipped_parameters_when_a_key_comes_of_age_then_and_not_before_it_is_deactivated() {
    for (rule, age) in [("IAM-001", 30), ("IAM-038", 90)] {
        let bench = Bench::new().await;
        user(&bench, USER).await;
        let key = key(&bench, USER).await;
        for early in [0, age - 1] {
            let ran = repair_in(&bench, rule, &key, early).await;
            ran.assert_left_alone();
        }
        repair_in(&bench, rule, &key, age).await.assert_repaired();
        assert_eq!(keys(&bench, USER).await, json!([[key, "Inactive"]]));
    }
}

#[tokio::test]
async fn given_a_key_in_use_when_it_is_old_then_a_person_is_asked_and_the_answer_is_taken() {
    let bench = Bench::new().await;
    user(&bench, USER).await;
    let key = key(&bench, USER).await;
    let now = Timestamp::now();
    let yesterday = now + SignedDuration::from_hours(24 * 89);
    bench
        .wire
        .on("iam:GetAccessKeyLastUsed")
        .always()
        .answers(200, &used(Some(USER), Some(yesterday)));
    let mut finding = bench.finding("IAM-038", &key);
    finding.observed_at = now + SignedDuration::from_hours(24 * 90 + 1);
    let ran = bench.run(&finding, Mode::Act).await;
    let because = ran.held();
    for part in [key.as_str(), USER, "s3 in eu-west-1", "grace_days"] {
        assert!(because.contains(part), "{because}");
    }
    assert_eq!(ran.report().changes.len(), 1, "the repair is proposed");

    finding.observed_at += SignedDuration::from_mins(5);
    finding.sent_by = Some("alice".to_owned());
    bench.run(&finding, Mode::Act).await.assert_repaired();
    assert_eq!(keys(&bench, USER).await, json!([[key, "Inactive"]]));
}

#[tokio::test]
async fn given_an_exposed_key_in_use_when_reported_then_it_is_deactivated_and_its_use_is_told() {
    let bench = Bench::new().await;
    user(&bench, USER).await;
    let key = key(&bench, USER).await;
    bench
        .wire
        .on("iam:GetAccessKeyLastUsed")
        .always()
        .answers(200, &used(Some(USER), Some(Timestamp::now())));
    let ran = bench.repair("TrustedAdvisor-003", &key).await;
    ran.assert_repaired();
    let notes = ran.change().notes.join("\n");
    assert!(notes.contains("s3 in eu-west-1"), "{notes}");
}

#[tokio::test]
async fn given_a_key_of_the_root_user_when_reported_then_it_says_that_only_root_can_do_it() {
    for rule in ["IAM-001", "IAM-038", "TrustedAdvisor-003"] {
        let bench = Bench::new().await;
        bench
            .wire
            .on("iam:GetAccessKeyLastUsed")
            .always()
            .answers(200, &used(None, Some(Timestamp::now())));
        let ran = bench.repair(rule, "AKIAI44QH8DHBEXAMPLE").await;
        assert!(ran.unsupported().contains("root user"), "{}", ran.outcome());
    }
}

#[tokio::test]
async fn given_the_key_that_the_function_signs_with_when_reported_then_it_is_left() {
    // The bench's own.
    const OWN: &str = "AKIAIOSFODNN7EXAMPLE";
    let bench = Bench::new().await;
    let wire = &bench.wire;
    wire.on("iam:GetAccessKeyLastUsed")
        .always()
        .answers(200, &used(Some(USER), None));
    wire.on("iam:ListAccessKeys")
        .always()
        .answers(200, &page(&[OWN], None));
    let ran = bench.repair("TrustedAdvisor-003", OWN).await;
    assert!(ran.unsupported().contains("itself"), "{}", ran.outcome());
}

#[tokio::test]
async fn given_a_user_in_except_users_when_its_key_is_reported_then_it_is_left() {
    for users in ["Break-Glass", "break*"] {
        let parameters = json!({ "except_users": [users] });
        let bench = Bench::told("TrustedAdvisor-003", &parameters).await;
        user(&bench, "break-glass").await;
        let key = key(&bench, "break-glass").await;
        let ran = bench.repair("TrustedAdvisor-003", &key).await;
        assert!(
            ran.unsupported().contains("except_users"),
            "{users}: {}",
            ran.outcome()
        );
    }
}

#[tokio::test]
async fn given_more_keys_than_a_page_when_it_is_on_the_second_then_it_is_found() {
    const KEY: &str = "AKIAI44QH8DHBEXAMPLE";
    let bench = Bench::new().await;
    let wire = &bench.wire;
    wire.on("iam:GetAccessKeyLastUsed")
        .answers(200, &used(Some(USER), None));
    wire.on("iam:ListAccessKeys")
        .answers(200, &page(&["AKIAI44QH8DHBANOTHER"], Some("second")));
    wire.on("iam:ListAccessKeys")
        .answers(200, &page(&[KEY], None));
    let finding = bench.finding("IAM-038", KEY);
    let ran = bench.run(&finding, Mode::Observe).await;
    // The user is none of moto's: reading its tags ends it, after the key was found.
    assert_eq!(
        ran.names(),
        [
            "iam:GetAccessKeyLastUsed",
            "iam:ListAccessKeys",
            "iam:ListAccessKeys",
            "iam:ListUserTags"
        ]
    );
    let seconds = ran
        .calls
        .iter()
        .filter(|call| call.body.contains("Marker=second"));
    assert_eq!(seconds.count(), 1);
}

#[tokio::test]
async fn given_a_key_that_iam_lists_no_more_when_reported_then_it_does_not_exist() {
    let bench = Bench::new().await;
    let wire = &bench.wire;
    wire.on("iam:GetAccessKeyLastUsed")
        .answers(200, &used(Some(USER), None));
    wire.on("iam:ListAccessKeys").answers(200, &page(&[], None));
    let ran = bench.repair("IAM-038", "AKIAI44QH8DHBEXAMPLE").await;
    assert!(
        ran.unsupported().contains("does not exist"),
        "{}",
        ran.outcome()
    );
}

#[tokio::test]
async fn given_a_user_that_terraform_deploys_when_its_key_is_deactivated_then_the_change_says_so() {
    let bench = Bench::new().await;
    user(&bench, USER).await;
    let tag = Tag::builder().key("ManagedBy").value("Terraform").build();
    let tagged = client(&bench).tag_user().user_name(USER).tags(tag.unwrap());
    tagged.send().await.unwrap();
    let key = key(&bench, USER).await;
    let ran = bench.repair("TrustedAdvisor-003", &key).await;
    ran.assert_repaired();
    assert!(
        ran.change()
            .notes
            .iter()
            .any(|note| note.contains("Terraform"))
    );
}

#[tokio::test]
async fn given_iam_shows_a_change_late_when_repaired_then_it_waits_and_writes_once() {
    let bench = Bench::new().await;
    user(&bench, USER).await;
    let key = key(&bench, USER).await;
    // The first look after the write still shows the key as it was.
    bench
        .wire
        .on("iam:ListAccessKeys")
        .nth(2)
        .answers(200, &page(&[&key], None));
    let ran = bench.repair("TrustedAdvisor-003", &key).await;
    ran.assert_repaired();
    assert_eq!(ran.writes(), ["iam:UpdateAccessKey"]);
}

#[tokio::test]
async fn given_a_malformed_key_id_when_reported_then_no_call_is_made() {
    let bench = Bench::new().await;
    for id in [
        "AKIA",
        "AKIAI44QH8DHB/EXAMPLE",
        "AKIAI44QH8DHBEXAMPLE&Action=DeleteUser",
    ] {
        let ran = bench.repair("TrustedAdvisor-003", id).await;
        assert!(
            ran.unsupported().contains("access key id"),
            "{}",
            ran.outcome()
        );
        assert!(ran.names().is_empty(), "{:?}", ran.names());
    }
}
