//! The shape of a rule, and of what planning it finds.

use async_trait::async_trait;
use jiff::Timestamp;
use remediate_core::Finding;
use remediate_core::rule::{Mode, ParameterSpec, Parameters, RiskTier};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aspect::Effect;
use crate::aws::Reader;
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::{Grammar, Target};

/// One rule: everything that is known about it.
pub struct Rule {
    /// The scanner's id: `S3-001`.
    pub id: &'static str,
    pub title: &'static str,
    pub tier: RiskTier,
    /// The mode it ships with.
    pub mode: Mode,
    /// What the repair does and what it can cut off, for the person who turns it on.
    pub effect: &'static str,
    pub parameters: &'static [ParameterSpec],
    /// What the resource id has to look like.
    pub resource: Grammar,
    pub grants: &'static [Grant],
    pub calls: Calls,
    /// How a repair is taken back, or why it cannot be.
    pub undo: &'static str,
    pub repair: &'static dyn Repair,
}

/// IAM actions on resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub actions: &'static [&'static str],
    /// ARNs with `${AWS::Partition}`, `${AWS::Region}` and `${AWS::AccountId}`; `*` only where the service knows no finer one.
    pub resources: &'static [&'static str],
}

/// How many calls a rule makes on the plain case, beside one `sts:GetCallerIdentity` per process. Asserted by the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// To see that nothing is wrong.
    pub compliant: u32,
    /// To plan, repair and read back.
    pub repair: u32,
}

/// Plans one rule's repair.
#[async_trait]
pub trait Repair: Send + Sync {
    /// Looks at the resource and says what has to change. After a repair it is asked again and must find nothing.
    ///
    /// # Errors
    /// When a call fails. [`AwsError::Missing`] becomes the outcome "does not exist".
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError>;
}

/// One finding that is being worked on.
pub struct Case<'a> {
    pub rule: &'static Rule,
    pub target: Target,
    pub finding: &'a Finding,
    pub parameters: &'a Parameters,
    /// The name of the stack that this installation belongs to, which it does not touch.
    pub stack: Option<&'a str>,
    pub now: Timestamp,
}

impl Case<'_> {
    /// The rule's parameters as its own type, with a field per parameter.
    ///
    /// # Errors
    /// When type and specification disagree; a test of every rule rules it out.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        self.parameters
            .read()
            .map_err(|error| AwsError::Unreadable(format!("{}: parameters: {error}", self.rule.id)))
    }

    /// Refuses where the finding says no region although the service keeps its names per region: another one may have a resource of
    /// this name.
    pub fn without_region(&self) -> Option<Verdict> {
        self.target.region.is_none().then(|| {
            Verdict::unsupported(format!(
                "the finding does not say in which region {} is: send it with `region`, or with the ARN as `resource`",
                self.target.resource
            ))
        })
    }
}

/// What planning found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As it should be; `why` where that is not plain to see (a public grant that Block Public Access makes void).
    Compliant {
        why: Option<String>,
    },
    Change(Steps),
    /// Would be right, but a person has to say so first. Without steps: it is on its way, and a person has to do the rest; after a change
    /// that means that it is made, but has not had its effect.
    Held {
        because: String,
        steps: Steps,
    },
    /// A person has to do it.
    Unsupported {
        because: String,
    },
}

impl Verdict {
    pub fn compliant() -> Self {
        Self::Compliant { why: None }
    }

    pub fn compliant_because(why: impl Into<String>) -> Self {
        Self::Compliant {
            why: Some(why.into()),
        }
    }

    /// What is on its way, and only a person can end.
    pub fn left_to_a_person(because: impl Into<String>) -> Self {
        Self::Held {
            because: because.into(),
            steps: Steps::default(),
        }
    }

    pub fn unsupported(because: impl Into<String>) -> Self {
        Self::Unsupported {
            because: because.into(),
        }
    }
}

/// What is to be changed, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    pub steps: Vec<Step>,
    /// The resource's tags, where they were read: they say who else manages it, and whether it is ours.
    pub tags: Vec<Tag>,
    /// What a person should know: what the probe found, what is only in force after a restart.
    pub notes: Vec<String>,
}

impl Steps {
    pub fn one(step: Step) -> Self {
        Self {
            steps: vec![step],
            ..Self::default()
        }
    }

    #[must_use]
    pub fn with_tags(mut self, tags: Vec<Tag>) -> Self {
        self.tags = tags;
        self
    }

    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// One change of one aspect.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is touched: `bucket reports`.
    pub what: String,
    /// A line that a person understands: `take READ from everybody`.
    pub summary: String,
    pub effect: Effect,
}

impl Step {
    pub fn before(&self) -> &Value {
        &self.effect.from
    }

    pub fn after(&self) -> &Value {
        &self.effect.to
    }
}

#[cfg(all(test, feature = "ec2"))]
mod tests {
    use remediate_core::rule::Form;

    use crate::ec2::traffic::Traffic;

    #[test]
    fn what_the_configuration_takes_for_traffic_a_repair_can_read() {
        for text in [
            "tcp/443",
            " udp/8000 - 8100 ",
            "icmp",
            "other protocols",
            "tcp/0-65535",
            "http",
            "tcp",
            "tcp/",
            "tcp/443-80",
            "tcp/65536",
            "tcp/+1",
            "tcp/-1",
            "tcp/1-2-3",
            "sctp/80",
            "TCP/443",
            "icmp/8",
            "",
        ] {
            let read = text.parse::<Traffic>().is_ok();
            assert_eq!(Form::Traffic.takes(text), read, "{text}");
        }
    }
}
