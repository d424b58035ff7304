//! `remediate rules`.

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn given_a_rule_when_shown_then_everything_about_it_is_said_and_what_it_may_do() {
    let desk = Desk::new().await;
    let said = desk.run(&["rules", "show", "S3-001"]).await;
    said.assert_code(0).assert_says(&[
        "S3-001: S3 Bucket Public 'READ' Access",
        "state      off",
        "mode       act (ships as act)",
        "risk       safe",
        "Takes READ from everybody",
        "budget     20 changes per hour",
        "resource   bucket name",
        "The former ACL is written back",
        "calls      1 when nothing is wrong, 8 for a repair",
        "s3:GetBucketAcl, ",
        "s3:PutBucketAcl",
        "on arn:${AWS::Partition}:s3:::*",
    ]);
    let with_parameters = desk.run(&["rules", "show", "EC2-002"]).await;
    with_parameters.assert_code(0).assert_says(&[
        "on_wider = \"skip\"",
        "one of \"skip\", \"narrow\", \"remove\"",
    ]);
    desk.run(&["rules", "show", "S3-999"])
        .await
        .assert_code(2)
        .assert_says(&["there is no rule `S3-999`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_no_terminal_when_a_rule_that_can_cut_off_is_turned_on_then_it_wants_a_yes() {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    let said = desk.run(&["rules", "enable", "EC2-002"]).await;
    said.assert_code(1).assert_says(&[
        "risk    can cut off",
        "EC2-002 is not turned on: its repair can cut off users or workloads; say --yes",
        "remediate rules mode EC2-002 observe",
    ]);
    assert_eq!(desk.read("config/rules.toml"), before);
    // An answer that is piped in is none.
    let piped = desk
        .run_with_input(&["rules", "enable", "EC2-002"], "y\n")
        .await;
    piped.assert_code(1);
    assert_eq!(desk.read("config/rules.toml"), before);
    // Nor may it begin to act by itself.
    let acts = desk.run(&["rules", "mode", "CT-001", "act"]).await;
    acts.assert_code(1).assert_says(&[
        "CT-001 does not act by itself: its repair cannot be taken back or changes a whole account; say --yes",
    ]);
    assert_eq!(desk.read("config/rules.toml"), before);
    desk.run(&["rules", "mode", "CT-001", "act", "--yes"])
        .await
        .assert_code(0);
    // What is safe needs no yes.
    desk.run(&["rules", "enable", "S3-001"])
        .await
        .assert_code(0)
        .assert_says(&["on: S3-001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_yes_when_a_rule_is_turned_on_then_one_word_changes_and_every_comment_stays() {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    let marked = before.replacen(
        "[rules.\"EC2-002\"]\nenabled = false",
        "# Agreed with the network team on Monday.\n[rules.\"EC2-002\"]\nenabled = false # until then",
        1,
    );
    assert_ne!(marked, before);
    desk.write("config/rules.toml", &marked);
    desk.run(&["rules", "enable", "EC2-002", "--yes"])
        .await
        .assert_code(0)
        .assert_says(&["on: EC2-002"]);
    let expected = marked.replacen(
        "enabled = false # until then",
        "enabled = true # until then",
        1,
    );
    assert_eq!(desk.read("config/rules.toml"), expected);
    desk.run(&["rules", "disable", "EC2-002"])
        .await
        .assert_code(0);
    assert_eq!(desk.read("config/rules.toml"), marked);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_rule_that_ships_as_a_proposal_when_turned_on_then_its_mode_is_said() {
    let desk = Desk::new().await;
    let said = desk
        .run(&["rules", "enable", "CT-001", "S3-001", "--yes"])
        .await;
    said.assert_code(0)
        .assert_says(&["on: CT-001 (mode propose), S3-001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_rule_that_is_not_there_when_turned_on_with_others_then_none_is() {
    let desk = Desk::new().await;
    let before = desk.read("config/rules.toml");
    let said = desk
        .run(&["rules", "enable", "S3-001", "S3-999", "--yes"])
        .await;
    said.assert_code(2)
        .assert_says(&["rules.toml has no rule `S3-999`"]);
    said.assert_says_nothing_of(&["on: "]);
    assert_eq!(desk.read("config/rules.toml"), before);
}
