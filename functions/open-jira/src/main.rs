//! `open-jira` as a Lambda function, fed by its queue.

use open_jira::OpenJira;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    remediate_core::lambda::serve(OpenJira::new).await
}
