//! Peerings between two accounts.

use std::sync::Arc;

use phonehome_cloud::Class;
use phonehome_executor::StackApi;
use phonehome_network::PeeringState;
use phonehome_planner::{Action, RefTarget};

use super::harness::{Harness, check, id};
use super::subject::{Accounts, Judgement};

fn request<Api: StackApi>(vpc: &str, to: &Harness<Api>, peer_vpc: &str) -> Action {
    Action::CreatePeering {
        vpc: id(vpc),
        peer_account: to.spec.account.clone(),
        peer_region: to.spec.region.clone(),
        peer_vpc: peer_vpc.to_owned(),
    }
}

pub(super) async fn a_peering_is_asked_for_and_accepted<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let asks = Harness::open(&*accounts, number, false).await?;
    let asked = Harness::open(&*accounts, number, true).await?;
    let (here, there) = (asks.vpc().await?, asked.vpc().await?);
    let peering = asks.make("peering/other", request(&here, &asked, &there)).await?;
    // A route may lead there before it is accepted.
    let (table, destination) = (asks.table(&here).await?, asked.spec.zones[0].private);
    let target = RefTarget::Peering(id(&peering));
    asks.done("route", Action::CreateRoute { table: id(&table), destination, target }).await?;
    let accept = || Action::AcceptPeering { peering: peering.clone() };
    asks.refused(accept(), Class::Invalid, &["OperationNotPermitted"]).await?;
    for harness in [&asks, &asked] {
        let seen = harness.see().await?;
        let seen = seen.peerings.iter().find(|it| it.id == peering).ok_or("both accounts must see it")?;
        let sides = (&seen.requester.vpc_id, &seen.accepter.vpc_id);
        let accounts = (seen.requester.account.as_str(), seen.accepter.account.as_str());
        check(
            sides == (&here, &there) && accounts == (asks.spec.account.as_str(), asked.spec.account.as_str()),
            || format!("{seen:?}"),
        )?;
        check(seen.state == PeeringState::PendingAcceptance, || format!("{seen:?}"))?;
    }
    let seen = asks.see().await?;
    asks.has_tags("peering/other", seen.peerings.iter().find(|it| it.id == peering).map(|it| &it.tags))?;
    asked.done("peering/other", accept()).await?;
    for harness in [&asks, &asked] {
        let seen = harness.see().await?;
        let state = seen.peerings.iter().find(|it| it.id == peering).map(|it| it.state);
        check(state == Some(PeeringState::Active), || format!("accepted, and {state:?}"))?;
    }
    Ok(())
}

/// AWS does not say so in its reference; it is what its answers are, and what Terraform documents.
pub(super) async fn a_second_request_answers_the_first_one<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let asks = Harness::open(&*accounts, number, false).await?;
    let asked = Harness::open(&*accounts, number, true).await?;
    let (here, there) = (asks.vpc().await?, asked.vpc().await?);
    let first = asks.make("peering/other", request(&here, &asked, &there)).await?;
    let second = asks.make("peering/other", request(&here, &asked, &there)).await?;
    check(first == second, || format!("{first} was there, and {second} was made"))?;
    asked.done("peering/other", Action::AcceptPeering { peering: first.clone() }).await?;
    let third = asks.make("peering/other", request(&here, &asked, &there)).await?;
    check(first == third, || format!("{first} was there, and {third} was made"))?;
    // "… attempted to transition from active to provisioning"
    asked
        .refused(Action::AcceptPeering { peering: first }, Class::AlreadyDone, &["InvalidStateTransition"])
        .await
}

pub(super) async fn the_other_way_round_cannot_be_accepted_as_well<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let left = Harness::open(&*accounts, number, false).await?;
    let right = Harness::open(&*accounts, number, true).await?;
    let (here, there) = (left.vpc().await?, right.vpc().await?);
    let first = left.make("peering/other", request(&here, &right, &there)).await?;
    let second = right.make("peering/other", request(&there, &left, &here)).await?;
    check(first != second, || format!("both requests were answered with {first}"))?;
    right.done("peering/other", Action::AcceptPeering { peering: first }).await?;
    let codes = ["VpcPeeringConnectionAlreadyExists"];
    left.refused(Action::AcceptPeering { peering: second }, Class::EventuallyConsistent, &codes).await
}
