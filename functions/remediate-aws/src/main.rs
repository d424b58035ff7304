//! One rule's Lambda function. The same binary serves every rule; `RULE` says which one this is.

use std::convert::Infallible;

use remediate_aws::RemediateAws;
use remediate_aws::aws::Reader;
use remediate_core::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (stack, rule) = (set("STACK_NAME"), set("RULE"));
    lambda::serve(move |config, _| {
        let function = RemediateAws::new(config, Reader::from_environment(), stack.clone());
        Ok::<_, Infallible>(match &rule {
            Some(rule) => function.only(rule),
            None => function,
        })
    })
    .await
}
