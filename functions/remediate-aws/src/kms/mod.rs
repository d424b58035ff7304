//! Rules of this service.

use crate::aspect::AnyAspect;
use crate::rule::Rule;

/// The rules, in the order of their ids.
pub const RULES: &[Rule] = &[];

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[];
