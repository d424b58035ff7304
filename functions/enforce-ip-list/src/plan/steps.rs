//! The order in which to write.
//!
//! 1. What touches something protected is removed, before all else.
//! 2. Everything is added: moves first, then by urgency.
//! 3. What gave way to an addition, what is gone and what has expired is removed.
//!
//! So nobody who stays enforced is ever in no list. Where the account is too full for that, room is made first by removing what
//! nothing takes the place of; then entries give way to others in rounds that fit; only what still finds no room is removed before
//! it is added, and counted in [`Plan::gaps`]. The capacity is never exceeded between two steps.

use std::collections::BTreeSet;

use super::Inputs;
use super::difference::{Because, Difference};
use super::result::{AddedBecause, Addition, Plan, Removal, RemovedBecause, Step};
use super::spans::Spans;
use crate::net::{Block, Either, Net, V4, V6};
use crate::safety::Protected;
use crate::threat::Tier;

/// How often entries may give way in turns: each takes up to six operations, which Cloudflare does one at a time.
const ROUNDS: usize = 4;

struct Add {
    tier: Tier,
    rank: u64,
    addition: Addition,
}

struct Remove {
    tier: Tier,
    removal: Removal,
}

pub(super) fn in_order(
    inputs: &Inputs<'_>,
    protected: &Protected,
    v4: Difference<V4>,
    v6: Difference<V6>,
    plan: &mut Plan,
) -> Vec<Step> {
    let (mut additions, mut removals) = (Vec::new(), Vec::new());
    collect(protected, v4, &mut additions, &mut removals);
    collect(protected, v6, &mut additions, &mut removals);
    additions.sort_unstable_by_key(|add| (class(add), add.rank, add.addition.net));

    let (urgent, removals) = split(removals, |remove| {
        matches!(
            remove.removal.because,
            RemovedBecause::Protected { .. } | RemovedBecause::Released
        )
    });
    let held: u64 = Tier::ALL
        .iter()
        .map(|tier| inputs.current.total(*tier))
        .sum();
    let capacity = inputs.policy.capacity;
    let room = capacity.items.saturating_sub(capacity.elsewhere);
    let mut order = Order {
        steps: Vec::new(),
        room: room.saturating_sub(held),
        over: held.saturating_sub(room),
        plan,
    };
    order.remove(urgent);
    let needed = additions.iter().filter(|add| needs_room(add)).count() as u64;
    if needed <= order.room {
        order.add(additions);
        order.remove(removals);
    } else {
        order.tightly(additions, removals);
    }
    order.steps
}

fn collect<B: Block>(
    protected: &Protected,
    difference: Difference<B>,
    additions: &mut Vec<Add>,
    removals: &mut Vec<Remove>,
) {
    additions.extend(difference.additions.into_iter().map(|add| Add {
        tier: add.entry.tier,
        rank: add.entry.rank(),
        addition: Addition {
            net: add.entry.block.net(),
            mark: add.entry.mark(),
            because: add.because,
        },
    }));
    removals.extend(difference.removals.into_iter().map(|remove| {
        let item = remove.item.listed();
        let because = remove.because.full(|| {
            let by = Box::new(protected.touching(item.net)?.clone());
            Some(RemovedBecause::Protected { by })
        });
        debug_assert!(remove.because != Because::Protected || because != RemovedBecause::Gone);
        Remove {
            tier: remove.tier,
            removal: Removal {
                item,
                mark: remove.mark,
                because,
            },
        }
    }));
}

/// Moves, then what only changes its shape, then what is new; renewals last.
fn class(add: &Add) -> u8 {
    match add.addition.because {
        AddedBecause::Moved { .. } => 0,
        AddedBecause::Reshaped => 1,
        AddedBecause::New => 2,
        AddedBecause::Renewed => 3,
    }
}

fn needs_room(add: &Add) -> bool {
    add.addition.because != AddedBecause::Renewed
}

/// Whether other entries take its place.
fn gives_way(remove: &Remove) -> bool {
    matches!(
        remove.removal.because,
        RemovedBecause::Moved { .. } | RemovedBecause::Reshaped
    )
}

fn split<T>(all: Vec<T>, is_first: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    all.into_iter().partition(is_first)
}

/// Both families' stretches.
struct Places {
    v4: Spans<V4>,
    v6: Spans<V6>,
}

impl Places {
    fn of(nets: impl Iterator<Item = Net>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match net.either() {
                Either::V4(block) => v4.push(block),
                Either::V6(block) => v6.push(block),
            }
        }
        v4.sort_unstable();
        v6.sort_unstable();
        Self {
            v4: Spans::of(v4.into_iter()),
            v6: Spans::of(v6.into_iter()),
        }
    }

    fn touch(&self, net: Net) -> bool {
        match net.either() {
            Either::V4(block) => self.v4.touch(block),
            Either::V6(block) => self.v6.touch(block),
        }
    }
}

/// Additions that are still to come.
struct Waiting {
    nets: BTreeSet<Net>,
    places: Places,
}

impl Waiting {
    fn of(additions: &[Add]) -> Self {
        Self {
            nets: additions.iter().map(|add| add.addition.net).collect(),
            places: Places::of(additions.iter().map(|add| add.addition.net)),
        }
    }

    /// Whether an entry has to wait for one of them. What moves waits for itself only.
    fn keep(&self, remove: &Remove) -> bool {
        let net = remove.removal.item.net;
        match remove.removal.because {
            RemovedBecause::Moved { .. } => self.nets.contains(&net),
            _ => self.places.touch(net),
        }
    }
}

struct Order<'a> {
    steps: Vec<Step>,
    /// How many items the account has room for after the steps so far.
    room: u64,
    /// How many it holds beyond what it may: a plan can be made smaller.
    over: u64,
    plan: &'a mut Plan,
}

impl Order<'_> {
    /// One step per list, the most severe first.
    fn add(&mut self, additions: Vec<Add>) {
        let mut by_tier: [Vec<Addition>; 3] = Default::default();
        for add in additions {
            self.room -= u64::from(needs_room(&add));
            by_tier[add.tier.index()].push(add.addition);
        }
        for (tier, additions) in Tier::ALL.into_iter().zip(by_tier) {
            if !additions.is_empty() {
                self.steps.push(Step::Add { tier, additions });
            }
        }
    }

    fn remove(&mut self, removals: Vec<Remove>) {
        let freed = removals.len() as u64;
        self.room += freed.saturating_sub(self.over);
        self.over = self.over.saturating_sub(freed);
        let mut by_tier: [Vec<Removal>; 3] = Default::default();
        for remove in removals {
            by_tier[remove.tier.index()].push(remove.removal);
        }
        for (tier, removals) in Tier::ALL.into_iter().zip(by_tier) {
            if !removals.is_empty() {
                self.steps.push(Step::Remove { tier, removals });
            }
        }
    }

    /// There is no room for all additions beside what they replace.
    fn tightly(&mut self, additions: Vec<Add>, removals: Vec<Remove>) {
        let (mut giving_way, free) = split(removals, gives_way);
        self.remove(free);
        let (additions, renewed) = split(additions, needs_room);
        let places = Places::of(giving_way.iter().map(|remove| remove.removal.item.net));
        let (mut replacing, mut new) = split(additions, |add| places.touch(add.addition.net));
        for _ in 0..ROUNDS {
            if self.room == 0 || replacing.is_empty() {
                break;
            }
            let fitting = replacing.len().min(self.room_for());
            let later = replacing.split_off(fitting);
            self.add(std::mem::replace(&mut replacing, later));
            let waiting = Waiting::of(&replacing);
            let (stays, ready) = split(giving_way, |remove| waiting.keep(remove));
            self.remove(ready);
            giving_way = stays;
        }
        if replacing.is_empty() {
            self.remove(giving_way);
        } else {
            self.leaving_gaps(replacing, giving_way);
        }
        new.sort_unstable_by_key(|add| (add.rank, add.addition.net));
        let beyond = new.split_off(new.len().min(self.room_for()));
        self.plan.no_room += beyond.len() as u64;
        new.extend(renewed);
        self.add(new);
    }

    /// Removes what gives way first. If even that makes too little room, all of it stays as it is: better enforced in the old shape
    /// than half of it in the new one.
    fn leaving_gaps(&mut self, replacing: Vec<Add>, giving_way: Vec<Remove>) {
        let after = self.room_for() + giving_way.len().saturating_sub(self.over_by());
        if replacing.len() > after {
            self.plan.no_room += replacing.len() as u64;
            let waiting = Waiting::of(&replacing);
            let (_, ready) = split(giving_way, |remove| waiting.keep(remove));
            self.remove(ready);
            return;
        }
        self.plan.gaps += giving_way.len() as u64;
        self.remove(giving_way);
        self.add(replacing);
    }

    fn room_for(&self) -> usize {
        usize::try_from(self.room).unwrap_or(usize::MAX)
    }

    fn over_by(&self) -> usize {
        usize::try_from(self.over).unwrap_or(usize::MAX)
    }
}
