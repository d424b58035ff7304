//! Looking into the stack's queues, and hurrying them.

use aws_sdk_sqs::types::{Message, QueueAttributeName, SendMessageBatchRequestEntry};

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

/// Sets after how many seconds a message that was taken and not deleted comes back.
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

/// Takes what is there for a minute, without waiting.
pub async fn receive(aws: &Aws, url: &str) -> Vec<Message> {
    let answer = aws
        .sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .visibility_timeout(60)
        .send()
        .await;
    answer
        .unwrap_or_else(|error| panic!("{url}: {error:?}"))
        .messages
        .unwrap_or_default()
}

/// Moves messages from one queue to the other, as an operator does with dead letters after the repair. (SQS does it by
/// itself with `StartMessageMoveTask`, which ministack does not know.)
pub async fn redrive(aws: &Aws, from: &str, to: &str) -> usize {
    let messages = receive(aws, from).await;
    for message in &messages {
        send(aws, to, message.body().unwrap_or_default()).await;
        let deletion = aws
            .sqs
            .delete_message()
            .queue_url(from)
            .receipt_handle(message.receipt_handle().unwrap_or_default());
        deletion
            .send()
            .await
            .unwrap_or_else(|error| panic!("{from}: {error:?}"));
    }
    messages.len()
}

/// Sends messages in one request, so that one batch takes them all.
pub async fn send_together(aws: &Aws, url: &str, bodies: &[String]) {
    let entries = bodies.iter().enumerate().map(|(index, body)| {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(format!("m{index}"))
            .message_body(body);
        entry.build().expect("an entry has id and body")
    });
    let answer = aws
        .sqs
        .send_message_batch()
        .queue_url(url)
        .set_entries(Some(entries.collect()))
        .send()
        .await;
    let answer = answer.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    assert!(answer.failed().is_empty(), "{url}: {:?}", answer.failed());
}
