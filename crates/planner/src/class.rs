//! Classes of plans: accounts that change in the same way.

use std::collections::{BTreeMap, BTreeSet};

use crate::Plan;
use crate::facts::{Fact, Name, Term};

/// Puts plans that are the same but for ids and names together. Returns the positions of each class's plans,
/// in the order of the first of each.
///
/// Two plans are in one class exactly when there is one renaming of ids, accounts, zones and addresses, the
/// same in every place, that makes the calls, what they do to traffic, what is withheld and what is waited
/// for in the one those of the other. What was there before is no part of it, nor is the order.
pub fn classes<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<Vec<usize>> {
    let mut found: BTreeMap<Vec<Vec<Label>>, usize> = BTreeMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for (position, plan) in plans.into_iter().enumerate() {
        let class = *found.entry(shape(&plan.facts())).or_insert(classes.len());
        match classes.get_mut(class) {
            Some(members) => members.push(position),
            None => classes.push(vec![position]),
        }
    }
    classes
}

/// A part of a fact, with a number in place of the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Word(String),
    Name(u8, usize),
}

/// The facts with numbers in place of names, the same for all sets of facts that a renaming turns into each
/// other.
///
/// Names are told apart by where they are (colour refinement: a name's colour is that of all facts it is in,
/// a fact's that of all its names, until nothing more is told apart). Names that are still alike are taken to
/// be interchangeable, as the zones of a stack are: one of them is set apart, and what follows from that is
/// told apart in turn. Were they not interchangeable, a class would fall into two; different plans never
/// become one, for the result is all that there was but for the names.
fn shape(facts: &[Fact]) -> Vec<Vec<Label>> {
    let mut colours = Colours::of(facts);
    colours.refine();
    while let Some(name) = colours.first_alike() {
        colours.set_apart(name);
        colours.refine();
    }
    colours.labelled()
}

/// A part of a fact, while names get their colours.
enum Slot<'a> {
    Word(&'a str),
    /// A name by its position, and which of the fact's different names it is.
    Name(usize, usize),
}

struct Colours<'a> {
    facts: Vec<Vec<Slot<'a>>>,
    /// What kind of name each is.
    kinds: Vec<u8>,
    /// The colour of each name.
    colours: Vec<usize>,
}

impl<'a> Colours<'a> {
    fn of(facts: &'a [Fact]) -> Self {
        let names: BTreeSet<&Name> = facts.iter().flatten().filter_map(name).collect();
        let positions: BTreeMap<&Name, usize> = names.iter().enumerate().map(|(at, it)| (*it, at)).collect();
        let slots = |fact: &'a Fact| {
            let mut own: Vec<usize> = Vec::new();
            let slot = |term: &'a Term| match term {
                Term::Word(word) => Slot::Word(word),
                Term::Name(name) => {
                    let at = positions[name];
                    let nth = own.iter().position(|it| *it == at).unwrap_or_else(|| {
                        own.push(at);
                        own.len() - 1
                    });
                    Slot::Name(at, nth)
                }
            };
            fact.iter().map(slot).collect()
        };
        let kinds: Vec<u8> = names.iter().map(|name| kind(name)).collect();
        let colours = kinds.iter().map(|kind| usize::from(*kind)).collect();
        Self { facts: facts.iter().map(slots).collect(), kinds, colours }
    }

    /// Tells names apart by the facts that they are in, until that tells no more of them apart.
    fn refine(&mut self) {
        let mut different = 0;
        loop {
            let facts: Vec<Vec<(usize, usize, &str)>> =
                self.facts.iter().map(|fact| self.seen(fact)).collect();
            let facts = ranks(&facts);
            let mut places: Vec<(usize, Vec<(usize, usize)>)> =
                self.colours.iter().map(|colour| (*colour, Vec::new())).collect();
            for (slots, rank) in self.facts.iter().zip(facts) {
                for (at, slot) in slots.iter().enumerate() {
                    if let Slot::Name(name, _) = slot {
                        places[*name].1.push((rank, at));
                    }
                }
            }
            places.iter_mut().for_each(|(_, places)| places.sort_unstable());
            self.colours = ranks(&places);
            let now = self.colours.iter().collect::<BTreeSet<_>>().len();
            if now == different {
                return;
            }
            different = now;
        }
    }

    /// A fact with colours in place of names.
    fn seen<'s>(&self, fact: &[Slot<'s>]) -> Vec<(usize, usize, &'s str)> {
        let seen = |slot: &Slot<'s>| match *slot {
            Slot::Word(word) => (0, 0, word),
            Slot::Name(name, nth) => (self.colours[name] + 1, nth, ""),
        };
        fact.iter().map(seen).collect()
    }

    /// One of the names of the lowest colour that several have.
    fn first_alike(&self) -> Option<usize> {
        let mut by_colour: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (name, colour) in self.colours.iter().enumerate() {
            by_colour.entry(*colour).or_default().push(name);
        }
        by_colour.into_values().find(|names| names.len() > 1).map(|names| names[0])
    }

    fn set_apart(&mut self, name: usize) {
        self.colours.iter_mut().for_each(|colour| *colour = *colour * 2 + 1);
        self.colours[name] -= 1;
    }

    fn labelled(&self) -> Vec<Vec<Label>> {
        let label = |slot: &Slot<'_>| match *slot {
            Slot::Word(word) => Label::Word(word.to_owned()),
            Slot::Name(name, _) => Label::Name(self.kinds[name], self.colours[name]),
        };
        let mut facts: Vec<Vec<Label>> =
            self.facts.iter().map(|fact| fact.iter().map(label).collect()).collect();
        facts.sort();
        facts
    }
}

fn name(term: &Term) -> Option<&Name> {
    match term {
        Term::Name(name) => Some(name),
        Term::Word(_) => None,
    }
}

/// A zone is never taken for an account.
fn kind(name: &Name) -> u8 {
    match name {
        Name::Id(_) => 0,
        Name::Account(_) => 1,
        Name::Peer(_) => 2,
        Name::Zone(_) => 3,
        Name::Net(..) => 4,
    }
}

/// The rank of each item among all different ones.
fn ranks<T: Ord>(items: &[T]) -> Vec<usize> {
    let different: BTreeSet<&T> = items.iter().collect();
    let ranks: BTreeMap<&T, usize> = different.into_iter().enumerate().map(|(rank, it)| (it, rank)).collect();
    items.iter().map(|item| ranks[item]).collect()
}
