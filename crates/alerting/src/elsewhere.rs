//! What the other stacks make of an endpoint. It is gathered once for all endpoints: to walk the fleet for each path
//! that is lost takes minutes when one thing is lost to thousands.

use std::collections::BTreeMap;

use phonehome_wire::StackId;

use crate::evaluation::{Health, Probe};

/// What all stacks make of each endpoint that something must connect to.
#[derive(Default)]
pub(crate) struct Elsewhere<'w> {
    endpoints: BTreeMap<&'w str, Endpoint>,
}

#[derive(Default)]
struct Endpoint {
    tried: OfOthers<()>,
    lost: OfOthers<()>,
    good_since_ms: OfOthers<u64>,
    /// It is reached, or what is known of it cannot be seen.
    may_be_reached: OfOthers<()>,
}

/// The least value there is, and the least of any other stack: so that of all stacks but one the least is known.
struct OfOthers<T> {
    least: Option<(T, StackId)>,
    of_another: Option<(T, StackId)>,
}

impl<T> Default for OfOthers<T> {
    fn default() -> Self {
        Self { least: None, of_another: None }
    }
}

impl<T: Copy + Ord> OfOthers<T> {
    fn add(&mut self, value: T, stack: &StackId) {
        match &self.least {
            Some((least, of)) if of == stack => {
                if value < *least {
                    self.least = Some((value, stack.clone()));
                }
            }
            Some((least, _)) if *least <= value => {
                if self.of_another.as_ref().is_none_or(|(known, _)| value < *known) {
                    self.of_another = Some((value, stack.clone()));
                }
            }
            _ => {
                self.of_another = self.least.take();
                self.least = Some((value, stack.clone()));
            }
        }
    }

    /// The least value of all stacks but this one.
    fn than(&self, stack: &StackId) -> Option<T> {
        let least = self.least.as_ref().filter(|(_, of)| of != stack);
        least.or(self.of_another.as_ref().filter(|(_, of)| of != stack)).map(|(value, _)| *value)
    }
}

impl<'w> Elsewhere<'w> {
    pub(crate) fn of<'s>(probes: impl Iterator<Item = &'s Probe<'w>>) -> Self
    where
        'w: 's,
    {
        let mut elsewhere = Self::default();
        for probe in probes {
            elsewhere.add(probe);
        }
        elsewhere
    }

    fn add(&mut self, probe: &Probe<'w>) {
        let stack = probe.view.key.stack();
        for (check, health) in probe.connects() {
            let endpoint = self.endpoints.entry(check.target.endpoint.as_str()).or_default();
            endpoint.tried.add((), &stack);
            match health {
                Health::Bad => endpoint.lost.add((), &stack),
                // What cannot be seen must not keep a page back.
                Health::Good | Health::Unseen => endpoint.may_be_reached.add((), &stack),
                Health::Unknown | Health::Undecided | Health::Undeclared => {}
            }
            if let Some(since_ms) = probe.good_since(&check.id) {
                endpoint.good_since_ms.add(since_ms, &stack);
            }
        }
    }

    /// Whether an endpoint is lost to other stacks, and reached by none of them.
    pub(crate) fn is_lost_to_all(&self, endpoint: &str, but: &StackId) -> bool {
        let endpoint = self.endpoints.get(endpoint);
        endpoint.is_some_and(|it| it.lost.than(but).is_some() && it.may_be_reached.than(but).is_none())
    }

    /// Since when another stack reaches an endpoint, in milliseconds since the Unix epoch; 0 where none tries, `None`
    /// where none is known to reach it.
    pub(crate) fn reached_since(&self, endpoint: &str, but: &StackId) -> Option<u64> {
        match self.endpoints.get(endpoint) {
            Some(endpoint) if endpoint.tried.than(but).is_some() => endpoint.good_since_ms.than(but),
            _ => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OfOthers;
    use phonehome_wire::StackId;
    use proptest::prelude::*;

    fn stack(number: u8) -> StackId {
        let account = format!("{:012}", u64::from(number) + 1).parse().unwrap();
        StackId { account, region: "us-east-1".parse().unwrap() }
    }

    proptest! {
        #[test]
        fn the_least_of_all_stacks_but_one_is_known_whatever_the_order(
            values in prop::collection::vec((0u64..6, 0u8..4), 0..12),
            but in 0u8..4,
        ) {
            let mut of_others = OfOthers::default();
            values.iter().for_each(|(value, of)| of_others.add(*value, &stack(*of)));
            let expected = values.iter().filter(|(_, of)| *of != but).map(|(value, _)| *value).min();
            prop_assert_eq!(of_others.than(&stack(but)), expected);
        }
    }
}
