//! Sites, projects and screens that want it otherwise.

use remediate_core::fault::FaultClass;
use sandbox::CustomField;
use serde_json::json;

use crate::bench::{Bench, at, data_center, failure};

#[tokio::test]
async fn given_a_screen_without_labels_then_the_ticket_is_opened_without_and_the_next_at_once() {
    for on_data_center in [false, true] {
        let bench = Bench::with(
            |jira| jira.labels_on_screen = false,
            |config| {
                config.services.jira.assign = false;
                if on_data_center {
                    data_center(config);
                }
            },
        )
        .await;
        bench.fail(0).await;
        assert!(bench.ticket().labels.is_empty());
        assert_eq!(bench.calls().len(), 2);

        let mut other = failure(0);
        other.rule = "posture.firewall".into();
        bench.run(other, at(0)).await;
        assert_eq!(bench.calls().len(), 3, "the process remembers");
        assert_eq!(bench.tickets().len(), 2);
    }
}

#[tokio::test]
async fn given_a_required_field_that_is_not_configured_then_the_error_names_it_and_where_to_set_it()
{
    let bench = Bench::with(
        |jira| {
            jira.custom_fields = vec![CustomField::required("customfield_10050", "Cost centre")];
        },
        |_| {},
    )
    .await;
    let error = bench.try_run(failure(0), at(0)).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Permanent);
    let text = error.to_string();
    assert!(
        text.contains("customfield_10050") && text.contains("[jira.fields]"),
        "{text}"
    );
    let connection = bench.function.check_connection().await.unwrap();
    assert_eq!(connection.missing[0].id, "customfield_10050");
    assert_eq!(connection.missing[0].name, "Cost centre");
}

#[tokio::test]
async fn given_a_required_field_that_is_configured_then_it_is_sent_as_it_is_written() {
    let bench = Bench::with(
        |jira| {
            jira.custom_fields = vec![CustomField::required("customfield_10050", "Cost centre")];
        },
        |config| {
            config.services.jira.fields.insert(
                "customfield_10050".to_owned(),
                toml::Value::String("4711".to_owned()),
            );
        },
    )
    .await;
    bench.fail(0).await;
    assert_eq!(bench.ticket().fields["customfield_10050"], json!("4711"));
    assert_eq!(bench.function.check_connection().await.unwrap().missing, []);
}

#[tokio::test]
async fn given_a_project_or_a_type_that_is_not_there_then_the_key_is_named() {
    type Change = fn(&mut remediate_core::config::Config);
    let table: [(Change, &str); 2] = [
        (
            |config| config.services.jira.project = "NOPE".to_owned(),
            "jira.project",
        ),
        (
            |config| config.services.jira.issue_type = "Epiphany".to_owned(),
            "jira.issue_type",
        ),
    ];
    for (change, key) in table {
        let bench = Bench::with(|_| {}, change).await;
        let error = bench.try_run(failure(0), at(0)).await.unwrap_err();
        assert_eq!(error.class(), FaultClass::Configuration, "{error}");
        assert!(error.to_string().contains(key), "{error}");
        let error = bench.function.check_connection().await.unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[tokio::test]
async fn given_something_is_not_configured_then_the_key_is_named_when_it_is_needed() {
    type Change = fn(&mut remediate_core::config::Config);
    let table: [(Change, &str); 3] = [
        (
            |config| config.services.jira.base_url = None,
            "jira.base_url",
        ),
        (
            |config| config.services.jira.user_email = None,
            "jira.user_email",
        ),
        (
            |config| config.services.jira.api_token = "env:NO_SUCH_VARIABLE".parse().unwrap(),
            "env:NO_SUCH_VARIABLE",
        ),
    ];
    for (change, key) in table {
        let bench = Bench::with(|_| {}, change).await;
        let error = bench.try_run(failure(0), at(0)).await.unwrap_err();
        assert_eq!(error.class(), FaultClass::Configuration, "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[tokio::test]
async fn given_a_wrong_token_then_the_error_helps_and_shows_neither_token_nor_address() {
    let bench = Bench::with(
        |_| {},
        |config| {
            config.services.jira.api_token =
                remediate_core::secret::SecretRef::given("wrong-and-secret");
        },
    )
    .await;
    let error = bench.try_run(failure(0), at(0)).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Configuration);
    let text = format!("{error} {error:?}");
    assert!(text.contains("api.atlassian.com/ex/jira"), "{text}");
    for secret in ["wrong-and-secret", "alice@example.com", "bot@example.com"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn given_a_person_who_cannot_be_assigned_then_the_ticket_is_nobodys() {
    let bench = Bench::with(
        |jira| {
            for user in &mut jira.users {
                // Found by the search, refused by the project.
                if user.name == "alice" {
                    user.account_id = "712020:nobody-here".to_owned();
                }
            }
        },
        |_| {},
    )
    .await;
    bench.sandbox.inject(
        sandbox::Fault::on(sandbox::Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .times(1)
            .effect(sandbox::Effect::Status {
                status: 400,
                headers: std::collections::BTreeMap::new(),
                body: Some(json!({ "errorMessages": [], "errors": { "assignee": "User 'alice@example.com' cannot be assigned issues." } })),
                retry_after: None,
            }),
    );
    bench.fail(0).await;
    assert_eq!(bench.ticket().assignee, None);
    assert_eq!(bench.state().await.issue.unwrap().assignee, None);
}

#[tokio::test]
async fn given_a_screen_without_a_description_then_the_context_is_a_comment() {
    let bench = Bench::new().await;
    bench.sandbox.inject(
        sandbox::Fault::on(sandbox::Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .times(1)
            .effect(sandbox::Effect::Status {
                status: 400,
                headers: std::collections::BTreeMap::new(),
                body: Some(json!({ "errorMessages": [], "errors": { "description": "Field 'description' cannot be set. It is not on the appropriate screen, or unknown." } })),
                retry_after: None,
            }),
    );
    bench.fail(0).await;
    let ticket = bench.ticket();
    assert!(ticket.description.is_null());
    assert!(ticket.comments[0].text.contains("BitLocker off"));
}

#[tokio::test]
async fn given_a_ticket_that_takes_no_more_comments_then_it_is_closed_all_the_same() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.sandbox.inject(
        sandbox::Fault::on(sandbox::Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue/*/comment")
            .status(413),
    );
    bench.pass(1).await;
    assert_eq!(bench.ticket().status_category, "done");
}

#[tokio::test]
async fn given_a_configured_transition_that_leads_elsewhere_then_it_is_not_taken() {
    let bench = Bench::with(
        |_| {},
        |config| config.services.jira.close_transition = Some("In Progress".to_owned()),
    )
    .await;
    bench.fail(0).await;
    let error = bench
        .try_run(crate::bench::pass(1), at(1))
        .await
        .unwrap_err();
    assert_eq!(error.class(), FaultClass::Permanent);
    assert!(
        error.to_string().contains("jira.close_transition"),
        "{error}"
    );
    assert!(bench.ticket().transitions.is_empty());
}

#[tokio::test]
async fn given_a_configured_transition_that_is_not_offered_then_the_outcome_says_which_are() {
    let bench = Bench::with(
        |_| {},
        |config| config.services.jira.close_transition = Some("Archive".to_owned()),
    )
    .await;
    bench.fail(0).await;
    let outcome = bench.run(crate::bench::pass(1), at(1)).await.to_string();
    assert!(
        outcome.contains("`Archive`") && outcome.contains("`In Progress`"),
        "{outcome}"
    );
}
