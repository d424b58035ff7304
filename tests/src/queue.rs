//! Looking into the stack's queues, and hurrying them.

use aws_sdk_sqs::types::{Message, QueueAttributeName};

use crate::aws::Aws;

/// How many messages wait, and how many are being handled or held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub visible: u32,
    pub in_flight: u32,
}

impl Depth {
    /// Whether nothing is left.
    pub fn is_empty(self) -> bool {
        self == Self {
            visible: 0,
            in_flight: 0,
        }
    }
}

/// The depth of a queue.
pub async fn depth(aws: &Aws, url: &str) -> Depth {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let answer = aws
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await;
    let answer = answer.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let number = |name: &QueueAttributeName| {
        answer
            .attributes()
            .and_then(|all| all.get(name)?.parse().ok())
            .unwrap_or_default()
    };
    Depth {
        visible: number(&names[0]),
        in_flight: number(&names[1]),
    }
}

/// Lets failed messages come back after so many seconds instead of the half hour that suits a real function.
pub async fn set_visibility(aws: &Aws, url: &str, seconds: u32) {
    let request = aws
        .sqs
        .set_queue_attributes()
        .queue_url(url)
        .attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string());
    request
        .send()
        .await
        .unwrap_or_else(|error| panic!("{url}: {error:?}"));
}

/// Sends a message.
pub async fn send(aws: &Aws, url: &str, body: &str) {
    aws.sqs
        .send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{url}: {error:?}"));
}

/// Takes what is there, without waiting.
pub async fn receive(aws: &Aws, url: &str) -> Vec<Message> {
    let answer = aws
        .sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .visibility_timeout(0)
        .send()
        .await;
    answer
        .unwrap_or_else(|error| panic!("{url}: {error:?}"))
        .messages
        .unwrap_or_default()
}

/// Moves dead letters back to the queue they came from, as an operator does after the repair.
pub async fn redrive(aws: &Aws, dead_letters_arn: &str) {
    aws.sqs
        .start_message_move_task()
        .source_arn(dead_letters_arn)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{dead_letters_arn}: {error:?}"));
}
