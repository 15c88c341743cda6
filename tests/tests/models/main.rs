//! Models of what several processes do with one table, checked in every order in which it can happen, with
//! crashes, lost answers and clocks that are off. Each model takes its numbers, and where it can its
//! decisions, from the code; and each has mutants: the same model with one guard removed, which must be
//! caught.

mod alerter;
mod lease;
mod ledger;
mod outbox;
mod rollout;
mod slack;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// How much of the state space there may be: so many are observed in half a minute, in the dev profile.
const STATES_MAX: usize = 2_000_000;

/// Explores all of a model's states. Every `always` property must hold in each, every `sometimes` property in
/// one.
fn holds<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Debug + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + Debug + Send + Sync,
{
    let checker = model.checker().target_state_count(STATES_MAX).spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them different, depth {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
    assert!(checker.state_count() < STATES_MAX, "{name}: not all states were looked at");
}

/// Looks for a state that breaks the property, which there must be.
fn is_caught<M>(mutant: &str, model: M, property: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Debug + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + Debug + Send + Sync,
{
    let until = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = model.checker().finish_when(until).target_state_count(STATES_MAX).spawn_bfs().join();
    let found = checker.discovery(property);
    assert!(found.is_some(), "with {mutant}, {property:?} still holds in {} states", checker.state_count());
}
