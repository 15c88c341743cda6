//! Two fleet files at once: while a new one is rolled out, some accounts have it and the others the one before.
//!
//! A connection is between two accounts, and so is there once both have a file that declares it. What is decided
//! here is the same whichever end asks.

mod declared;
mod isolations;
mod ways;

use std::collections::BTreeSet;

use phonehome_wire::AccountId;

use crate::identity::Bindings;
use crate::model::Fleet;
use declared::Declared;
use isolations::{News, with_controls};
use ways::{End, Way, forbidden_way};

/// The fleet file in force and the one that is rolled out, each as the accounts that have it follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mixed {
    /// The one in force, for every account whose turn has not come.
    pub base: Fleet,
    /// The one that is rolled out, for the accounts whose turn has come.
    pub target: Fleet,
}

impl Mixed {
    /// Each of the two files without what cannot be while `turned` have `target` and all others `base`; a line that is
    /// no account yet has `base`.
    ///
    /// - A connection between an account of each is left out where one of the two files does not declare it, by its
    ///   ends and its port.
    /// - A connection that only `target` declares is left out, too, while with it a way of several connections would
    ///   lead between environments that both files keep apart.
    /// - An isolation whose control is left out has another control, of what the same account is tested by.
    /// - An isolation that only `target` declares is left out while the other end has `base` and lets it in, or while
    ///   nobody reaches yet what is to be closed.
    pub fn of(base: &Fleet, target: &Fleet, turned: &BTreeSet<AccountId>, bindings: &Bindings) -> Self {
        let has_turned = |end: &End| matches!(end, End::Account(account) if turned.contains(account));
        let of_base = Declared::of(base, bindings, |end| !has_turned(end));
        let of_target = Declared::of(target, bindings, has_turned);
        let agreed = agreed(&of_base, &of_target);
        let (mut base, mut target) = (of_base.with(&agreed), of_target.with(&agreed));
        let news = News::of((&of_base, &base), (&of_target, &target));
        target.isolations = news.isolations();
        with_controls(of_base.fleet, &mut base);
        with_controls(of_target.fleet, &mut target);
        Self { base, target }
    }
}

/// The ways there are: of two accounts that have the same file what that declares, of others what both do.
fn agreed(base: &Declared<'_>, target: &Declared<'_>) -> BTreeSet<Way> {
    let mut agreed: BTreeSet<Way> =
        base.own_ways().chain(base.ways.intersection(&target.ways)).cloned().collect();
    let without_news = agreed.clone();
    agreed.extend(target.own_ways().cloned());
    let mut environments = base.environments();
    environments.extend(target.environments());
    let kept_apart = base.fleet.forbidden_environments.iter();
    let mut kept_apart = kept_apart.filter(|pair| target.fleet.forbidden_environments.contains(pair));
    if kept_apart.any(|pair| forbidden_way(&agreed, &environments, pair)) { without_news } else { agreed }
}
