//! What has to be there before lists can be kept: the lists, and the rules that use them.
//!
//! Everything is looked at and said before anything is tried. Carrying it out is [`super::apply::set_up`]'s.

use remediate_core::config::{Cloudflare, CloudflarePlan};
use serde::Serialize;
use serde_json::json;

use super::tiers;
use crate::cloudflare::{
    CloudflareError, List, Phase, Reader, Rehearsal, RuleDraft, Ruleset, Zone, kinds,
};
use crate::threat::Tier;

/// What an account of a plan can do.
///
/// <https://developers.cloudflare.com/waf/tools/lists/#availability>,
/// <https://developers.cloudflare.com/waf/rate-limiting-rules/#availability>, 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Lists of all kinds together.
    pub lists: u64,
    /// Items of all lists together.
    pub items: u64,
    /// Custom rules of a zone.
    pub custom_rules: u64,
    /// Rate-limit rules of a zone.
    pub rate_limit_rules: u64,
    /// A rate-limit rule may ask for the visitor's address, and so for a list.
    pub rate_limit_by_list: bool,
}

/// What an account of this plan can do.
pub fn capabilities(plan: CloudflarePlan) -> Capabilities {
    let of = |lists, items, custom_rules, rate_limit_rules, rate_limit_by_list| Capabilities {
        lists,
        items,
        custom_rules,
        rate_limit_rules,
        rate_limit_by_list,
    };
    match plan {
        CloudflarePlan::Free => of(1, 10_000, 5, 1, false),
        CloudflarePlan::Pro => of(10, 10_000, 20, 2, false),
        CloudflarePlan::Business => of(10, 10_000, 100, 5, true),
        CloudflarePlan::Enterprise => of(1_000, 500_000, 1_000, 100, true),
    }
}

/// Why a tier can have no effect on an account of this plan, whatever is set up; nothing if it can.
pub fn hindrance(plan: CloudflarePlan, tier: Tier) -> Option<String> {
    let can = capabilities(plan);
    match tier {
        Tier::Block => None,
        Tier::Challenge if can.lists < 2 => Some(format!(
            "a {} account has {} list, and the block list takes it; the challenge list needs Pro or more",
            plan.name(),
            can.lists
        )),
        Tier::RateLimit if !can.rate_limit_by_list => Some(format!(
            "on {} a rate-limit rule cannot ask for the visitor's address, so no rule could use the list; that needs Business or more",
            plan.name()
        )),
        Tier::Challenge | Tier::RateLimit => None,
    }
}

/// What is to be done about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It is there as it should be.
    Present,
    Create,
    /// A list of the name is there, which we did not make: what it holds stays.
    Adopt {
        items: u64,
    },
    /// A rule of our `ref` is there and differs.
    Change {
        differs: String,
    },
    Impossible {
        because: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListStep {
    pub tier: Tier,
    pub name: String,
    pub description: String,
    #[serde(flatten)]
    pub step: Step,
}

#[derive(Clone, Debug, Serialize)]
pub struct RuleStep {
    pub tier: Tier,
    pub zone: String,
    pub phase: Phase,
    pub draft: RuleDraft,
    #[serde(flatten)]
    pub step: Step,
    /// What Cloudflare said to a rehearsal, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<String>,
    #[serde(skip)]
    pub(super) zone_id: String,
    #[serde(skip)]
    pub(super) ruleset: Option<Ruleset>,
}

/// What a set-up would do.
#[derive(Clone, Debug, Serialize)]
pub struct SetupPlan {
    pub plan: String,
    pub capabilities: Capabilities,
    /// Lists of all kinds that the account has.
    pub lists_there: u64,
    pub items_there: u64,
    pub lists: Vec<ListStep>,
    pub rules: Vec<RuleStep>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl SetupPlan {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        let steps = self
            .lists
            .iter()
            .map(|list| &list.step)
            .chain(self.rules.iter().map(|rule| &rule.step));
        steps
            .into_iter()
            .all(|step| matches!(step, Step::Present | Step::Adopt { .. }))
    }

    /// Why parts of it cannot be done.
    pub fn impossible(&self) -> impl Iterator<Item = (Tier, &str)> {
        let lists = self.lists.iter().map(|list| (list.tier, &list.step));
        let rules = self.rules.iter().map(|rule| (rule.tier, &rule.step));
        lists.chain(rules).filter_map(|(tier, step)| match step {
            Step::Impossible { because } => Some((tier, because.as_str())),
            _ => None,
        })
    }
}

/// Looks at what is there and says what would be done for these tiers.
///
/// # Errors
/// When the account cannot be looked at.
pub async fn plan(
    reader: &Reader,
    settings: &Cloudflare,
    wanted: &[Tier],
) -> Result<SetupPlan, CloudflareError> {
    let can = capabilities(settings.plan);
    let there = reader.lists().await?;
    let mut free = can.lists.saturating_sub(there.len() as u64);
    let mut lists = Vec::new();
    for &tier in wanted {
        let step = list_step(settings, tier, &there, &mut free);
        lists.push(ListStep {
            tier,
            name: tiers::list_name(settings, tier).to_owned(),
            description: description(settings, tier),
            step,
        });
    }
    Ok(SetupPlan {
        plan: settings.plan.name().to_owned(),
        capabilities: can,
        lists_there: there.len() as u64,
        items_there: there.iter().map(|list| list.num_items).sum(),
        lists,
        rules: Vec::new(),
        notes: Vec::new(),
    })
}

fn description(settings: &Cloudflare, tier: Tier) -> String {
    format!(
        "{} (auto-remediate, installation {}). Entries without our tag are left alone.",
        tiers::meaning(tier),
        settings.instance
    )
}

fn list_step(settings: &Cloudflare, tier: Tier, there: &[List], free: &mut u64) -> Step {
    let name = tiers::list_name(settings, tier);
    if let Some(because) = hindrance(settings.plan, tier) {
        return Step::Impossible { because };
    }
    if let Some(list) = there.iter().find(|list| list.name == name) {
        if list.kind != kinds::IP {
            return Step::Impossible {
                because: format!(
                    "there is a list `{name}` of the kind `{}`: name another one under `cloudflare` in services.toml",
                    list.kind
                ),
            };
        }
        let ours = list
            .description
            .as_deref()
            .is_some_and(|text| text.contains("auto-remediate"));
        return if ours {
            Step::Present
        } else {
            Step::Adopt {
                items: list.num_items,
            }
        };
    }
    if *free == 0 {
        let names: Vec<&str> = there.iter().map(|list| list.name.as_str()).collect();
        return Step::Impossible {
            because: format!(
                "all lists that a {} account has ({}) are taken: {}; delete one, or name it under `cloudflare` in services.toml to have it adopted",
                settings.plan.name(),
                capabilities(settings.plan).lists,
                names.join(", ")
            ),
        };
    }
    *free -= 1;
    Step::Create
}

/// The rule that makes a tier's list have its effect.
pub fn rule(settings: &Cloudflare, tier: Tier) -> (Phase, RuleDraft) {
    let name = tiers::list_name(settings, tier);
    let draft = |action: &str, ratelimit| RuleDraft {
        // Two installations on one zone have rules of their own.
        reference: format!(
            "eil_{}_{}",
            settings.instance,
            tier.name().replace('-', "_")
        ),
        description: format!("{} (auto-remediate)", tiers::meaning(tier)),
        action: action.to_owned(),
        expression: format!("(ip.src in ${name})"),
        enabled: true,
        ratelimit,
    };
    match tier {
        Tier::Block => (Phase::Custom, draft("block", None)),
        Tier::Challenge => (Phase::Custom, draft("managed_challenge", None)),
        Tier::RateLimit => {
            // Counted per data centre and some seconds late, so the ten are approximate. An expression with a list needs
            // `requests_to_origin` to be false.
            let limit = json!({
                "characteristics": ["cf.colo.id", "ip.src"],
                "period": 60,
                "requests_per_period": 10,
                "mitigation_timeout": 60,
                "requests_to_origin": false,
            });
            (Phase::RateLimit, draft("block", Some(limit)))
        }
    }
}

/// Adds the rules of a zone to a plan. With a rehearsal Cloudflare itself checks what would be new or changed, and keeps nothing.
///
/// # Errors
/// When the zone cannot be looked at.
pub async fn plan_rules(
    plan: &mut SetupPlan,
    reader: &Reader,
    rehearsal: Option<&Rehearsal>,
    settings: &Cloudflare,
    zone: &Zone,
) -> Result<(), CloudflareError> {
    if let Some(found) = zone.plan.as_deref()
        && !found.eq_ignore_ascii_case(settings.plan.name())
    {
        plan.notes.push(format!(
            "the zone {} is on the plan `{found}`, and services.toml says `{}`: its rules can do what the zone's plan can",
            zone.name,
            settings.plan.name().to_ascii_lowercase()
        ));
    }
    let tiers: Vec<(Tier, bool)> = plan
        .lists
        .iter()
        .map(|list| {
            let there = matches!(list.step, Step::Present | Step::Adopt { .. });
            (list.tier, there)
        })
        .collect();
    for (tier, list_is_there) in tiers {
        let (phase, draft) = rule(settings, tier);
        let ruleset = reader.entry_point(&zone.id, phase).await?;
        let step = rule_step(settings, tier, &draft, ruleset.as_ref(), phase);
        let rehearsal = match (rehearsal, &step) {
            (Some(_), Step::Create | Step::Change { .. }) if !list_is_there => {
                Some("not rehearsed: a rule can only name a list that is there already".to_owned())
            }
            (Some(rehearsal), Step::Create | Step::Change { .. }) => Some(
                match rehearsal
                    .rule(&zone.id, phase, ruleset.as_ref(), &draft)
                    .await
                {
                    Ok(()) => "Cloudflare would take it".to_owned(),
                    Err(error) => format!("Cloudflare would refuse it: {error}"),
                },
            ),
            _ => None,
        };
        plan.rules.push(RuleStep {
            tier,
            zone: zone.name.clone(),
            phase,
            draft,
            step,
            rehearsal,
            zone_id: zone.id.clone(),
            ruleset,
        });
    }
    Ok(())
}

fn rule_step(
    settings: &Cloudflare,
    tier: Tier,
    draft: &RuleDraft,
    ruleset: Option<&Ruleset>,
    phase: Phase,
) -> Step {
    if let Some(because) = hindrance(settings.plan, tier) {
        return Step::Impossible { because };
    }
    let rules = ruleset
        .map(|ruleset| ruleset.rules.as_slice())
        .unwrap_or_default();
    if let Some(known) = rules.iter().find(|rule| rule.reference == draft.reference) {
        return if draft.is(known) {
            Step::Present
        } else {
            Step::Change {
                differs: format!("it is `{}` on `{}`", known.action, known.expression),
            }
        };
    }
    let can = capabilities(settings.plan);
    let most = match phase {
        Phase::Custom => can.custom_rules,
        Phase::RateLimit => can.rate_limit_rules,
    };
    if rules.len() as u64 >= most {
        return Step::Impossible {
            because: format!(
                "the zone has {} rules in the phase {}, as many as {} allows",
                rules.len(),
                phase.name(),
                settings.plan.name()
            ),
        };
    }
    Step::Create
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, kind: &str) -> List {
        serde_json::from_value(json!({"id": "1", "name": name, "kind": kind, "num_items": 3}))
            .unwrap()
    }

    fn settings(plan: CloudflarePlan) -> Cloudflare {
        Cloudflare {
            plan,
            ..Cloudflare::default()
        }
    }

    fn steps(plan: CloudflarePlan, there: &[List]) -> Vec<Step> {
        let mut free = capabilities(plan).lists.saturating_sub(there.len() as u64);
        [Tier::Block, Tier::Challenge, Tier::RateLimit]
            .into_iter()
            .map(|tier| list_step(&settings(plan), tier, there, &mut free))
            .collect()
    }

    #[test]
    fn given_a_plan_when_a_set_up_is_planned_then_what_it_cannot_do_is_said_first() {
        let can = |plan| {
            steps(plan, &[])
                .iter()
                .map(|step| *step == Step::Create)
                .collect::<Vec<_>>()
        };
        assert_eq!(can(CloudflarePlan::Free), [true, false, false]);
        assert_eq!(can(CloudflarePlan::Pro), [true, true, false]);
        assert_eq!(can(CloudflarePlan::Business), [true, true, true]);
        assert_eq!(can(CloudflarePlan::Enterprise), [true, true, true]);
    }

    #[test]
    fn given_no_list_to_spare_when_a_set_up_is_planned_then_the_lists_in_the_way_are_named() {
        let there = [list("redirects", "redirect")];
        let Step::Impossible { because } = &steps(CloudflarePlan::Free, &there)[0] else {
            panic!("expected it to be impossible");
        };
        assert!(
            because.contains("redirects") && because.contains("(1) are taken"),
            "{because}"
        );
    }

    #[test]
    fn given_a_list_of_the_name_when_a_set_up_is_planned_then_it_is_adopted_unless_it_is_of_another_kind()
     {
        let there = [list("eil_block", "ip"), list("eil_challenge", "hostname")];
        let steps = steps(CloudflarePlan::Business, &there);
        assert_eq!(steps[0], Step::Adopt { items: 3 });
        assert!(matches!(&steps[1], Step::Impossible { because } if because.contains("hostname")));
    }

    #[test]
    fn given_the_three_tiers_when_their_rules_are_drafted_then_each_has_its_effect() {
        let settings = settings(CloudflarePlan::Business);
        let (phase, block) = rule(&settings, Tier::Block);
        assert_eq!((phase, block.action.as_str()), (Phase::Custom, "block"));
        assert_eq!(block.expression, "(ip.src in $eil_block)");
        assert_eq!(
            rule(&settings, Tier::Challenge).1.action,
            "managed_challenge"
        );
        let (phase, limit) = rule(&settings, Tier::RateLimit);
        assert_eq!(phase, Phase::RateLimit);
        let limit = limit.ratelimit.unwrap();
        assert_eq!(
            (&limit["requests_per_period"], &limit["period"]),
            (&json!(10), &json!(60))
        );
        assert!(
            limit["characteristics"]
                .as_array()
                .unwrap()
                .contains(&json!("cf.colo.id"))
        );
    }
}
