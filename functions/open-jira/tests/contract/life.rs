//! The life of a ticket.

use remediate_core::Mode;
use remediate_core::change::Outcome;
use remediate_core::config::Period;
use remediate_core::function::Function;
use sandbox::{StatusCategory, Workflow};
use serde_json::json;

use crate::bench::{Bench, at, data_center, failure, pass, run_on, task};

const APPLIED: Outcome = Outcome::Applied { changes: 1 };

#[tokio::test]
async fn given_a_failure_when_run_then_one_ticket_with_all_context() {
    let bench = Bench::with(
        |_| {},
        |config| {
            config.services.guides.url = Some("https://wiki.example.com/{check}".to_owned());
            config.services.jira.labels = vec!["posture".to_owned()];
        },
    )
    .await;
    assert_eq!(bench.fail(0).await, APPLIED);

    let ticket = bench.ticket();
    let fingerprint = failure(0).fingerprint().to_string();
    assert_eq!(
        ticket.summary,
        "Failed device check: disk_encryption_check on ALICE-LAPTOP (alice@example.com)"
    );
    assert_eq!(ticket.project, "SEC");
    assert_eq!(ticket.issue_type, "Task");
    assert_eq!(
        ticket.labels,
        [
            "ar-".to_owned() + &fingerprint,
            "auto-remediate".to_owned(),
            "posture".to_owned()
        ]
    );
    assert_eq!(
        ticket.properties["auto-remediate"],
        json!({ "fingerprint": fingerprint, "rule": "posture.disk-encryption" })
    );
    assert_eq!(ticket.assignee.as_deref(), Some("Alice Andersson"));
    for context in [
        "alice@example.com",
        "DEV-7",
        "ALICE-LAPTOP",
        "windows 11",
        "disk_encryption_check",
        "encrypted",
        "BitLocker off on C:\\",
        "2026-11-02 09:00:00 UTC",
        "s3://posture/2026/11/02.json.gz row 42",
        "posture.disk-encryption",
        "high",
        "https://wiki.example.com/disk-encryption",
        &fingerprint,
    ] {
        assert!(
            ticket.description_text.contains(context),
            "`{context}` is missing in:\n{}",
            ticket.description_text
        );
    }
}

#[tokio::test]
async fn given_a_data_center_when_run_then_wiki_text_and_a_name() {
    let bench = Bench::with(|_| {}, data_center).await;
    assert_eq!(bench.fail(0).await, APPLIED);
    let ticket = bench.ticket();
    let wiki = ticket.description.as_str().unwrap();
    assert!(wiki.contains("h3. What failed"), "{wiki}");
    assert!(wiki.contains("C&#58;&#92;"), "{wiki}");
    assert_eq!(ticket.assignee.as_deref(), Some("Alice Andersson"));
    assert_eq!(bench.pass(1).await, Outcome::Applied { changes: 2 });
    assert_eq!(bench.ticket().status_category, "done");
}

#[tokio::test]
async fn given_a_token_with_scopes_when_run_then_the_gateway_path_is_kept() {
    let sandbox = sandbox::Sandbox::start(sandbox::SandboxConfig::default())
        .await
        .unwrap();
    let url = sandbox.jira_gateway_url();
    let bench = Bench::with(
        |_| {},
        |config| {
            config.services.jira.base_url = Some(url.parse().unwrap());
            config.services.jira.api_token =
                remediate_core::secret::SecretRef::given("sandbox-scoped-token");
        },
    )
    .await;
    assert_eq!(bench.fail(0).await, APPLIED);
    assert_eq!(sandbox.tickets().len(), 1);
    assert!(bench.tickets().is_empty());
}

#[tokio::test]
async fn given_a_known_account_when_failing_then_one_call_and_no_search() {
    let mut files = remediate_core::config::ConfigFiles::packaged();
    files.replace(
        "people.toml",
        "[defaults]\nlanguage = \"en\"\n[people.\"alice@example.com\"]\njira_account = \"712020:alice\"\n"
            .to_owned(),
        "test",
    );
    let people = remediate_core::config::Config::load(&files, &|_| None)
        .unwrap()
        .people;
    let bench = Bench::with(|_| {}, |config| config.people = people).await;
    bench.fail(0).await;
    assert_eq!(bench.calls(), ["POST /rest/api/3/issue"]);
    assert_eq!(bench.ticket().assignee.as_deref(), Some("Alice Andersson"));
}

#[tokio::test]
async fn given_the_same_failure_delivered_twice_then_nothing_is_done_twice() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    let calls = bench.calls().len();
    assert_eq!(bench.fail(0).await, Outcome::AlreadyDone);
    assert_eq!(bench.calls().len(), calls);
}

#[tokio::test]
async fn given_repeats_then_a_comment_a_day_and_no_field_is_touched() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    let calls = bench.calls().len();
    for hour in 1..24 {
        assert_eq!(bench.fail(hour).await, Outcome::Compliant);
    }
    assert_eq!(
        bench.calls().len(),
        calls,
        "repeats within the day cost no call"
    );

    assert_eq!(bench.fail(24).await, APPLIED);
    let ticket = bench.ticket();
    assert_eq!(ticket.comments.len(), 1);
    assert!(
        ticket.comments[0].text.contains(
            "Still failing: 25 failures since 2026-11-02 09:00:00 UTC, the newest at 2026-11-03 09:00:00 UTC."
        ),
        "{}",
        ticket.comments[0].text
    );
    assert!(ticket.comments[0].text.contains("BitLocker off"));
    assert_eq!(bench.fail(25).await, Outcome::Compliant);
    assert_eq!(bench.ticket().updates, 0);
}

#[tokio::test]
async fn given_a_pass_when_run_then_the_ticket_says_so_and_is_done() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    assert_eq!(bench.pass(2).await, Outcome::Applied { changes: 2 });
    let ticket = bench.ticket();
    assert_eq!(ticket.status_category, "done");
    assert!(
        ticket.comments[0].text.contains(
            "Passed: disk_encryption_check was seen passing at 2026-11-02 11:00:00 UTC, after 1 failure."
        ),
        "{}",
        ticket.comments[0].text
    );
    assert_eq!(bench.pass(3).await, Outcome::Compliant);
}

#[tokio::test]
async fn given_a_pass_and_no_ticket_then_no_call() {
    let bench = Bench::new().await;
    assert_eq!(bench.pass(0).await, Outcome::Compliant);
    assert!(bench.calls().is_empty());
}

#[tokio::test]
async fn given_a_pass_that_is_older_than_the_failure_then_the_ticket_stays_open() {
    let bench = Bench::new().await;
    bench.fail(5).await;
    assert_eq!(bench.run(pass(3), at(6)).await, Outcome::Compliant);
    assert_eq!(bench.ticket().status_category, "new");
}

#[tokio::test]
async fn given_an_older_failure_after_the_pass_then_it_is_ignored() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.pass(5).await;
    assert_eq!(bench.run(failure(3), at(6)).await, Outcome::Compliant);
    assert_eq!(bench.ticket().status_category, "done");
}

#[tokio::test]
async fn given_a_failure_within_the_week_then_the_same_ticket_is_reopened() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.pass(2).await;
    assert_eq!(
        bench.fail(2 + 7 * 24).await,
        Outcome::Applied { changes: 2 }
    );
    let ticket = bench.ticket();
    assert_ne!(ticket.status_category, "done");
    assert!(ticket.comments[1].text.contains("Failing again: 1 failure"));
    bench.pass(200).await;
    assert_eq!(bench.ticket().status_category, "done");
}

#[tokio::test]
async fn given_a_failure_later_than_that_then_a_new_ticket_names_the_old_one() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.pass(2).await;
    assert_eq!(bench.fail(3 + 7 * 24).await, APPLIED);
    let tickets = bench.tickets();
    assert_eq!(tickets.len(), 2);
    assert!(
        tickets[1].description_text.contains("SEC-1"),
        "{}",
        tickets[1].description_text
    );
    assert_eq!(tickets[0].status_category, "done");
}

#[tokio::test]
async fn given_names_in_another_language_then_the_category_decides() {
    let bench = Bench::with(|jira| jira.workflow = Workflow::german(), |_| {}).await;
    bench.fail(0).await;
    bench.pass(1).await;
    assert_eq!(bench.ticket().status, "Fertig");
}

#[tokio::test]
async fn given_a_configured_transition_then_its_name_or_number_wins() {
    for name in ["wONTFIX", "41"] {
        let bench = Bench::with(
            |jira| {
                jira.workflow.statuses.push(sandbox::Status {
                    id: "10009".to_owned(),
                    name: "Dismissed".to_owned(),
                    category: StatusCategory::Done,
                });
                jira.workflow.transitions.push(sandbox::Transition {
                    id: "41".to_owned(),
                    name: "WontFix".to_owned(),
                    to: "10009".to_owned(),
                    from: Vec::new(),
                    resolution_screen: false,
                });
            },
            |config| config.services.jira.close_transition = Some(name.to_owned()),
        )
        .await;
        bench.fail(0).await;
        bench.pass(1).await;
        assert_eq!(bench.ticket().status, "Dismissed", "{name}");
    }
}

#[tokio::test]
async fn given_a_screen_that_asks_for_a_resolution_then_it_gets_one() {
    let bench = Bench::with(
        |jira| jira.workflow = Workflow::with_resolution_screen(),
        |_| {},
    )
    .await;
    bench.fail(0).await;
    assert_eq!(bench.pass(1).await, Outcome::Applied { changes: 2 });
    assert_eq!(bench.ticket().resolution.as_deref(), Some("Done"));
}

#[tokio::test]
async fn given_a_workflow_without_an_end_then_one_comment_and_an_outcome_that_says_so() {
    let bench = Bench::with(|jira| jira.workflow = Workflow::without_done(), |_| {}).await;
    bench.fail(0).await;
    let Outcome::Unverified { left: because, .. } = bench.pass(1).await else {
        panic!("a ticket that stays open is nothing that was applied");
    };
    assert!(because.contains("SEC-1 cannot be closed"), "{because}");
    let calls = bench.calls().len();
    assert!(matches!(bench.pass(2).await, Outcome::Unsupported { .. }));
    assert_eq!(
        bench.calls().len(),
        calls,
        "it is not tried again and again"
    );
    assert_eq!(bench.ticket().comments.len(), 1);

    // Flapping is told at most once a day; what follows is told again.
    assert_eq!(bench.fail(3).await, Outcome::Compliant);
    assert_eq!(bench.fail(30).await, APPLIED);
    bench.pass(31).await;
    assert_eq!(bench.ticket().comments.len(), 3);
}

#[tokio::test]
async fn given_a_ticket_that_a_person_closed_when_it_passes_then_it_is_left_alone() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    close_by_hand(&bench).await;
    assert_eq!(bench.pass(1).await, Outcome::Compliant);
    let ticket = bench.ticket();
    assert!(ticket.comments.is_empty());
    assert_eq!(ticket.transitions.len(), 1);
}

#[tokio::test]
async fn given_a_ticket_that_a_person_closed_when_it_fails_on_then_it_is_reopened_with_a_word() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    close_by_hand(&bench).await;
    bench.fail(24).await;
    let ticket = bench.ticket();
    assert_eq!(ticket.status_category, "new");
    assert_eq!(ticket.comments.len(), 1);
    assert!(ticket.comments[0].text.contains("Failing again"));
}

#[tokio::test]
async fn given_a_deleted_ticket_when_it_fails_on_then_another_is_opened() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    let first = bench.ticket().key;
    delete(&bench, &first).await;
    bench.fail(24).await;
    assert_ne!(bench.ticket().key, first);
}

#[tokio::test]
async fn given_a_deleted_ticket_when_it_passes_then_nothing_is_left_to_do() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    delete(&bench, "SEC-1").await;
    assert_eq!(bench.pass(1).await, Outcome::Compliant);
    assert!(bench.state().await.issue.is_none());
    assert!(bench.tickets().is_empty());
}

#[tokio::test]
async fn given_mode_observe_then_it_is_planned_without_network_or_token() {
    let bench = Bench::with(
        |_| {},
        |config| {
            config.services.jira.base_url = None;
            config.services.jira.user_email = None;
            config.services.jira.api_token = "env:NO_SUCH_VARIABLE".parse().unwrap();
        },
    )
    .await;
    let mut task = task(failure(0));
    task.mode = Mode::Observe;
    let report = run_on(&bench.function, &*bench.ledger, &task, at(0))
        .await
        .unwrap();
    assert_eq!(report.outcome, Outcome::Planned { changes: 1 });
    assert_eq!(
        report.changes[0].summary,
        "open a ticket in SEC: posture.disk-encryption, disk_encryption_check on DEV-7 of a…@example.com"
    );
    assert!(bench.calls().is_empty());
}

#[tokio::test]
async fn given_assign_is_off_then_nobody_is_looked_up() {
    let bench = Bench::with(|_| {}, |config| config.services.jira.assign = false).await;
    bench.fail(0).await;
    assert_eq!(bench.calls(), ["POST /rest/api/3/issue"]);
    assert_eq!(bench.ticket().assignee, None);
}

#[tokio::test]
async fn given_an_ambiguous_unseen_or_sleeping_account_then_the_ticket_has_no_assignee() {
    let twin = |jira: &mut sandbox::JiraConfig| {
        jira.users.push(sandbox::User::new(
            "712020:twin",
            "twin",
            "alice@example.com",
            "Alice Twin",
        ));
    };
    let unseen = |jira: &mut sandbox::JiraConfig| jira.browse_users = false;
    let asleep = |jira: &mut sandbox::JiraConfig| {
        for user in &mut jira.users {
            user.active &= user.name != "alice";
        }
    };
    let changes: [fn(&mut sandbox::JiraConfig); 3] = [twin, unseen, asleep];
    for change in changes {
        let bench = Bench::with(change, |_| {}).await;
        assert_eq!(bench.fail(0).await, APPLIED);
        assert_eq!(bench.ticket().assignee, None);
    }
}

#[tokio::test]
async fn given_a_change_that_is_taken_back_then_the_ticket_follows() {
    let bench = Bench::with(
        |_| {},
        |config| config.services.jira.comment_every = Period::from_secs(60),
    )
    .await;
    let report = bench.try_run(failure(0), at(0)).await.unwrap();
    let created = report.changes[0].typed().unwrap();
    let remediate_core::Inverse::Reversible(close) = bench.function.inverse(&created) else {
        panic!("a ticket can be closed");
    };
    assert!(matches!(
        close.effect,
        open_jira::Effect::Close { key: None, .. }
    ));
    let remediate_core::Inverse::Reversible(reopen) = bench.function.inverse(&close) else {
        panic!("a ticket can be reopened");
    };
    assert!(matches!(reopen.effect, open_jira::Effect::Reopen { .. }));
    let commented = bench.try_run(failure(1), at(1)).await.unwrap().changes[0]
        .typed()
        .unwrap();
    assert!(matches!(
        bench.function.inverse(&commented),
        remediate_core::Inverse::Irreversible(_)
    ));
}

#[tokio::test]
async fn given_a_sound_connection_when_checked_then_it_says_who_we_are() {
    let bench = Bench::new().await;
    let connection = bench.function.check_connection().await.unwrap();
    assert_eq!(connection.account, "Remediate Bot");
    assert_eq!(connection.missing, []);
    assert!(bench.tickets().is_empty());
}

async fn close_by_hand(bench: &Bench) {
    let answer = by_hand()
        .post(format!(
            "{}/rest/api/3/issue/SEC-1/transitions",
            bench.sandbox.url()
        ))
        .basic_auth("bot@example.com", Some("sandbox-api-token"))
        .header("Content-Type", "application/json")
        .body(json!({ "transition": { "id": "31" } }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

async fn delete(bench: &Bench, key: &str) {
    let answer = by_hand()
        .delete(format!("{}/rest/api/3/issue/{key}", bench.sandbox.url()))
        .basic_auth("bot@example.com", Some("sandbox-api-token"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

fn by_hand() -> reqwest::Client {
    reqwest::Client::new()
}
