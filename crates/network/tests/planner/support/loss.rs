//! Things that go missing from an account, with what hangs on them.

use phonehome_network::{Inventory, NatState};

/// What goes missing. The number picks one of what is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    Subnet(usize),
    InternetGateway,
    Attachment,
    ElasticIp(usize),
    NatGateway(usize),
    FailedNatGateway(usize),
    RouteTable(usize),
    Route(usize),
    Association(usize),
    ProbeGroup,
    Function(usize),
    Destination(usize),
    Schedule(usize),
}

fn take<T>(list: &mut Vec<T>, pick: usize) -> Option<T> {
    if list.is_empty() { None } else { Some(list.remove(pick % list.len())) }
}

fn at<T>(list: &mut [T], pick: usize) -> Option<&mut T> {
    let count = list.len();
    list.get_mut(pick.checked_rem(count)?)
}

/// Takes it away. Routes to something that is gone stay, as they do on AWS.
pub(crate) fn lose(world: &mut Inventory, loss: Loss) {
    match loss {
        Loss::Subnet(pick) => {
            if let Some(gone) = take(&mut world.subnets, pick) {
                world.nat_gateways.retain(|nat| nat.subnet_id != gone.id);
                world.functions.retain(|function| !function.subnet_ids.contains(&gone.id));
                world.route_tables.iter_mut().for_each(|table| table.subnet_ids.retain(|id| *id != gone.id));
            }
        }
        Loss::InternetGateway => {
            world.internet_gateways.clear();
            world.nat_gateways.clear();
        }
        Loss::Attachment => {
            world.internet_gateways.iter_mut().for_each(|gateway| gateway.vpc_id = None);
            world.nat_gateways.clear();
        }
        Loss::ElasticIp(pick) => {
            if let Some(gone) = take(&mut world.elastic_ips, pick) {
                let nat = gone.address.0.replace("elastic-ip", "nat-gateway");
                world.nat_gateways.retain(|seen| seen.address.0 != nat);
            }
        }
        Loss::NatGateway(pick) => drop(take(&mut world.nat_gateways, pick)),
        Loss::FailedNatGateway(pick) => {
            at(&mut world.nat_gateways, pick).into_iter().for_each(|nat| nat.state = NatState::Gone);
        }
        Loss::RouteTable(pick) => drop(take(&mut world.route_tables, pick)),
        Loss::Route(pick) => {
            at(&mut world.route_tables, pick).into_iter().for_each(|table| {
                table.routes.retain(|route| route.destination.prefix_len() > 0);
            });
        }
        Loss::Association(pick) => {
            at(&mut world.route_tables, pick).into_iter().for_each(|table| drop(table.subnet_ids.pop()));
        }
        Loss::ProbeGroup => {
            world.security_groups.retain(|group| group.address.is_none());
            world.functions.clear();
        }
        Loss::Function(pick) => drop(take(&mut world.functions, pick)),
        Loss::Destination(pick) => {
            at(&mut world.functions, pick).into_iter().for_each(|function| function.destination = None);
        }
        Loss::Schedule(pick) => drop(take(&mut world.schedules, pick)),
    }
}
