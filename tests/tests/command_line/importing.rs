//! `remediate config import`: the config.json of cloudconformity/auto-remediate.

use e2e::venv::repository;
use serde_json::{Value, json};

use crate::desk::Desk;

/// The original's file as it ships: 46 keys, all off, with their parameters.
fn shipped() -> Value {
    let path = repository().join("tests/tests/command_line/original-config.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The same with everything on.
fn all_on() -> Value {
    let mut config = shipped();
    for rule in config.as_object_mut().unwrap().values_mut() {
        rule["enabled"] = json!(true);
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_original_as_it_ships_when_imported_then_all_is_off_and_the_one_stray_key_is_named()
 {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    let config = shipped();
    assert_eq!(config.as_object().unwrap().len(), 46);
    let file = desk.write(
        "config.json",
        serde_json::to_string_pretty(&config).unwrap(),
    );
    let said = desk.run(&["config", "import", &file]).await;
    said.assert_code(0).assert_says(&[
        "not taken AutoRemediateRds-006: is not how the rule is spelled, so it never had an effect; it is RDS-006",
    ]);
    assert_eq!(said.out.matches("not taken").count(), 1, "{said}");
    assert_eq!(said.out.matches(": off").count(), 45, "{said}");
    // Its parameters are ours as shipped.
    assert_eq!(desk.read("config/rules.toml"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_original_with_everything_on_when_imported_then_risks_are_told_and_a_yes_is_wanted()
 {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    let file = desk.write("config.json", all_on().to_string());
    let asked = desk.run(&["config", "import", &file]).await;
    asked
        .assert_code(1)
        .assert_says(&["is not turned on", "--yes"]);
    assert_eq!(desk.read("config/rules.toml"), before);
    let said = desk.run(&["config", "import", &file, "--yes"]).await;
    said.assert_code(0).assert_says(&[
        "S3-001: on",
        "CT-001: on, in mode propose",
        "not taken AutoRemediateRds-006",
    ]);
    let rules = desk.run(&["rules", "list", "--format", "json"]).await;
    let on = rules
        .json_lines()
        .into_iter()
        .filter(|rule| rule["enabled"] == true);
    assert_eq!(on.count(), 45);
    desk.run(&["config", "check"]).await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_parameters_when_imported_then_they_are_ours_and_those_without_a_counterpart_are_named()
 {
    let desk = Desk::new().await;
    let file = desk.write(
        "config.json",
        json!({
            "AutoRemediateConfig-001": { "enabled": false, "S3BucketName": "config-logs" },
            "AutoRemediateCT-001": {
                "enabled": false,
                "Name": "Trail",
                "S3BucketName": "trail-logs",
                "IncludeGlobalServiceEvents": true,
                "IsMultiRegionTrail": false,
                "S3KeyPrefix": "trail",
                "Color": "blue",
            },
            "AutoRemediateRS-019": { "enabled": true, "RetentionPeriod": 14 },
            "AutoRemediateS3-999": { "enabled": true },
            "Comment": "ours",
        })
        .to_string(),
    );
    let said = desk.run(&["config", "import", &file]).await;
    said.assert_code(0).assert_says(&[
        "Config-001: bucket = \"config-logs\"",
        "CT-001: bucket = \"trail-logs\"",
        "CT-001: multi_region = false",
        "RS-019: on",
        "RS-019: retention_days = 14",
        "not taken AutoRemediateCT-001.Color: has no counterpart here",
        "not taken AutoRemediateS3-999: there is no rule S3-999 here",
        "not taken Comment: is no rule",
    ]);
    let shown = desk.run(&["rules", "show", "RS-019"]).await;
    shown.assert_says(&["state      on", "retention_days = 14"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_file_that_is_none_when_imported_then_nothing_changes_and_it_is_said_why() {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    for (content, code, wanted) in [
        ("", 2, "config.json: EOF while parsing"),
        ("enabled = true", 2, "config.json: expected value at line 1"),
        ("[]", 2, "config.json: expected one object"),
        (
            "{\"AutoRemediateS3-001\": {\"enabled\": true}",
            2,
            "config.json: EOF while parsing",
        ),
        (
            r#"{"AutoRemediateRS-019": {"enabled": true, "RetentionPeriod": -1}}"#,
            3,
            "RS-019",
        ),
        (
            r#"{"AutoRemediateRS-019": {"enabled": true, "RetentionPeriod": "seven"}}"#,
            3,
            "retention_days",
        ),
        (
            r#"{"AutoRemediateCT-001": {"enabled": false, "S3BucketName": {"a": [null]}}}"#,
            3,
            "rules.CT-001.parameters.bucket",
        ),
    ] {
        let file = desk.write("config.json", content);
        let said = desk.run(&["config", "import", &file, "--yes"]).await;
        said.assert_code(code).assert_says(&[wanted]);
        said.assert_says_nothing_of(&["panicked"]);
        assert_eq!(desk.read("config/rules.toml"), before, "{content}");
    }
    let missing = desk.run(&["config", "import", "missing.json"]).await;
    missing
        .assert_code(1)
        .assert_says(&["missing.json: No such file or directory"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_hostile_file_when_imported_then_it_steers_neither_the_terminal_nor_the_configuration()
 {
    let desk = Desk::new().await;
    let bucket = "x\"\n[global]\naccounts = [\"999999999999\"]\n#";
    let mut content = json!({
        "AutoRemediate\u{1b}[2JS3-001": { "enabled": true },
        "AutoRemediateS3-001": { "enabled": "yes", "\u{1b}]0;owned\u{7}": 1 },
        "AutoRemediateS3-002": true,
        "AutoRemediateConfig-001": { "enabled": false, "S3BucketName": bucket },
        "__proto__": { "enabled": true },
    });
    let before = desk.read("config/rules.toml");
    let file = desk.write("config.json", content.to_string());
    let said = desk.run(&["config", "import", &file, "--yes"]).await;
    said.assert_code(3)
        .assert_says(&["rules.Config-001.parameters: `bucket` is "]);
    said.assert_says_nothing_of(&["\u{1b}", "\u{7}"]);
    assert_eq!(desk.read("config/rules.toml"), before);

    content
        .as_object_mut()
        .unwrap()
        .remove("AutoRemediateConfig-001");
    let file = desk.write("config.json", content.to_string());
    let said = desk.run(&["config", "import", &file, "--yes"]).await;
    said.assert_code(0).assert_says(&[
        "not taken AutoRemediateS3-001.enabled: is neither true nor false",
        "not taken AutoRemediateS3-002: is no object",
        "not taken __proto__",
    ]);
    said.assert_says_nothing_of(&["\u{1b}", "\u{7}"]);
    let rules = desk.run(&["rules", "list", "--format", "json"]).await;
    assert!(
        rules
            .json_lines()
            .iter()
            .all(|rule| rule["enabled"] == false)
    );
    assert!(desk.read("config/rules.toml").contains("\naccounts = []\n"));
    desk.run(&["config", "check"]).await.assert_code(0);
}
