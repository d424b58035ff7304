//! Calls of Lambda, and what IAM says about a function's role.

use aws_sdk_iam::types::PolicyEvaluationDecisionType;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, State, TracingConfig, TracingMode};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// A function, as far as its tracing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LambdaFunction {
    pub arn: String,
    pub role: String,
    /// Whether its tracing mode is `Active`.
    pub traced: bool,
    pub update: Update,
    /// A copy at CloudFront's edge, which takes no changes.
    pub replica: bool,
}

/// How far the last change of a function's configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    Done,
    /// Being made or changed: it takes no other change meanwhile.
    Going,
    /// What is configured is not what runs.
    Failed {
        reason: String,
    },
}

/// As a person names it.
fn what(function: &str) -> String {
    format!("function {function}")
}

impl Reader {
    async fn lambda(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    pub(crate) async fn lambda_function(
        &self,
        target: &Target,
    ) -> Result<LambdaFunction, AwsError> {
        const CALL: &str = "lambda:GetFunctionConfiguration";
        let found = self
            .lambda(target)
            .await
            .get_function_configuration()
            .function_name(&target.resource)
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, what(&target.resource), &error))?;
        let lacking = |lacking| AwsError::Incomplete {
            call: CALL,
            what: what(&target.resource),
            lacking,
        };
        let update = match (&found.last_update_status, &found.state) {
            (Some(LastUpdateStatus::InProgress), _) | (_, Some(State::Pending)) => Update::Going,
            (Some(LastUpdateStatus::Failed), _) => Update::Failed {
                reason: found
                    .last_update_status_reason
                    .unwrap_or_else(|| "no reason is given".to_owned()),
            },
            _ => Update::Done,
        };
        Ok(LambdaFunction {
            arn: found.function_arn.ok_or_else(|| lacking("FunctionArn"))?,
            role: found.role.ok_or_else(|| lacking("Role"))?,
            traced: found
                .tracing_config
                .is_some_and(|tracing| tracing.mode == Some(TracingMode::Active)),
            update,
            replica: found.master_arn.is_some(),
        })
    }

    pub(crate) async fn function_tags(
        &self,
        target: &Target,
        arn: &str,
    ) -> Result<Vec<Tag>, AwsError> {
        let answer = self
            .lambda(target)
            .await
            .list_tags()
            .resource(arn)
            .send()
            .await
            .map_err(|error| AwsError::of("lambda:ListTags", what(&target.resource), &error))?;
        Ok(answer.tags.unwrap_or_default().into_iter().collect())
    }

    /// The actions of these that a role's policies do not allow. `role` is an ARN.
    pub(crate) async fn not_allowed(
        &self,
        target: &Target,
        role: &str,
        actions: &[&str],
    ) -> Result<Vec<String>, AwsError> {
        let client = aws_sdk_iam::Client::new(&self.settings(target.region.as_deref()).await);
        let answer = client
            .simulate_principal_policy()
            .policy_source_arn(role)
            .set_action_names(Some(
                actions.iter().map(|action| (*action).to_owned()).collect(),
            ))
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "iam:SimulatePrincipalPolicy",
                    format!("role {role}"),
                    &error,
                )
            })?;
        let results = answer.evaluation_results.unwrap_or_default();
        Ok(results
            .into_iter()
            .filter(|result| result.eval_decision != PolicyEvaluationDecisionType::Allowed)
            .map(|result| result.eval_action_name)
            .collect())
    }
}

impl Writer {
    /// Changes the tracing mode and nothing else of the configuration.
    pub(crate) async fn set_tracing(&self, target: &Target, active: bool) -> Result<(), AwsError> {
        let mode = if active {
            TracingMode::Active
        } else {
            TracingMode::PassThrough
        };
        self.reader
            .lambda(target)
            .await
            .update_function_configuration()
            .function_name(&target.resource)
            .tracing_config(TracingConfig::builder().mode(mode).build())
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "lambda:UpdateFunctionConfiguration",
                    what(&target.resource),
                    &error,
                )
            })?;
        Ok(())
    }
}
