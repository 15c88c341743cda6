//! What both this fake and any other stand-in for AWS have to do: cases, written against
//! [`StackApi`](phonehome_executor::StackApi)
//! alone, so that the same ones judge each of them.
//!
//! A case works in accounts of its own, so that all can run against one server. Each says what AWS
//! answers; where AWS documents several codes for one thing, or its own documentation and its answers
//! differ, the case accepts the set, and the class (what can be done about it) is the same for all.

mod guards;
mod harness;
mod networks;
mod peerings;
mod probes;
mod refusals;
mod removals;
mod subject;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use subject::{Accounts, Judgement};

type Run<A> = Box<dyn Fn(Arc<A>, u32) -> Pin<Box<dyn Future<Output = Judgement> + Send>> + Send + Sync>;

/// One thing that AWS does.
pub struct Case<A> {
    /// A sentence.
    pub name: &'static str,
    /// Whether it is about a rule that moto 5.2.5 does not know. Another stand-in may.
    pub strict: bool,
    number: u32,
    run: Run<A>,
}

impl<A> std::fmt::Debug for Case<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("strict", &self.strict).finish_non_exhaustive()
    }
}

impl<A: Accounts> Case<A> {
    /// Judges the accounts by it.
    ///
    /// # Errors
    /// What was answered, and what AWS answers.
    pub async fn run(&self, accounts: &Arc<A>) -> Judgement {
        (self.run)(accounts.clone(), self.number).await
    }
}

/// Every case.
pub fn cases<A: Accounts>() -> Vec<Case<A>> {
    let mut cases = Vec::new();
    macro_rules! cases {
        ($($strict:literal $module:ident::$case:ident,)*) => {$(
            let number = u32::try_from(cases.len()).unwrap_or(u32::MAX);
            cases.push(Case {
                name: stringify!($case),
                strict: $strict,
                number,
                run: Box::new(|accounts, number| Box::pin($module::$case(accounts, number))),
            });
        )*};
    }
    cases! {
        false networks::what_is_made_is_seen_with_its_tags,
        false networks::a_vpc_comes_with_a_table_a_group_and_an_acl,
        // moto gives public addresses in the first subnet that an account makes in a zone.
        true networks::a_new_subnet_gives_no_public_addresses,
        false networks::dns_is_seen_only_when_it_is_asked_for,
        false networks::a_route_is_replaced_and_an_association_too,
        false networks::tags_are_put_and_taken_away,
        false networks::endpoints_are_added_to_route_tables,
        false refusals::subnets_do_not_overlap_and_lie_in_the_vpc,
        false refusals::what_is_not_there_is_not_found,
        // moto makes routes to gateways that are not there.
        true refusals::more_that_is_not_there_is_not_found,
        false refusals::a_route_is_made_once,
        false refusals::an_internet_gateway_is_attached_once,
        false refusals::an_address_serves_one_nat_gateway,
        // moto does not look for one.
        true refusals::a_nat_gateway_needs_an_attached_internet_gateway,
        // moto gives a subnet any number of them.
        true refusals::a_subnet_has_one_route_table,
        // moto makes a second endpoint.
        true refusals::a_route_table_has_one_route_to_a_service,
        false refusals::a_flow_log_is_made_once,
        false guards::a_security_group_name_is_given_once,
        false guards::rules_are_added_once_and_taken_away_once,
        // moto's default security group has no rule for what comes in.
        true guards::a_default_group_lets_itself_in,
        false guards::acl_entries_are_made_once_and_replaced,
        false peerings::a_peering_is_asked_for_and_accepted,
        // moto makes a second peering.
        true peerings::a_second_request_answers_the_first_one,
        // moto has two peerings of the same VPCs then.
        true peerings::the_other_way_round_cannot_be_accepted_as_well,
        false probes::functions_and_schedules_are_made_and_seen,
        false removals::a_vpc_goes_last,
        // moto deletes a subnet with a NAT gateway in it.
        true removals::what_is_used_is_not_deleted,
        false removals::a_stack_is_released_in_the_planned_order,
        // moto keeps the association of a subnet that is gone, and so its route table.
        true removals::associations_go_with_their_subnets,
    }
    cases
}

/// Runs every case, also those after one that fails.
///
/// # Errors
/// Every failed case with what is wrong.
pub async fn contract<A: Accounts>(accounts: Arc<A>) -> Result<(), Vec<(&'static str, String)>> {
    let mut failed = Vec::new();
    for case in cases::<A>() {
        if let Err(what) = case.run(&accounts).await {
            failed.push((case.name, what));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}
