//! The names of sources, each kept once.

/// Names of sources, numbered in the order they were met. At most 63 stand for themselves: a collector that invents a name per
/// record costs no memory, its further names count as one, `others`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceNames(Vec<Box<str>>);

/// A set of names of one [`SourceNames`], as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceSet(u64);

/// The set in which every name beyond [`MOST`] lies.
const OTHERS: SourceSet = SourceSet(1 << MOST);
const MOST: usize = 63;
/// Longest name; a comment has 500 characters for all of them.
const LONGEST: usize = 32;

impl SourceNames {
    /// The set of one name. What is no letter, digit, dot, dash or underscore becomes a dash, so that names can stand in a comment.
    /// Empty for an empty name.
    pub fn set_of(&mut self, name: &str) -> SourceSet {
        if is_plain(name) {
            return self.set_of_plain(name);
        }
        let plain: String = name
            .trim()
            .chars()
            .take(LONGEST)
            .map(|c| if is_plain_char(c) { c } else { '-' })
            .collect();
        if plain.is_empty() {
            return SourceSet::default();
        }
        self.set_of_plain(&plain)
    }

    /// The union of the names' sets.
    pub fn set_of_all(&mut self, names: &[&str]) -> SourceSet {
        names.iter().fold(SourceSet::default(), |set, name| {
            set.union(self.set_of(name))
        })
    }

    fn set_of_plain(&mut self, name: &str) -> SourceSet {
        if let Some(at) = self.0.iter().position(|known| **known == *name) {
            return SourceSet(1 << at);
        }
        if name == "others" || self.0.len() == MOST {
            return OTHERS;
        }
        self.0.push(name.into());
        SourceSet(1 << (self.0.len() - 1))
    }

    /// The names of a set, in the order they were met.
    pub fn names(&self, set: SourceSet) -> impl Iterator<Item = &str> {
        let known = self
            .0
            .iter()
            .enumerate()
            .filter(move |(at, _)| set.0 & 1 << at != 0)
            .map(|(_, name)| &**name);
        known.chain((set.0 & OTHERS.0 != 0).then_some("others"))
    }

    /// Takes over the names of another, and says how its sets read here.
    pub fn adopt(&mut self, other: &Self) -> Renumbering {
        let mut to = [SourceSet::default(); MOST + 1];
        for (to, name) in to.iter_mut().zip(&other.0) {
            *to = self.set_of_plain(name);
        }
        to[MOST] = OTHERS;
        let same = to
            .iter()
            .take(other.0.len())
            .enumerate()
            .all(|(at, to)| to.0 == 1 << at);
        Renumbering { to, same }
    }
}

/// How the sets of one [`SourceNames`] read in another.
#[derive(Clone, Debug)]
pub struct Renumbering {
    to: [SourceSet; MOST + 1],
    same: bool,
}

impl Renumbering {
    pub fn of(&self, set: SourceSet) -> SourceSet {
        if self.same {
            return set;
        }
        let mut bits = set.0;
        let mut renumbered = SourceSet::default();
        while bits != 0 {
            renumbered = renumbered.union(self.to[bits.trailing_zeros() as usize]);
            bits &= bits - 1;
        }
        renumbered
    }
}

impl SourceSet {
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Whether a name can stand in a comment as it is.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_plain_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_names_in_any_order_when_sets_are_united_then_each_name_is_there_once() {
        let mut names = SourceNames::default();
        let first = names.set_of_all(&["ipsum", "et", "ipsum"]);
        let second = names.set_of("abuse ipdb,\n");
        let all: Vec<_> = names.names(first.union(second)).collect();
        assert_eq!(all, ["ipsum", "et", "abuse-ipdb-"]);
        assert!(names.set_of("  ").is_empty());
    }

    #[test]
    fn given_more_names_than_bits_when_they_are_kept_then_the_rest_is_others() {
        let mut names = SourceNames::default();
        for name in 0..1000 {
            names.set_of(&format!("source-{name}"));
        }
        let set = names.set_of_all(&["source-5", "source-700", "source-999"]);
        let all: Vec<_> = names.names(set).collect();
        assert_eq!(all, ["source-5", "others"]);
    }

    #[test]
    fn given_sets_of_another_numbering_when_they_are_renumbered_then_their_names_are_the_same() {
        let (mut here, mut there) = (SourceNames::default(), SourceNames::default());
        here.set_of_all(&["a", "b"]);
        let set = there.set_of_all(&["c", "b"]);
        let renumbering = here.adopt(&there);
        let names: Vec<_> = here.names(renumbering.of(set)).collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(there.adopt(&there.clone()).of(set), set);
    }
}
