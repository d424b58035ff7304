//! `enforce-ip-list` as a Lambda function, invoked with a [`Trigger`](enforce_ip_list::run::Trigger).

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    enforce_ip_list::run::lambda::serve().await
}
