//! Aspects: what of a resource can be read and written.
//!
//! A bucket's ACL, a security group's ingress rules, whether a database is publicly accessible: each is an [`Aspect`] with a value
//! type. A change is "this aspect of this target from this value to that one". That is all the ledger has to keep: the change
//! is made by writing `to`, recovered by reading, and undone by writing `from` — if what is there is still `to`.

use std::time::Duration;

use async_trait::async_trait;
use remediate_core::function::Receipt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// A change as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// [`Aspect::NAME`].
    pub aspect: String,
    pub target: Target,
    pub from: Value,
    pub to: Value,
}

/// Something that can be read and written.
#[async_trait]
pub trait Aspect: Send + Sync + 'static {
    /// Stable, since the ledger keeps it: `s3.bucket-acl`.
    const NAME: &'static str;
    /// Compared after reading: equal values must mean an equal state.
    type Value: Serialize + DeserializeOwned + PartialEq + Clone + Send + Sync;
    /// Whether a write replaces the whole value: then it is read again just before, and nothing is written if it is no longer `from`.
    const REPLACES: bool = false;
    /// Whether AWS goes on working after it has answered: then it is read until it shows `to`.
    const SETTLES: bool = false;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Self::Value, AwsError>;

    /// Brings it from one value to another. Safe to repeat.
    async fn write(
        &self,
        target: &Target,
        from: &Self::Value,
        to: &Self::Value,
        writer: &Writer,
    ) -> Result<(), AwsError>;

    /// Whether it can be brought back from `to` to `from`, and if not, why.
    fn reversible(&self, _from: &Self::Value, _to: &Self::Value) -> Result<(), &'static str> {
        Ok(())
    }

    /// Whether a value that is not `wanted` to the letter counts as it: ids that AWS gives anew, an order that does not matter.
    fn is(&self, value: &Self::Value, wanted: &Self::Value) -> bool {
        value == wanted
    }
}

/// An effect of an aspect, from one value to another.
///
/// # Errors
/// When a value has no JSON form.
pub fn effect<A: Aspect>(
    _: &A,
    target: &Target,
    from: &A::Value,
    to: &A::Value,
) -> Result<Effect, AwsError> {
    let json = |value: &A::Value| {
        serde_json::to_value(value)
            .map_err(|error| AwsError::Unreadable(format!("{}: {error}", A::NAME)))
    };
    Ok(Effect {
        aspect: A::NAME.to_owned(),
        target: target.clone(),
        from: json(from)?,
        to: json(to)?,
    })
}

/// An aspect whose value is JSON: what the [catalogue](crate::catalogue) keeps.
#[async_trait]
pub trait AnyAspect: Send + Sync {
    fn name(&self) -> &'static str;
    async fn observe(&self, target: &Target, reader: &Reader) -> Result<Value, AwsError>;
    async fn apply(&self, effect: &Effect, writer: &Writer) -> Result<Receipt, AwsError>;
    fn reversible(&self, effect: &Effect) -> Result<(), &'static str>;
    /// Whether `observed` is what `wanted` asks for.
    fn same(&self, observed: &Value, wanted: &Value) -> bool;
}

/// How long it may take until AWS shows what was written.
const PATIENCE: Duration = Duration::from_secs(60);

#[async_trait]
impl<A: Aspect> AnyAspect for A {
    fn name(&self) -> &'static str {
        A::NAME
    }

    async fn observe(&self, target: &Target, reader: &Reader) -> Result<Value, AwsError> {
        let value = self.read(target, reader).await?;
        serde_json::to_value(value)
            .map_err(|error| AwsError::Unreadable(format!("{}: {error}", A::NAME)))
    }

    async fn apply(&self, effect: &Effect, writer: &Writer) -> Result<Receipt, AwsError> {
        let from: A::Value = typed::<A>(&effect.from)?;
        let to: A::Value = typed::<A>(&effect.to)?;
        if A::REPLACES {
            let now = self.read(&effect.target, writer.reader()).await?;
            if self.is(&now, &to) {
                return Ok(Receipt::Made {
                    after: effect.to.clone(),
                });
            }
            if !self.is(&now, &from) {
                return Ok(Receipt::NotMade {
                    because: "somebody changed it since it was looked at".to_owned(),
                });
            }
        }
        self.write(&effect.target, &from, &to, writer).await?;
        let seen = if A::SETTLES {
            settled(self, &effect.target, &to, writer.reader(), PATIENCE).await
        } else {
            None
        };
        // What was there before may only not have gone yet. Anything else is what taking it back has to begin from.
        let after = match seen.filter(|seen| !self.is(seen, &from)) {
            Some(seen) => serde_json::to_value(seen)
                .map_err(|error| AwsError::Unreadable(format!("{}: {error}", A::NAME)))?,
            None => effect.to.clone(),
        };
        Ok(Receipt::Made { after })
    }

    fn reversible(&self, effect: &Effect) -> Result<(), &'static str> {
        match (typed::<A>(&effect.from), typed::<A>(&effect.to)) {
            (Ok(from), Ok(to)) => Aspect::reversible(self, &from, &to),
            _ => Err("the change was recorded by a version that this one does not understand"),
        }
    }

    fn same(&self, observed: &Value, wanted: &Value) -> bool {
        match (typed::<A>(observed), typed::<A>(wanted)) {
            (Ok(observed), Ok(wanted)) => self.is(&observed, &wanted),
            _ => false,
        }
    }
}

fn typed<A: Aspect>(value: &Value) -> Result<A::Value, AwsError> {
    serde_json::from_value(value.clone())
        .map_err(|error| AwsError::Unreadable(format!("{}: {error}", A::NAME)))
}

/// Reads until it is so or patience ends; then it answers what it is instead, and verification sees that too. A read that fails
/// ends the wait and no more: the change is made, and must not go down in the ledger as failed.
async fn settled<A: Aspect>(
    aspect: &A,
    target: &Target,
    to: &A::Value,
    reader: &Reader,
    patience: Duration,
) -> Option<A::Value> {
    let begun = tokio::time::Instant::now();
    let mut wait = Duration::from_millis(500);
    loop {
        let seen = match aspect.read(target, reader).await {
            Ok(value) if aspect.is(&value, to) => return None,
            Ok(value) => value,
            Err(error) => {
                tracing::warn!(aspect = A::NAME, %error, "Cannot see yet what was written.");
                return None;
            }
        };
        if begun.elapsed() + wait > patience {
            tracing::warn!(aspect = A::NAME, "It is not what was written.");
            return Some(seen);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}

#[cfg(test)]
mod tests {
    use remediate_core::AccountId;

    use super::*;

    /// Shows the same whatever is written.
    struct Stubborn(u8);

    #[async_trait]
    impl Aspect for Stubborn {
        const NAME: &'static str = "test.stubborn";
        type Value = u8;

        async fn read(&self, _: &Target, _: &Reader) -> Result<u8, AwsError> {
            Ok(self.0)
        }

        async fn write(&self, _: &Target, _: &u8, _: &u8, _: &Writer) -> Result<(), AwsError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn given_a_resource_that_shows_something_else_when_patience_ends_then_that_is_told() {
        let target = Target {
            account: AccountId::from("123456789012"),
            region: None,
            resource: "orders".to_owned(),
        };
        let reader = Reader::from_environment();
        let wait =
            async |shown: u8| settled(&Stubborn(shown), &target, &1, &reader, Duration::ZERO).await;
        assert_eq!(wait(1).await, None);
        assert_eq!(wait(2).await, Some(2));
    }
}
