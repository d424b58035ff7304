//! Whom a snapshot or an image is shared with, and what it takes to share it with nobody in particular no longer. Pure; the calls
//! are each service's own.

use std::collections::BTreeSet;

use remediate_core::rule::{ParameterKind, ParameterSpec};
use serde::{Deserialize, Serialize};

/// Whom something is shared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Everybody: the group `all`.
    pub public: bool,
    /// Accounts, organisations and organisational units, by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with: BTreeSet<String>,
}

impl Sharing {
    /// The same without everybody. Nothing if it is not public.
    pub fn made_private(&self) -> Option<Self> {
        self.public.then(|| Self {
            public: false,
            with: self.with.clone(),
        })
    }

    /// What the repair leaves as it is, for a person.
    pub fn note(&self) -> String {
        const SHOWN: usize = 5;
        if self.with.is_empty() {
            return "it is shared with nobody by name: after the repair nobody else can use it"
                .to_owned();
        }
        let shown: Vec<_> = self.with.iter().take(SHOWN).map(String::as_str).collect();
        let more = match self.with.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("it stays shared with {}{more}", shown.join(", "))
    }
}

/// When to make something private without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActIf {
    #[default]
    Always,
    /// Only where it is shared with nobody by name: where it is, sharing may well be meant.
    SharedWithNobodyElse,
}

/// The parameter of [`ActIf`].
pub const ACT_IF: ParameterSpec = ParameterSpec {
    name: "act_if",
    kind: ParameterKind::Choice(&["always", "shared_with_nobody_else"]),
    default: "\"always\"",
    what: "whether to hold the repair back for a person where it is also shared with accounts by name, a sign that sharing is meant",
};

/// Parameters of the rules that make something private.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct SharingParameters {
    pub act_if: ActIf,
}

impl SharingParameters {
    /// Why a person has to say so first, if one has to. `what` names the thing.
    pub fn held(self, what: &str, sharing: &Sharing) -> Option<String> {
        let held = self.act_if == ActIf::SharedWithNobodyElse && !sharing.with.is_empty();
        held.then(|| {
            format!(
                "{what} is shared by name as well (act_if = \"shared_with_nobody_else\"); {}: send the finding if it is to be made private",
                sharing.note()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_sharing() -> impl Strategy<Value = Sharing> {
        let with = prop::collection::btree_set("[0-9]{12}", 0..8);
        (any::<bool>(), with).prop_map(|(public, with)| Sharing { public, with })
    }

    proptest! {
        #[test]
        fn making_private_takes_everybody_away_and_nobody_else(sharing in any_sharing()) {
            match sharing.made_private() {
                None => prop_assert!(!sharing.public),
                Some(private) => {
                    prop_assert!(sharing.public && !private.public);
                    prop_assert_eq!(&private.with, &sharing.with);
                    prop_assert_eq!(private.made_private(), None);
                }
            }
        }

        #[test]
        fn what_is_shared_by_name_is_held_only_where_that_is_asked_for(sharing in any_sharing()) {
            let held = |act_if| SharingParameters { act_if }.held("snapshot snap-1", &sharing).is_some();
            prop_assert!(!held(ActIf::Always));
            prop_assert_eq!(held(ActIf::SharedWithNobodyElse), !sharing.with.is_empty());
        }
    }

    #[test]
    fn a_note_names_a_few_and_counts_the_rest() {
        let sharing = |accounts: &[&str]| Sharing {
            public: true,
            with: accounts
                .iter()
                .map(|account| (*account).to_owned())
                .collect(),
        };
        assert!(sharing(&[]).note().contains("nobody by name"));
        assert_eq!(sharing(&["1", "2"]).note(), "it stays shared with 1, 2");
        assert_eq!(
            sharing(&["1", "2", "3", "4", "5", "6", "7"]).note(),
            "it stays shared with 1, 2, 3, 4, 5 and 2 more"
        );
    }
}
