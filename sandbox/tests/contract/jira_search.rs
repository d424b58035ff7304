//! Search on Cloud: what it sees, what it refuses.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Lab};

async fn search(lab: &Lab, jql: &str) -> Answer {
    lab.post("/search/jql", json!({"jql": jql, "fields": ["summary"]}))
        .await
}

async fn keys(lab: &Lab, jql: &str) -> Vec<String> {
    let answer = search(lab, jql).await;
    assert_eq!(answer.status, 200, "{jql}: {}", answer.body);
    let issues = answer.body["issues"].as_array().unwrap();
    issues
        .iter()
        .map(|issue| issue["key"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn given_a_fresh_issue_when_searched_then_it_is_missing_until_the_lag_is_over() {
    let lab = Lab::new().await;
    lab.issue(json!({"labels": ["posture-1"]})).await;
    let jql = "project = SEC AND labels = \"posture-1\"";
    assert!(keys(&lab, jql).await.is_empty());
    assert_eq!(
        lab.get("/issue/SEC-1").await.status,
        200,
        "a direct read is consistent"
    );
    lab.sandbox.advance_clock(Duration::from_millis(2_000));
    assert_eq!(keys(&lab, jql).await, ["SEC-1"]);
}

#[tokio::test]
async fn given_a_changed_issue_when_searched_then_the_old_state_is_found_until_the_lag_is_over() {
    let lab = Lab::new().await;
    lab.issue(json!({})).await;
    lab.sandbox.advance_clock(Duration::from_secs(5));
    lab.post(
        "/issue/SEC-1/transitions",
        json!({"transition": {"id": "31"}}),
    )
    .await;
    let open = "project = SEC AND statusCategory != Done";
    assert_eq!(
        keys(&lab, open).await,
        ["SEC-1"],
        "the index still holds it as open"
    );
    lab.sandbox.advance_clock(Duration::from_secs(5));
    assert!(keys(&lab, open).await.is_empty());
    assert_eq!(keys(&lab, "statusCategory = Done").await, ["SEC-1"]);
}

#[tokio::test]
async fn given_ids_to_reconcile_when_searched_then_these_are_seen_at_once() {
    let lab = Lab::new().await;
    lab.issue(json!({"labels": ["posture-1"]})).await;
    lab.issue(json!({"labels": ["posture-1"]})).await;
    let body = |ids: Value| json!({"jql": "labels = posture-1", "fields": ["key"], "reconcileIssues": ids});
    let answer = lab.post("/search/jql", body(json!([10001]))).await;
    assert_eq!(answer.body["issues"].as_array().unwrap().len(), 1);
    assert_eq!(answer.body["issues"][0]["id"], "10001");
    let too_many: Vec<u64> = (1..=51).collect();
    assert_eq!(
        lab.post("/search/jql", body(json!(too_many))).await.status,
        400
    );
    assert_eq!(
        lab.post("/search/jql", body(json!(["10001"]))).await.status,
        400,
        "ids are numbers"
    );
}

#[tokio::test]
async fn given_pages_when_followed_then_every_issue_comes_once_and_no_total_is_told() {
    let lab = Lab::new().await;
    for _ in 0..5 {
        lab.issue(json!({})).await;
    }
    lab.sandbox.set_search_lag(Duration::ZERO);
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut body = json!({"jql": "project = SEC ORDER BY created ASC", "maxResults": 2});
        if !token.is_null() {
            body["nextPageToken"] = token;
        }
        let answer = lab.post("/search/jql", body).await;
        assert_eq!(answer.body.get("total"), None);
        for issue in answer.body["issues"].as_array().unwrap() {
            assert_eq!(
                issue.as_object().unwrap().len(),
                1,
                "without fields there is the id alone"
            );
            seen.push(issue["id"].as_str().unwrap().to_owned());
        }
        if answer.body["isLast"] == true {
            break;
        }
        token = answer.body["nextPageToken"].clone();
    }
    assert_eq!(seen, ["10001", "10002", "10003", "10004", "10005"]);
    let foreign = json!({"jql": "project = SEC", "nextPageToken": "bm9uc2Vuc2U"});
    assert_eq!(lab.post("/search/jql", foreign).await.status, 400);
}

#[tokio::test]
async fn given_the_queries_of_a_deduplicating_client_when_searched_then_they_find_what_they_say() {
    let lab = Lab::new().await;
    lab.issue(json!({"labels": ["a"], "assignee": {"accountId": "712020:alice"}}))
        .await;
    lab.issue(json!({"labels": ["b", "c"], "summary": "firewall is off"}))
        .await;
    lab.issue(json!({"priority": {"name": "High"}})).await;
    lab.post(
        "/issue/SEC-3/transitions",
        json!({"transition": {"id": "31"}}),
    )
    .await;
    lab.sandbox.set_search_lag(Duration::ZERO);
    for (jql, found) in [
        (
            "project = SEC ORDER BY created DESC",
            vec!["SEC-3", "SEC-2", "SEC-1"],
        ),
        ("labels in (\"a\", c) order by key", vec!["SEC-1", "SEC-2"]),
        ("project = sec and labels not in (a)", vec!["SEC-2"]),
        ("labels is EMPTY", vec!["SEC-3"]),
        ("labels = nowhere", vec![]),
        ("key = SEC-2", vec!["SEC-2"]),
        (
            "id in (10001, SEC-3) ORDER BY id ASC",
            vec!["SEC-1", "SEC-3"],
        ),
        (
            "project = SEC AND (labels = a OR labels = b) AND NOT key = SEC-1",
            vec!["SEC-2"],
        ),
        ("created >= -7d AND priority = High", vec!["SEC-3"]),
        ("created < -1h", vec![]),
        (
            "updated >= '2020-01-01 10:00' AND resolution = Done",
            vec!["SEC-3"],
        ),
        ("resolution != Done", vec![]),
        ("assignee = 'alice@example.com'", vec!["SEC-1"]),
        (
            "reporter = currentUser() AND status = 'To Do'",
            vec!["SEC-2", "SEC-1"],
        ),
        ("summary ~ \"fire* off\"", vec!["SEC-2"]),
    ] {
        assert_eq!(keys(&lab, jql).await, found, "{jql}");
    }
    let by_get = lab
        .get("/search/jql?jql=labels%20%3D%20a&fields=labels&maxResults=1")
        .await;
    assert_eq!(by_get.body["issues"][0]["fields"]["labels"], json!(["a"]));
}

#[tokio::test]
async fn given_queries_that_jira_refuses_when_searched_then_the_text_says_why() {
    let lab = Lab::new().await;
    let unbounded = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.";
    for (jql, text) in [
        ("", unbounded),
        ("ORDER BY created DESC", unbounded),
        (
            "project = NOPE",
            "The value 'NOPE' does not exist for the field 'project'.",
        ),
        (
            "statusCategory = Finished",
            "The value 'Finished' does not exist for the field 'statusCategory'.",
        ),
        (
            "key = SEC-99",
            "An issue with key 'SEC-99' does not exist for field 'key'.",
        ),
        (
            "colour = red",
            "Field 'colour' does not exist or you do not have permission to view it.",
        ),
        (
            "issue.property[posture].fingerprint = x",
            "Field 'issue.property[posture].fingerprint' does not exist or you do not have permission to view it.",
        ),
        (
            "labels = \"open",
            "Error in the JQL Query: The quoted string 'open' has not been completed.",
        ),
        (
            "project = SEC labels = x",
            "Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'labels'.",
        ),
        (
            "labels = membersOf()",
            "Unable to find JQL function 'membersOf()'.",
        ),
    ] {
        search(&lab, jql).await.refused_with(400, text);
    }
    for jql in [
        "project =",
        "labels in x",
        "labels ~ x",
        "summary = x",
        "created >= tomorrow",
        "(project = SEC",
        "project SEC",
    ] {
        assert_eq!(search(&lab, jql).await.status, 400, "{jql}");
    }
    assert_eq!(
        search(&lab, &"(".repeat(100_000)).await.status,
        400,
        "no stack is deep enough"
    );
    let old = json!({"jql": "project = SEC", "startAt": 0});
    lab.post("/search/jql", old).await.refused_with(
        400,
        "Invalid request payload. Refer to the REST API documentation and try again.",
    );
}
