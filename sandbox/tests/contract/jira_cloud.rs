//! Jira Cloud, version 3.

use reqwest::{Method, StatusCode};
use sandbox::{CustomField, JiraConfig, SandboxConfig, Workflow};
use serde_json::{Value, json};

use super::{Lab, doc, send};

fn with(change: impl FnOnce(&mut JiraConfig)) -> SandboxConfig {
    let mut config = SandboxConfig::default();
    change(&mut config.jira);
    config
}

#[tokio::test]
async fn given_a_complete_issue_when_created_then_it_is_there_at_once_under_id_and_key() {
    let lab = Lab::new().await;
    let answer = lab
        .create(json!({
            "description": doc("expected: on"), "labels": ["posture-1", "a"], "priority": {"name": "High"},
            "assignee": {"accountId": "712020:alice"}, "duedate": "2026-12-01",
        }))
        .await;
    assert_eq!(answer.status, 201);
    let link = format!("{}/rest/api/3/issue/10001", lab.sandbox.url());
    assert_eq!(
        answer.body,
        json!({"id": "10001", "key": "SEC-1", "self": link})
    );
    for id in ["SEC-1", "sec-1", "10001"] {
        let issue = lab.get(&format!("/issue/{id}")).await;
        let fields = &issue.body["fields"];
        assert_eq!(fields["description"], doc("expected: on"));
        assert_eq!(fields["labels"], json!(["a", "posture-1"]));
        assert_eq!(fields["status"]["statusCategory"]["key"], "new");
        assert_eq!(fields["assignee"]["emailAddress"], "alice@example.com");
        assert_eq!(fields["resolution"], Value::Null);
        assert!(fields["created"].as_str().unwrap().ends_with("+0000"));
    }
    let issue = lab.get("/issue/SEC-1?fields=summary,labels").await;
    assert_eq!(issue.body["fields"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn given_a_description_that_is_no_document_when_created_then_it_is_refused() {
    let lab = Lab::new().await;
    lab.create(json!({"description": "plain"}))
        .await
        .refused_field(
            "description",
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)",
        );
    for broken in [
        json!({"type": "doc", "content": []}),
        json!({"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]}),
        json!({"type": "doc", "version": 1, "content": [{"type": "div"}]}),
    ] {
        let answer = lab.create(json!({"description": broken})).await;
        answer.refused_with(400, "INVALID_INPUT");
        assert!(
            answer.headers["x-sandbox-why"]
                .to_str()
                .unwrap()
                .starts_with("description/")
        );
    }
    let fits = doc(&"x".repeat(32_767));
    assert_eq!(lab.create(json!({"description": fits})).await.status, 201);
    lab.create(json!({"description": doc(&"x".repeat(32_768))}))
        .await
        .refused_field(
            "description",
            "The entered text is too long. It exceeds the allowed limit of 32,767 characters.",
        );
}

#[tokio::test]
async fn given_summaries_when_created_then_one_line_of_1_to_255_characters_is_taken() {
    let lab = Lab::new().await;
    assert_eq!(
        lab.create(json!({"summary": "é".repeat(255)})).await.status,
        201
    );
    for (summary, text) in [
        (json!(""), "You must specify a summary of the issue."),
        (json!(null), "You must specify a summary of the issue."),
        (
            json!("a\nb"),
            "The summary is invalid because it contains newline characters.",
        ),
        (
            json!("é".repeat(256)),
            "Summary must be less than 255 characters.",
        ),
        (json!(7), "Operation value must be a string"),
    ] {
        lab.create(json!({"summary": summary}))
            .await
            .refused_field("summary", text);
    }
    let fields = json!({"project": {"key": "SEC"}, "issuetype": {"name": "Task"}});
    let missing = lab.post("/issue", json!({"fields": fields})).await;
    missing.refused_field("summary", "You must specify a summary of the issue.");
    assert!(lab.sandbox.tickets().len() == 1);
}

#[tokio::test]
async fn given_labels_with_spaces_or_too_long_when_created_then_the_refusal_has_clouds_shape() {
    let lab = Lab::new().await;
    let answer = lab.create(json!({"labels": ["two words"]})).await;
    assert_eq!(
        answer.body,
        json!({"errorMessages": ["The label 'two words' can't contain spaces."], "warningMessages": []})
    );
    assert_eq!(answer.status, 400);
    assert_eq!(
        lab.create(json!({"labels": ["x".repeat(256)]}))
            .await
            .status,
        400
    );
    assert_eq!(
        lab.create(json!({"labels": ["x".repeat(255)]}))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn given_fields_that_are_not_on_the_screen_when_set_then_each_is_told() {
    let lab = Lab::with(with(|jira| jira.labels_on_screen = false)).await;
    let answer = lab
        .create(json!({"labels": ["x"], "customfield_1": "y"}))
        .await;
    for field in ["labels", "customfield_1"] {
        let text = format!(
            "Field '{field}' cannot be set. It is not on the appropriate screen, or unknown."
        );
        answer.refused_field(field, &text);
    }
    assert!(lab.sandbox.tickets().is_empty());
}

#[tokio::test]
async fn given_a_required_custom_field_when_it_is_missing_then_createmeta_told_so_before() {
    let lab = Lab::with(with(|jira| {
        jira.custom_fields
            .push(CustomField::required("customfield_10050", "Department"));
    }))
    .await;
    let meta = lab.get("/issue/createmeta/SEC/issuetypes").await;
    let id = meta.body["issueTypes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let meta = lab
        .get(&format!("/issue/createmeta/SEC/issuetypes/{id}"))
        .await;
    let fields = meta.body["fields"].as_array().unwrap();
    let department = fields
        .iter()
        .find(|field| field["fieldId"] == "customfield_10050")
        .unwrap();
    assert_eq!(department["required"], true);
    lab.create(json!({}))
        .await
        .refused_field("customfield_10050", "Department is required.");
    assert_eq!(
        lab.create(json!({"customfield_10050": "IT"})).await.status,
        201
    );
}

#[tokio::test]
async fn given_unknown_projects_types_people_and_priorities_when_created_then_each_is_named() {
    let lab = Lab::new().await;
    for (field, value, text) in [
        (
            "project",
            json!({"key": "NOPE"}),
            "valid project is required",
        ),
        ("project", json!(null), "Specify a valid project ID or key"),
        (
            "issuetype",
            json!({"name": "Epic"}),
            "Specify a valid issue type",
        ),
        ("issuetype", json!(null), "Specify an issue type"),
        (
            "assignee",
            json!({"accountId": "nobody"}),
            "User 'nobody' does not exist.",
        ),
        (
            "assignee",
            json!({"accountId": "712020:emil"}),
            "User '712020:emil' cannot be assigned issues.",
        ),
        (
            "assignee",
            json!({"name": "alice"}),
            "'accountId' must be the only user identifying query parameter in GDPR strict mode.",
        ),
        (
            "priority",
            json!({"name": "Urgent"}),
            "Priority name 'Urgent' is not valid",
        ),
    ] {
        lab.create(json!({field: value}))
            .await
            .refused_field(field, text);
    }
}

#[tokio::test]
async fn given_an_update_when_it_names_some_fields_then_the_others_stay() {
    let lab = Lab::new().await;
    let key = lab.issue(json!({"labels": ["a"], "description": doc("d"), "assignee": {"accountId": "712020:alice"}})).await;
    let path = format!("/issue/{key}");
    let edited = lab
        .put(
            &path,
            json!({"fields": {"summary": "new"}, "update": {"labels": [{"add": "b"}]}}),
        )
        .await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT);
    let ticket = &lab.sandbox.tickets()[0];
    assert_eq!(
        (ticket.summary.as_str(), ticket.labels.join(",")),
        ("new", "a,b".into())
    );
    assert_eq!(ticket.description_text, "d");
    assert_eq!(ticket.assignee.as_deref(), Some("Alice Andersson"));
    assert_eq!(ticket.updates, 1);
    lab.put(&path, json!({"fields": {"summary": "x", "bogus": 1}}))
        .await
        .refused_field(
            "bogus",
            "Field 'bogus' cannot be set. It is not on the appropriate screen, or unknown.",
        );
    assert_eq!(
        lab.sandbox.tickets()[0].summary,
        "new",
        "a refused update changes nothing"
    );
    lab.put(&path, json!({}))
        .await
        .refused_with(400, "one of 'fields' or 'update' required");
    let missing = lab.get("/issue/SEC-99").await;
    missing.refused_with(
        404,
        "Issue does not exist or you do not have permission to see it.",
    );
}

#[tokio::test]
async fn given_a_localised_workflow_when_closed_by_category_then_the_resolution_is_set_and_reopening_clears_it()
 {
    let lab = Lab::with(with(|jira| jira.workflow = Workflow::german())).await;
    let key = lab.issue(json!({})).await;
    let path = format!("/issue/{key}/transitions");
    let transitions = lab.get(&path).await.body["transitions"].clone();
    let to = |category: &str| {
        let list = transitions.as_array().unwrap();
        let found = list
            .iter()
            .find(|t| t["to"]["statusCategory"]["key"] == category)
            .unwrap();
        json!({"transition": {"id": found["id"]}})
    };
    assert_eq!(
        lab.post(&path, to("done")).await.status,
        StatusCode::NO_CONTENT
    );
    let ticket = &lab.sandbox.tickets()[0];
    assert_eq!(
        (ticket.status.as_str(), ticket.status_category.as_str()),
        ("Fertig", "done")
    );
    assert_eq!(ticket.resolution.as_deref(), Some("Done"));
    lab.post(&path, to("new")).await;
    assert_eq!(lab.sandbox.tickets()[0].resolution, None);
    assert_eq!(lab.sandbox.tickets()[0].transitions.len(), 2);
}

#[tokio::test]
async fn given_transitions_that_do_not_exist_when_asked_for_then_they_are_refused() {
    let lab = Lab::with(with(|jira| jira.workflow = Workflow::without_done())).await;
    let key = lab.issue(json!({})).await;
    let path = format!("/issue/{key}/transitions");
    let list = lab.get(&path).await.body["transitions"].clone();
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .all(|t| t["to"]["statusCategory"]["key"] != "done")
    );
    let go = |id: &str| json!({"transition": {"id": id}});
    lab.post(&path, go("31"))
        .await
        .refused_with(400, "Transition id '31' is not valid for this issue.");
    lab.post(&path, json!({"transition": {"name": "Done"}}))
        .await
        .refused_with(400, "Missing 'transition' identifier");
    let with_resolution =
        json!({"transition": {"id": "21"}, "fields": {"resolution": {"name": "Done"}}});
    lab.post(&path, with_resolution).await.refused_field(
        "resolution",
        "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown.",
    );
}

#[tokio::test]
async fn given_a_transition_with_a_screen_when_gone_then_it_demands_a_resolution() {
    let lab = Lab::with(with(|jira| {
        jira.workflow = Workflow::with_resolution_screen();
    }))
    .await;
    let key = lab.issue(json!({})).await;
    let path = format!("/issue/{key}/transitions");
    let shown = lab
        .get(&format!("{path}?expand=transitions.fields&transitionId=31"))
        .await;
    assert_eq!(
        shown.body["transitions"][0]["fields"]["resolution"]["required"],
        true
    );
    let bare = json!({"transition": {"id": "31"}});
    lab.post(&path, bare)
        .await
        .refused_field("resolution", "Resolution is required.");
    let full = json!({"transition": {"id": "31"}, "fields": {"resolution": {"name": "Won't Do"}}});
    assert_eq!(lab.post(&path, full).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        lab.sandbox.tickets()[0].resolution.as_deref(),
        Some("Won't Do")
    );
}

#[tokio::test]
async fn given_comments_when_added_and_edited_then_only_documents_with_text_are_taken() {
    let lab = Lab::new().await;
    let key = lab.issue(json!({})).await;
    let path = format!("/issue/{key}/comment");
    let added = lab.post(&path, json!({"body": doc("still failing")})).await;
    assert_eq!(added.status, 201);
    assert_eq!(added.body["author"]["displayName"], "Remediate Bot");
    let id = added.body["id"].as_str().unwrap();
    lab.put(&format!("{path}/{id}"), json!({"body": doc("fixed")}))
        .await;
    let listed = lab.get(&path).await;
    assert_eq!(listed.body["total"], 1);
    assert_eq!(listed.body["comments"][0]["body"], doc("fixed"));
    let one = format!("{path}/{id}");
    assert_eq!(
        send(lab.cloud_request(Method::DELETE, &one)).await.status,
        204
    );
    lab.get(&one)
        .await
        .refused_with(404, &format!("Can not find a comment for the id: {id}."));
    lab.post(&path, json!({"body": "text"}))
        .await
        .refused_field("comment", "Comment body is not valid!");
    let empty = json!({"type": "doc", "version": 1, "content": []});
    lab.post(&path, json!({"body": empty}))
        .await
        .refused_field("comment", "Comment body can not be empty!");
    lab.post(&path, json!({}))
        .await
        .refused_field("comment", "Comment body can not be empty!");
}

#[tokio::test]
async fn given_a_remote_link_when_posted_twice_with_one_global_id_then_there_is_one() {
    let lab = Lab::new().await;
    let key = lab.issue(json!({})).await;
    let path = format!("/issue/{key}/remotelink");
    let link = |title: &str| json!({"globalId": "guide=1", "object": {"url": "https://example.com", "title": title}});
    let first = lab.post(&path, link("a")).await;
    let second = lab.post(&path, link("b")).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    assert_eq!(first.body["id"], second.body["id"]);
    let all = lab.get(&path).await;
    assert_eq!(all.body.as_array().unwrap().len(), 1);
    assert_eq!(all.body[0]["object"]["title"], "b");
    assert_eq!(
        lab.get(&format!("{path}?globalId=guide%3D1")).await.body["globalId"],
        "guide=1"
    );
    assert_eq!(lab.get(&format!("{path}?globalId=other")).await.status, 404);
    lab.post(&path, json!({"object": {"url": "x"}}))
        .await
        .refused_field("title", "'title' is required.");
}

#[tokio::test]
async fn given_issue_properties_when_set_at_creation_or_later_then_they_can_be_read() {
    let lab = Lab::new().await;
    let fields = json!({"project": {"key": "SEC"}, "issuetype": {"id": "10101"}, "summary": "s"});
    let properties = json!([{"key": "posture", "value": {"fingerprint": "abc"}}]);
    let made = lab
        .post(
            "/issue",
            json!({"fields": fields, "properties": properties}),
        )
        .await;
    let path = format!("/issue/{}/properties", made.body["key"].as_str().unwrap());
    assert_eq!(
        lab.get(&format!("{path}/posture")).await.body["value"]["fingerprint"],
        "abc"
    );
    assert_eq!(
        lab.put(&format!("{path}/other"), json!(1)).await.status,
        201
    );
    assert_eq!(
        lab.put(&format!("{path}/other"), json!(2)).await.status,
        200
    );
    assert_eq!(
        lab.get(&path).await.body["keys"].as_array().unwrap().len(),
        2
    );
    assert_eq!(lab.get(&format!("{path}/none")).await.status, 404);
    assert_eq!(
        lab.put(&format!("{path}/big"), json!("x".repeat(32_768)))
            .await
            .status,
        400
    );
    assert_eq!(lab.sandbox.tickets()[0].issue_type, "Bug");
}

#[tokio::test]
async fn given_people_when_searched_then_only_prefixes_match_and_nobody_without_the_permission() {
    let lab = Lab::new().await;
    let found = |answer: &super::Answer| answer.body.as_array().unwrap().len();
    assert_eq!(
        found(&lab.get("/user/search?query=alice%40example.com").await),
        1
    );
    assert_eq!(found(&lab.get("/user/search?query=anders").await), 1);
    assert_eq!(
        found(&lab.get("/user/search?query=example.com").await),
        0,
        "no part from the middle"
    );
    assert_eq!(lab.get("/user/search").await.status, 400);
    let blind = Lab::with(with(|jira| jira.browse_users = false)).await;
    assert_eq!(found(&blind.get("/user/search?query=alice").await), 0);
    let assigned = lab.issue(json!({})).await;
    let path = format!("/issue/{assigned}/assignee");
    assert_eq!(
        lab.put(&path, json!({"accountId": "712020:bruno"}))
            .await
            .status,
        204
    );
    assert_eq!(
        lab.sandbox.tickets()[0].assignee.as_deref(),
        Some("Bruno Bianchi")
    );
    assert_eq!(lab.put(&path, json!({"accountId": null})).await.status, 204);
    assert_eq!(lab.sandbox.tickets()[0].assignee, None);
    lab.put(&path, json!({"accountId": "x"}))
        .await
        .refused_field("assignee", "User 'x' does not exist.");
}

#[tokio::test]
async fn given_each_token_when_used_at_each_door_then_classic_opens_the_site_and_scoped_the_gateway()
 {
    let lab = Lab::new().await;
    let site = format!("{}/rest/api/3/myself", lab.sandbox.url());
    let gateway = format!("{}/rest/api/3/myself", lab.sandbox.jira_gateway_url());
    let status = async |url: &str, token: &str| {
        send(
            lab.client
                .get(url)
                .basic_auth("bot@example.com", Some(token)),
        )
        .await
        .status
        .as_u16()
    };
    assert_eq!(status(&site, "sandbox-api-token").await, 200);
    assert_eq!(status(&site, "sandbox-scoped-token").await, 401);
    assert_eq!(status(&gateway, "sandbox-scoped-token").await, 200);
    assert_eq!(status(&gateway, "sandbox-api-token").await, 401);
    let wrong = send(
        lab.client
            .get(&site)
            .basic_auth("bot@example.com", Some("expired")),
    )
    .await;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.headers["x-seraph-loginreason"],
        "AUTHENTICATED_FAILED"
    );
    assert!(
        wrong.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("OAuth realm=")
    );
    let bearer = send(lab.client.get(&site).bearer_auth("sandbox-pat")).await;
    assert_eq!(
        bearer.status, 401,
        "a Data Center token opens nothing in version 3"
    );
    let tenant = send(
        lab.client
            .get(format!("{}/_edge/tenant_info", lab.sandbox.url())),
    )
    .await;
    assert!(gateway.contains(tenant.body["cloudId"].as_str().unwrap()));
    let issue = json!({"fields": {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "s"}});
    let made = send(
        lab.client
            .post(gateway.replace("myself", "issue"))
            .basic_auth("bot@example.com", Some("sandbox-scoped-token"))
            .json(&issue),
    )
    .await;
    assert!(made.body["self"].as_str().unwrap().contains("/ex/jira/"));
}

#[tokio::test]
async fn given_the_surroundings_when_asked_then_they_answer_as_cloud() {
    let lab = Lab::new().await;
    let me = lab.get("/myself").await;
    assert_eq!(me.body["accountType"], "atlassian");
    assert_eq!(me.headers["x-aaccountid"], "557058:bot");
    assert_eq!(lab.get("/serverInfo").await.body["deploymentType"], "Cloud");
    assert_eq!(
        lab.get("/project/SEC").await.body["issueTypes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    lab.get("/project/NOPE")
        .await
        .refused_with(404, "No project could be found with key 'NOPE'.");
    assert_eq!(lab.get("/priority").await.body[1]["name"], "High");
    assert!(
        lab.get("/field")
            .await
            .body
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["id"] == "labels")
    );
    assert_eq!(lab.get("/nothing/here").await.status, 404);
    let untyped = lab.cloud_request(Method::POST, "/issue").body("{}");
    assert_eq!(send(untyped).await.status, 415);
}

#[tokio::test]
async fn given_a_deleted_issue_when_read_then_it_is_gone_and_its_key_is_not_given_again() {
    let lab = Lab::new().await;
    let key = lab.issue(json!({})).await;
    assert_eq!(
        send(lab.cloud_request(Method::DELETE, &format!("/issue/{key}")))
            .await
            .status,
        204
    );
    assert_eq!(lab.get(&format!("/issue/{key}")).await.status, 404);
    assert_eq!(lab.issue(json!({})).await, "SEC-2");
}
