//! Checks of AWS resources. Written by `cargo xtask generate` from `functions/remediate-aws`; change the entries there.

use super::RuleSpec;

pub(super) const RULES: &[RuleSpec] = &[];
