//! Rules that concern more than one value of a fleet file.

mod addresses;
mod checks;
mod connections;
mod index;
mod isolations;
mod packs;
mod paging;
mod reachability;
mod renames;
mod tags;
mod tested;
mod vending;
mod windows;

use self::index::Index;
use self::tested::Tests;
use crate::draft::Draft;
use crate::limits::TESTS_MAX;
use crate::place::{Flaw, Place};
use crate::reader::Reader;
use crate::yaml::Node;

/// Reports every rule that the draft breaks.
pub(crate) fn check(draft: &Draft, root: &Node, reader: &mut Reader) {
    let mut rules = Rules { draft, index: Index::of(draft), root, reader };
    rules.former_names_are_free();
    rules.accounts_can_be_made();
    rules.pools_do_not_overlap();
    rules.every_region_has_a_pool();
    rules.pools_have_room();
    rules.connections_have_environments();
    rules.team_checks_make_sense();
    match Tests::of(draft, &rules.index) {
        Ok(tests) => {
            rules.connections_are_distinct();
            rules.isolations_make_sense(&tests);
            rules.accounts_have_few_enough_checks(&tests);
            rules.windows_are_for_something(&tests);
        }
        Err(place) => {
            let flaw = Flaw::new(format!("up to here the file makes more than {TESTS_MAX} checks"));
            let hint = "each port of each connection, each isolation and each item of `checks` is one for each \
                        account it is from";
            rules.report(place, "", flaw.hint(hint).for_publishing());
        }
    }
    rules.forbidden_environments_are_out_of_reach();
    rules.adopted_networks_are_where_one_belongs();
    rules.paging_reaches_someone();
    rules.windows_end();
    rules.tags_are_taken_with_every_lines_names();
    rules.starter_packs_can_be_made();
}

struct Rules<'a> {
    draft: &'a Draft,
    index: Index<'a>,
    root: &'a Node,
    reader: &'a mut Reader,
}

impl Rules<'_> {
    fn report(&mut self, place: &Place, below: &str, flaw: Flaw) {
        let place = place.below(self.root, below);
        self.reader.report(&place, flaw);
    }

    fn controls_complete(&self) -> bool {
        let Draft { connections, checks, domains, egress_complete, .. } = self.draft;
        connections.complete
            && checks.complete
            && domains.complete
            && domains.values().all(|domain| !domain.environments.is_empty())
            && *egress_complete
            && connections.values().all(|connection| !connection.ports.is_empty())
    }
}
