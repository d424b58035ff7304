//! Tracing of Lambda functions with X-Ray.
//!
//! Lambda takes active tracing only if the function's role may call `xray:PutTraceSegments`; otherwise it answers
//! `InvalidParameterValueException`. Giving the role that permission is for whoever owns it: a role may serve many functions.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::lambda::Update;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// What a role needs that its function can be traced.
const TO_TRACE: &[&str] = &["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

#[derive(Deserialize)]
struct Parameters {
    act_if: ActIf,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ActIf {
    Always,
    RoleMayTrace,
}

/// Turns it on.
pub(super) struct Trace;

#[async_trait]
impl Repair for Trace {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let function = reader.lambda_function(&case.target).await?;
        let name = &case.target.resource;
        match function.update {
            Update::Going => {
                return Err(AwsError::Busy {
                    call: "lambda:GetFunctionConfiguration",
                    what: format!("function {name}"),
                    code: "InProgress".to_owned(),
                    message: "it is being updated".to_owned(),
                });
            }
            Update::Failed { reason } if function.traced => {
                return Ok(Verdict::left_to_a_person(format!(
                    "function {name}: tracing is configured, but its last update failed ({reason}), so that it may not be in \
                     force: repair the function, or update it once more"
                )));
            }
            Update::Done | Update::Failed { .. } => {}
        }
        if function.traced {
            return Ok(Verdict::compliant());
        }
        if function.replica {
            return Ok(Verdict::unsupported(format!(
                "function {name} is a replica at the edge, which cannot be changed: change the function in us-east-1"
            )));
        }
        let step = Step {
            what: format!("function {name}"),
            summary: "turn on active tracing".to_owned(),
            effect: effect(&Tracing, &case.target, &Mode::PassThrough, &Mode::Active)?,
        };
        let tags = reader.function_tags(&case.target, &function.arn).await?;
        let steps = Steps::one(step).with_tags(tags);
        let parameters: Parameters = case.parameters()?;
        if parameters.act_if == ActIf::Always {
            return Ok(Verdict::Change(steps));
        }
        let lacking = reader
            .not_allowed(&case.target, &function.role, TO_TRACE)
            .await?;
        if lacking.is_empty() {
            return Ok(Verdict::Change(
                steps.noting("its role may write to X-Ray already"),
            ));
        }
        let because = format!(
            "function {name}: its role {} may not call {}, without which Lambda refuses tracing: attach the policy \
             AWSXRayDaemonWriteAccess to the role, then send it",
            function.role,
            lacking.join(", ")
        );
        Ok(Verdict::Held { because, steps })
    }
}

/// What is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Traced where the caller says so.
    PassThrough,
    Active,
    /// A change is on its way.
    Unsettled,
}

/// The tracing mode of a function.
pub(super) struct Tracing;

#[async_trait]
impl Aspect for Tracing {
    const NAME: &'static str = "lambda.tracing";
    const SETTLES: bool = true;
    type Value = Mode;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Mode, AwsError> {
        let function = reader.lambda_function(target).await?;
        Ok(match (function.update, function.traced) {
            (Update::Going, _) => Mode::Unsettled,
            // One that failed says no more than it does now; planning reports it.
            (Update::Done | Update::Failed { .. }, true) => Mode::Active,
            (Update::Done | Update::Failed { .. }, false) => Mode::PassThrough,
        })
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Mode,
        to: &Mode,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer.set_tracing(target, *to == Mode::Active).await
    }
}
