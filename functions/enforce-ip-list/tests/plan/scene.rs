//! A snapshot, three lists, and what planning makes of them.

use enforce_ip_list::net::Net;
use enforce_ip_list::plan::current::Current;
use enforce_ip_list::plan::{AddedBecause, Inputs, Plan, RemovedBecause, Snapshot, Step, plan};
use enforce_ip_list::safety::{Consent, Policy, Protected};
use enforce_ip_list::threat::{Gathered, Gathering, Report, Seconds, Sink, Tier};

/// 2026-01-01T12:00:00Z.
pub const NOW: u32 = 1_767_268_800;
pub const DAY: u32 = Seconds::DAY;
/// A comment of ours that ends a week after [`NOW`].
pub const OURS: &str = "eil1:prod s=4 e=1767916800 src=ipsum";

pub fn net(text: &str) -> Net {
    text.parse().unwrap()
}

/// Networks with scores, as one source reports them.
pub fn gathered(records: &[(&str, f64)]) -> Gathered {
    let mut gathering = Gathering::new();
    for (address, score) in records {
        gathering.report(&Report {
            address,
            score: Some(*score),
            sources: &["ipsum"],
            ..Report::default()
        });
    }
    gathering.finish()
}

/// Items of lists: tier, network, comment.
pub fn current(items: &[(Tier, &str, Option<&str>)]) -> Current {
    let mut current = Current::builder("prod".parse().unwrap());
    for (at, (tier, ip, comment)) in items.iter().enumerate() {
        current.item(*tier, ip, &format!("{:032x}", at + 1), *comment);
    }
    current.build()
}

/// All tiers on, networks of any size, documentation ranges enforced, no guard in the way.
pub struct Scene {
    pub now: u32,
    pub policy: Policy,
    pub protected: Protected,
    pub current: Current,
    pub consent: Consent,
    pub release: [bool; 3],
}

impl Scene {
    pub fn new(current: Current) -> Self {
        let mut policy = Policy::default();
        for tier in &mut policy.tiers {
            tier.on = true;
        }
        Self {
            now: NOW,
            policy,
            protected: Protected::builder(true).build(),
            current,
            consent: Consent::default(),
            release: [false; 3],
        }
    }

    pub fn inputs<'a>(&'a self, snapshot: Snapshot<'a>) -> Inputs<'a> {
        Inputs {
            now: Seconds::new(self.now),
            snapshot,
            current: &self.current,
            protected: &self.protected,
            policy: &self.policy,
            consent: self.consent,
            release: self.release,
        }
    }

    pub fn plan(&self, snapshot: Snapshot<'_>) -> Plan {
        plan(&self.inputs(snapshot))
    }

    pub fn fresh(&self, records: &[(&str, f64)]) -> Plan {
        self.plan(Snapshot::Fresh(&gathered(records)))
    }

    pub fn unusable(&self) -> Plan {
        self.plan(Snapshot::Unusable {
            reason: "collector: 503".to_owned(),
        })
    }

    /// Items of all lists, and of others in the account.
    pub fn items(&self) -> u64 {
        let ours: u64 = Tier::ALL.iter().map(|tier| self.current.total(*tier)).sum();
        ours + self.policy.capacity.elsewhere
    }

    /// Does what the plan says, and checks after each step that the account's capacity holds.
    pub fn carry_out(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let before = self.items();
            self.current.apply(step, plan.source_names());
            let most = self.policy.capacity.items.max(before);
            assert!(
                self.items() <= most,
                "{} items after {step:?}",
                self.items()
            );
        }
        for tier in Tier::ALL {
            let after = plan.lists[tier.index()].after;
            assert_eq!(self.current.ours(tier), after, "{tier}");
        }
    }

    /// What a list holds of ours.
    pub fn list(&self, tier: Tier) -> Vec<String> {
        let ours = self.current.items(tier).filter(|item| item.ours.is_some());
        ours.map(|item| item.net.to_string()).collect()
    }

    /// Plans and carries out a fresh snapshot; planning again must give nothing.
    pub fn settle(&mut self, records: &[(&str, f64)]) {
        let plan = self.fresh(records);
        self.carry_out(&plan);
        let again = self.fresh(records);
        assert_eq!(lines(&again), Vec::<String>::new());
    }
}

/// A plan's steps, a line for each change: `+ block 203.0.113.7 new`, `- challenge 203.0.113.7 moved`.
pub fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Add { tier, additions } => {
                lines.extend(additions.iter().map(|addition| {
                    let because = match addition.because {
                        AddedBecause::New => "new",
                        AddedBecause::Moved { .. } => "moved",
                        AddedBecause::Reshaped => "reshaped",
                        AddedBecause::Renewed => "renewed",
                    };
                    format!("+ {tier} {} {because}", addition.net)
                }));
            }
            Step::Remove { tier, removals } => {
                lines.extend(removals.iter().map(|removal| {
                    let because = match &removal.because {
                        RemovedBecause::Protected { .. } => "protected",
                        RemovedBecause::Released => "released",
                        RemovedBecause::Moved { .. } => "moved",
                        RemovedBecause::Reshaped => "reshaped",
                        RemovedBecause::Gone => "gone",
                        RemovedBecause::Expired => "expired",
                    };
                    format!("- {tier} {} {because}", removal.item.net)
                }));
            }
        }
    }
    lines
}
