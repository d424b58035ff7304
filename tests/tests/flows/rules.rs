//! Failed checks published to the topic, resources in the mock AWS, the rules' functions as deployed, each with its own role.

use aws_sdk_ec2::types::{IpPermission, IpRange};
use e2e::{ACCOUNT, World};
use remediate_core::{Decision, Outcome, SkipReason};

use crate::records::{decisions, made, outcomes};
use crate::resources::{check, of_everybody, public_bucket};

#[tokio::test(flavor = "multi_thread")]
async fn given_two_public_buckets_when_their_checks_fail_then_each_loses_the_grant_that_the_rule_names_and_nothing_leaks()
 {
    let world = World::with_aws_rules(&["S3-001"]).await;
    for bucket in ["reports-one", "reports-two"] {
        public_bucket(&world.aws, bucket).await;
        world
            .publish(&check("S3-001", bucket, "FAILURE", ACCOUNT))
            .await;
        world
            .eventually("the bucket is not readable for everybody", async || {
                of_everybody(&world.aws, bucket).await == ["WRITE"]
            })
            .await;
    }
    world
        .eventually("both repairs are recorded", async || {
            outcomes(&world.history().await).len() == 2
        })
        .await;
    let history = world.history().await;
    assert_eq!(decisions(&history), [&Decision::Act, &Decision::Act]);
    assert!(
        outcomes(&history)
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Applied { changes: 1 })),
        "{history:#?}"
    );
    assert_eq!(of_everybody(&world.aws, "reports-one").await, ["WRITE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_same_failure_twenty_times_at_once_then_it_is_repaired_once() {
    let world = World::with_aws_rules(&["S3-001"]).await;
    public_bucket(&world.aws, "reports").await;
    let message = check("S3-001", "reports", "FAILURE", ACCOUNT);
    futures::future::join_all((0..20).map(|_| world.publish(&message))).await;
    world
        .eventually("the bucket is not readable for everybody", async || {
            of_everybody(&world.aws, "reports").await == ["WRITE"]
        })
        .await;
    world.settled().await;
    let history = world.history().await;
    assert_eq!(made(&history), 1, "{history:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_ssh_open_to_the_world_when_the_check_fails_then_that_rule_goes_and_others_stay() {
    let world = World::with_aws_rules(&["EC2-002"]).await;
    let ec2 = &world.aws.ec2;
    let group = ec2
        .create_security_group()
        .group_name("bastion")
        .description("bastion")
        .send()
        .await
        .unwrap()
        .group_id
        .unwrap();
    let opening = |port: i32, range: &str| {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(port)
            .to_port(port)
            .ip_ranges(IpRange::builder().cidr_ip(range).build())
            .build()
    };
    ec2.authorize_security_group_ingress()
        .group_id(&group)
        .ip_permissions(opening(22, "0.0.0.0/0"))
        .ip_permissions(opening(22, "10.0.0.0/8"))
        .ip_permissions(opening(443, "0.0.0.0/0"))
        .send()
        .await
        .unwrap();
    let open = async || {
        let answer = ec2
            .describe_security_groups()
            .group_ids(&group)
            .send()
            .await
            .unwrap();
        let mut open: Vec<(i32, String)> = answer.security_groups()[0]
            .ip_permissions()
            .iter()
            .flat_map(|rule| {
                let port = rule.from_port().unwrap_or(-1);
                rule.ip_ranges()
                    .iter()
                    .map(move |range| (port, range.cidr_ip().unwrap_or_default().to_owned()))
            })
            .collect();
        open.sort();
        open
    };
    world
        .publish(&check("EC2-002", &group, "FAILURE", ACCOUNT))
        .await;
    let left = [(22, "10.0.0.0/8".to_owned()), (443, "0.0.0.0/0".to_owned())];
    world
        .eventually("the rule is gone", async || open().await == left)
        .await;
    world
        .eventually("the repair is recorded", async || {
            !outcomes(&world.history().await).is_empty()
        })
        .await;
    let history = world.history().await;
    assert!(
        matches!(outcomes(&history)[..], [Outcome::Applied { .. }]),
        "{history:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_rule_that_is_off_a_passed_check_or_another_account_then_nothing_is_touched_and_the_reason_is_recorded()
 {
    let world = World::with_aws_rules(&["S3-001"]).await;
    public_bucket(&world.aws, "reports").await;
    let cases = [
        check("S3-003", "reports", "FAILURE", ACCOUNT),
        check("S3-001", "reports", "SUCCESS", ACCOUNT),
        check("S3-001", "reports", "FAILURE", "999999999999"),
    ];
    for message in &cases {
        world.publish(message).await;
    }
    world
        .eventually("all three are recorded", async || {
            decisions(&world.history().await).len() == cases.len()
        })
        .await;
    let history = world.history().await;
    let reasons: Vec<&str> = decisions(&history)
        .into_iter()
        .map(Decision::name)
        .collect();
    for reason in [
        SkipReason::Disabled.name(),
        SkipReason::Passed.name(),
        "foreign_account",
    ] {
        assert!(reasons.contains(&reason), "{reasons:?}");
    }
    assert_eq!(made(&history), 0);
    assert_eq!(of_everybody(&world.aws, "reports").await, ["READ", "WRITE"]);
}
