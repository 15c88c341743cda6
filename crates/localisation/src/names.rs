//! Names, kept once and passed on as numbers.

use std::collections::BTreeMap;

/// A name that a [`crate::Builder`] knows; it is of use with the topology that the builder makes, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(crate) u32);

/// Whoever knows what a name reads.
pub(crate) trait Texts {
    fn text(&self, name: Name) -> &str;
}

/// The names while they are collected.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    numbers: BTreeMap<String, Name>,
}

impl Collected {
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.numbers.len()).expect("fewer than four billion names"));
        self.numbers.insert(text.to_owned(), name);
        name
    }

    /// All of them in one text: a fleet of 10,000 accounts has hundreds of thousands.
    pub(crate) fn finish(self) -> Names {
        let mut by_number: Vec<(Name, String)> =
            self.numbers.into_iter().map(|(text, name)| (name, text)).collect();
        by_number.sort_unstable_by_key(|(name, _)| *name);
        let mut names = Names::default();
        for (_, text) in by_number {
            names.all.push_str(&text);
            names.ends.push(u32::try_from(names.all.len()).expect("fewer than four billion bytes of names"));
        }
        names.all.shrink_to_fit();
        names.ends.shrink_to_fit();
        names
    }
}

/// The names once they are complete.
#[derive(Debug, Default)]
pub(crate) struct Names {
    all: String,
    /// Where each name ends; it begins where the one before it ends.
    ends: Vec<u32>,
}

impl Names {
    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

impl Texts for Names {
    fn text(&self, name: Name) -> &str {
        let number = name.0 as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.all[start..self.ends[number] as usize]
    }
}
