//! Jira Data Center, version 2; and version 2 of Cloud.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Lab, doc, send};

fn issue(fields: Value) -> Option<Value> {
    let mut all = json!({"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "s"});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    Some(json!({"fields": all}))
}

#[tokio::test]
async fn given_wiki_text_and_names_when_created_then_they_are_read_back_in_data_centers_shape() {
    let lab = Lab::new().await;
    let fields =
        json!({"description": "h2. Why\n*bold*", "assignee": {"name": "dmitri"}, "labels": ["x"]});
    let made = lab.data_center(Method::POST, "/issue", issue(fields)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(
        made.body["self"]
            .as_str()
            .unwrap()
            .contains("/rest/api/2/issue/")
    );
    let read = lab.data_center(Method::GET, "/issue/SEC-1", None).await;
    assert_eq!(read.body["fields"]["description"], "h2. Why\n*bold*");
    assert_eq!(read.body["fields"]["assignee"]["name"], "dmitri");
    assert_eq!(read.body["fields"]["assignee"].get("accountId"), None);
    let comment = lab
        .data_center(
            Method::POST,
            "/issue/SEC-1/comment",
            Some(json!({"body": "again"})),
        )
        .await;
    assert_eq!(comment.body["body"], "again");
    let reassigned = lab
        .data_center(
            Method::PUT,
            "/issue/SEC-1/assignee",
            Some(json!({"name": "alice"})),
        )
        .await;
    assert_eq!(reassigned.status, 204);
    assert_eq!(
        lab.sandbox.tickets()[0].assignee.as_deref(),
        Some("Alice Andersson")
    );
}

#[tokio::test]
async fn given_faulty_fields_when_created_then_the_refusals_stand_under_their_fields() {
    let lab = Lab::new().await;
    for (field, value, text) in [
        (
            "labels",
            json!(["x y"]),
            "The label 'x y' contains spaces which is invalid.",
        ),
        ("description", doc("x"), "Operation value must be a string"),
        (
            "assignee",
            json!({"name": "nobody"}),
            "User 'nobody' does not exist.",
        ),
        ("project", json!(null), "project is required"),
        (
            "issuetype",
            json!({"name": "Epic"}),
            "valid issue type is required",
        ),
    ] {
        let answer = lab
            .data_center(Method::POST, "/issue", issue(json!({field: value})))
            .await;
        answer.refused_field(field, text);
        assert_eq!(answer.body["errorMessages"], json!([]));
    }
    let missing = lab.data_center(Method::GET, "/issue/SEC-9", None).await;
    missing.refused_with(404, "Issue Does Not Exist");
}

#[tokio::test]
async fn given_wrong_tokens_when_called_then_it_is_401() {
    let lab = Lab::new().await;
    let url = format!("{}/rest/api/2/myself", lab.sandbox.url());
    assert_eq!(
        send(lab.client.get(&url).bearer_auth("sandbox-pat"))
            .await
            .status,
        200
    );
    let wrong = send(lab.client.get(&url).bearer_auth("expired")).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.headers["x-seraph-loginreason"],
        "AUTHENTICATED_FAILED"
    );
    assert_eq!(send(lab.client.get(&url)).await.status, 401);
    let info = send(
        lab.client
            .get(format!("{}/rest/api/2/serverInfo", lab.sandbox.url())),
    )
    .await;
    assert_eq!(info.body["deploymentType"], "Server");
}

#[tokio::test]
async fn given_the_old_search_when_used_then_data_center_has_it_with_a_total_and_cloud_has_removed_it()
 {
    let lab = Lab::new().await;
    for _ in 0..3 {
        lab.issue(json!({"labels": ["posture-1"]})).await;
    }
    lab.sandbox.advance_clock(std::time::Duration::from_secs(5));
    let body =
        json!({"jql": "labels = posture-1", "startAt": 1, "maxResults": 1, "fields": ["labels"]});
    let found = lab.data_center(Method::POST, "/search", Some(body)).await;
    assert_eq!(
        (found.body["total"].as_u64(), found.body["startAt"].as_u64()),
        (Some(3), Some(1))
    );
    assert_eq!(found.body["issues"][0]["key"], "SEC-2");
    let by_get = lab
        .data_center(Method::GET, "/search?jql=project%20%3D%20SEC", None)
        .await;
    assert_eq!(by_get.body["total"], 3);
    let no_such_page = lab
        .data_center(
            Method::POST,
            "/search/jql",
            Some(json!({"jql": "project = SEC"})),
        )
        .await;
    assert_eq!(no_such_page.status, 404);
    let removed = lab.get("/search?jql=project%20%3D%20SEC").await;
    assert_eq!(removed.status, 410);
    assert!(
        removed.body["errorMessages"][0]
            .as_str()
            .unwrap()
            .starts_with("The requested API has been removed.")
    );
}

#[tokio::test]
async fn given_version_2_of_cloud_when_used_with_basic_then_text_is_wiki_and_people_have_account_ids()
 {
    let lab = Lab::new().await;
    let request = |method: Method, path: &str| {
        lab.client
            .request(method, format!("{}/rest/api/2{path}", lab.sandbox.url()))
            .basic_auth("bot@example.com", Some("sandbox-api-token"))
    };
    let fields = json!({"description": "plain", "assignee": {"accountId": "712020:alice"}});
    let made = send(request(Method::POST, "/issue").json(&issue(fields))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let in_three = lab.get("/issue/SEC-1").await;
    assert_eq!(in_three.body["fields"]["description"], doc("plain"));
}
