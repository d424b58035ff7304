//! `notify-telegram` as a Lambda function, fed by its queue.

use notify_telegram::NotifyTelegram;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    remediate_core::lambda::serve(NotifyTelegram::new).await
}
