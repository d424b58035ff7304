//! Calls of CloudFormation.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::StackStatus;

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A stack, as far as its termination protection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    pub name: String,
    /// Its id, which is an ARN.
    pub id: String,
    /// Being deleted: CloudFormation takes no protection for it any more.
    pub going: bool,
    pub protected: bool,
    /// The id of the stack at the top, if this one is nested.
    pub root: Option<String>,
    pub tags: Vec<Tag>,
}

impl Reader {
    async fn cloudformation(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The stack of this name or id. One that is deleted already, which its id still finds for 90 days, is missing.
    pub(crate) async fn stack(&self, target: &Target, stack: &str) -> Result<Stack, AwsError> {
        const CALL: &str = "cloudformation:DescribeStacks";
        let what = || format!("stack {stack}");
        let missing = |code: &str| AwsError::Missing {
            call: CALL,
            what: what(),
            code: code.to_owned(),
        };
        let answer = self
            .cloudformation(target)
            .await
            .describe_stacks()
            .stack_name(stack)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            // The service has no code of its own for it.
            Err(error)
                if error.code() == Some("ValidationError")
                    && error
                        .message()
                        .unwrap_or_default()
                        .contains("does not exist") =>
            {
                return Err(missing("ValidationError"));
            }
            Err(error) => return Err(AwsError::of(CALL, what(), &error)),
        };
        let lacking = |lacking| AwsError::Incomplete {
            call: CALL,
            what: what(),
            lacking,
        };
        let found = answer
            .stacks
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| lacking("stack"))?;
        if found.stack_status == Some(StackStatus::DeleteComplete) {
            return Err(missing(StackStatus::DeleteComplete.as_str()));
        }
        let tags = found.tags.unwrap_or_default().into_iter();
        Ok(Stack {
            name: found.stack_name.ok_or_else(|| lacking("StackName"))?,
            id: found.stack_id.ok_or_else(|| lacking("StackId"))?,
            going: found.stack_status == Some(StackStatus::DeleteInProgress),
            protected: found.enable_termination_protection.unwrap_or_default(),
            root: found.root_id.filter(|root| !root.is_empty()),
            tags: tags
                .filter_map(|tag| Some((tag.key?, tag.value?)))
                .collect(),
        })
    }
}

impl Writer {
    pub(crate) async fn set_termination_protection(
        &self,
        target: &Target,
        stack: &str,
        protected: bool,
    ) -> Result<(), AwsError> {
        self.reader
            .cloudformation(target)
            .await
            .update_termination_protection()
            .stack_name(stack)
            .enable_termination_protection(protected)
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "cloudformation:UpdateTerminationProtection",
                    format!("stack {stack}"),
                    &error,
                )
            })?;
        Ok(())
    }
}
