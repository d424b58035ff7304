//! What each role may and may not do, asked of the mock AWS with the role's own credentials.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use e2e::aws::Aws;
use e2e::{World, template};

use crate::verdict::Verdict::{self, Allowed, Denied};
use crate::verdict::verdict;

async fn read_log(world: &World, aws: &Aws) -> Verdict {
    verdict(
        aws.s3
            .get_object()
            .bucket(world.stack.output("PostureBucketName"))
            .key("log.json")
            .send()
            .await,
    )
}

async fn send(world: &World, aws: &Aws, queue: &str) -> Verdict {
    verdict(
        aws.sqs
            .send_message()
            .queue_url(world.stack.output(queue))
            .message_body("{}")
            .send()
            .await,
    )
}

async fn receive(world: &World, aws: &Aws, queue: &str) -> Verdict {
    verdict(
        aws.sqs
            .receive_message()
            .queue_url(world.stack.output(queue))
            .send()
            .await,
    )
}

async fn bot_token(aws: &Aws) -> Verdict {
    verdict(
        aws.ssm
            .get_parameter()
            .name("/auto-remediate/telegram-bot-token")
            .with_decryption(true)
            .send()
            .await,
    )
}

async fn jira_token(aws: &Aws) -> Verdict {
    verdict(
        aws.secretsmanager
            .get_secret_value()
            .secret_id("auto-remediate/jira")
            .send()
            .await,
    )
}

async fn change_config(world: &World, aws: &Aws) -> Verdict {
    let request = aws
        .s3
        .put_object()
        .bucket(world.stack.output("ConfigBucketName"))
        .key("rules.toml")
        .body(ByteStream::from_static(b"x"));
    verdict(request.send().await)
}

async fn read_config(world: &World, aws: &Aws) -> Verdict {
    verdict(
        aws.s3
            .get_object()
            .bucket(world.stack.output("ConfigBucketName"))
            .key("people.toml")
            .send()
            .await,
    )
}

async fn use_ledger(world: &World, aws: &Aws) -> Verdict {
    let key = [("pk", "x"), ("sk", "y")]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    verdict(
        aws.dynamodb
            .get_item()
            .table_name(world.stack.output("LedgerTableName"))
            .set_key(Some(key.into()))
            .send()
            .await,
    )
}

async fn drop_ledger(world: &World, aws: &Aws) -> Verdict {
    verdict(
        aws.dynamodb
            .delete_table()
            .table_name(world.stack.output("LedgerTableName"))
            .send()
            .await,
    )
}

async fn publish(world: &World, aws: &Aws) -> Verdict {
    verdict(
        aws.sns
            .publish()
            .topic_arn(world.stack.output("TopicArn"))
            .message("x")
            .send()
            .await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_deployed_roles_then_each_does_its_own_work_and_none_of_the_others() {
    let roles = ["OrchestratorRole", "NotifyTelegramRole", "OpenJiraRole"];
    let template = template::with_assumable(template::load(), &roles);
    let world = World::of(template).await;
    world.put_object("log.json", "{}").await;
    let assumed = async |role| {
        world
            .aws
            .assuming(&world.ministack, world.stack.output(role))
            .await
    };
    let orchestrator = assumed("OrchestratorRole").await;
    let telegram = assumed("NotifyTelegramRole").await;
    let jira = assumed("OpenJiraRole").await;

    for (role, aws) in [
        ("orchestrator", &orchestrator),
        ("notify-telegram", &telegram),
        ("open-jira", &jira),
    ] {
        assert_eq!(use_ledger(&world, aws).await, Allowed, "{role}");
        assert_eq!(read_config(&world, aws).await, Allowed, "{role}");
        assert_eq!(
            change_config(&world, aws).await,
            Denied,
            "{role} changes what it is told to do"
        );
        assert_eq!(drop_ledger(&world, aws).await, Denied, "{role}");
        assert_eq!(
            publish(&world, aws).await,
            Denied,
            "{role} makes its own findings"
        );
        assert_eq!(
            send(&world, aws, "IntakeQueueUrl").await,
            Denied,
            "{role} makes its own findings"
        );
    }

    assert_eq!(
        [
            read_log(&world, &orchestrator).await,
            read_log(&world, &telegram).await,
            read_log(&world, &jira).await
        ],
        [Allowed, Denied, Denied]
    );
    assert_eq!(
        [
            bot_token(&orchestrator).await,
            bot_token(&telegram).await,
            bot_token(&jira).await
        ],
        [Denied, Allowed, Denied]
    );
    assert_eq!(
        [
            jira_token(&orchestrator).await,
            jira_token(&telegram).await,
            jira_token(&jira).await
        ],
        [Denied, Denied, Allowed]
    );
    for queue in ["NotifyTelegramQueueUrl", "OpenJiraQueueUrl"] {
        assert_eq!(send(&world, &orchestrator, queue).await, Allowed, "{queue}");
        assert_eq!(
            [
                send(&world, &telegram, queue).await,
                send(&world, &jira, queue).await
            ],
            [Denied, Denied],
            "{queue}"
        );
        assert_eq!(
            receive(&world, &orchestrator, queue).await,
            Denied,
            "{queue}"
        );
    }
    assert_eq!(
        [
            receive(&world, &telegram, "NotifyTelegramQueueUrl").await,
            receive(&world, &telegram, "OpenJiraQueueUrl").await
        ],
        [Allowed, Denied]
    );
    assert_eq!(
        [
            receive(&world, &jira, "NotifyTelegramQueueUrl").await,
            receive(&world, &jira, "OpenJiraQueueUrl").await
        ],
        [Denied, Allowed]
    );
}
