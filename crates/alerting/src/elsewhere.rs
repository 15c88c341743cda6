//! What the other stacks make of an endpoint. It is gathered once for each endpoint that somebody asks for: to walk the
//! fleet for each path that is lost takes minutes when one thing is lost to thousands.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use phonehome_wire::StackId;

use crate::ProbeKey;

/// What all stacks make of the endpoints that were asked for.
#[derive(Default)]
pub(crate) struct Elsewhere {
    endpoints: RefCell<BTreeMap<String, Rc<Endpoint>>>,
}

/// What a probe that connects to an endpoint says of it.
pub(crate) enum Said {
    /// It is lost.
    Lost,
    /// It is reached, and since when that is known; milliseconds since the Unix epoch.
    Reached {
        since_ms: Option<u64>,
    },
    /// What is known of it could not be read.
    Unseen,
    Nothing,
}

/// What all stacks make of one endpoint.
#[derive(Default)]
pub(crate) struct Endpoint {
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

impl Elsewhere {
    /// Of an endpoint, to which these probes connect.
    pub(crate) fn at<'p, I: Iterator<Item = (&'p ProbeKey, Said)>>(
        &self,
        endpoint: &str,
        connecting: impl FnOnce() -> I,
    ) -> Rc<Endpoint> {
        if let Some(known) = self.endpoints.borrow().get(endpoint) {
            return Rc::clone(known);
        }
        let mut found = Endpoint::default();
        connecting().for_each(|(probe, said)| found.add(&probe.stack(), &said));
        let found = Rc::new(found);
        self.endpoints.borrow_mut().insert(endpoint.to_owned(), Rc::clone(&found));
        found
    }
}

impl Endpoint {
    fn add(&mut self, stack: &StackId, said: &Said) {
        self.tried.add((), stack);
        match said {
            Said::Lost => self.lost.add((), stack),
            // What cannot be seen must not keep a page back.
            Said::Reached { .. } | Said::Unseen => self.may_be_reached.add((), stack),
            Said::Nothing => {}
        }
        if let Said::Reached { since_ms: Some(since_ms) } = said {
            self.good_since_ms.add(*since_ms, stack);
        }
    }

    /// Whether it is lost to other stacks, and reached by none of them.
    pub(crate) fn is_lost_to_all(&self, but: &StackId) -> bool {
        self.lost.than(but).is_some() && self.may_be_reached.than(but).is_none()
    }

    /// Since when another stack reaches it, in milliseconds since the Unix epoch; 0 where none tries, `None` where none
    /// is known to reach it.
    pub(crate) fn reached_since(&self, but: &StackId) -> Option<u64> {
        self.tried.than(but).map_or(Some(0), |()| self.good_since_ms.than(but))
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
