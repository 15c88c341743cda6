//! What the network is to be: what EC2 says, and of the wishes those that have a place in it.

use phonehome_network::Inventory;

use crate::describe::{Inventories, describe};
use crate::wishes::{Host, Place, Wishes};

/// What is known and wished.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) inventories: Inventories,
    pub(super) wishes: Wishes,
}

impl Wanted {
    /// The wishes without those hosts and impairments that are about what is not there, and why each of these waits.
    pub(super) fn fitting(&self) -> (Wishes, Vec<String>) {
        let (mut fitting, mut waiting) = (self.wishes.clone(), vec![]);
        fitting.hosts.retain(|host| {
            let problem = self.problem(host);
            waiting.extend(problem.iter().map(|problem| format!("{}: {problem}", host.address)));
            problem.is_none()
        });
        let impairments = std::mem::take(&mut fitting.impairments);
        for impairment in impairments {
            let alone = Wishes {
                hosts: fitting.hosts.clone(),
                impairments: vec![impairment.clone()],
                ..Wishes::default()
            };
            match describe(&self.inventories, &alone) {
                Ok(_) => fitting.impairments.push(impairment),
                Err(error) => waiting.push(format!("{error:#}")),
            }
        }
        (fitting, waiting)
    }

    fn problem(&self, host: &Host) -> Option<String> {
        let Place::Subnet { stack, subnet_id, .. } = &host.place else { return None };
        let subnets = self.inventories.get(stack).map_or(&[][..], |it: &Inventory| &it.subnets);
        match subnets.iter().find(|it| it.id == *subnet_id) {
            None => Some(format!("{stack} has no subnet {subnet_id}")),
            Some(subnet) if !subnet.cidr.contains(&host.address) => {
                Some(format!("{subnet_id} has {}", subnet.cidr))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Fleet;
    use crate::wishes::{Effect, Impairment, Segment};

    #[test]
    fn a_host_waits_while_its_subnet_is_not_there_and_no_other_host_does() {
        let fleet = Fleet::new(2, 2);
        let mut wanted = Wanted { inventories: fleet.inventories.clone(), wishes: fleet.wishes.clone() };
        assert_eq!(wanted.fitting(), (fleet.wishes.clone(), vec![]));
        let gone = wanted.inventories.values_mut().next().unwrap();
        gone.subnets.retain(|it| it.id != "subnet-1-private-2");
        let (fitting, waiting) = wanted.fitting();
        assert_eq!(fitting.hosts.len() + 1, fleet.wishes.hosts.len());
        assert_eq!(waiting, ["10.1.40.100: 111111111111/us-east-1 has no subnet subnet-1-private-2"]);
        wanted.inventories.clear();
        // The internet's host needs no subnet.
        assert_eq!(wanted.fitting().0.hosts.len(), 1);
    }

    #[test]
    fn an_impairment_of_what_is_gone_waits_and_no_other_does() {
        let fleet = Fleet::new(1, 2);
        let mut wanted = Wanted { inventories: fleet.inventories, wishes: fleet.wishes };
        let dead =
            |id: &str| Impairment { segment: Segment::NatGateway(id.to_owned()), effect: Effect::Loss(100) };
        wanted.wishes.impairments = vec![dead("nat-1-1"), dead("nat-1-2")];
        assert_eq!(wanted.fitting().1, Vec::<String>::new());
        wanted.inventories.values_mut().for_each(|it| it.nat_gateways.retain(|it| it.id != "nat-1-1"));
        let (fitting, waiting) = wanted.fitting();
        assert_eq!(fitting.impairments, [dead("nat-1-2")]);
        assert_eq!(waiting, ["an impairment: no inventory has the NAT gateway nat-1-1"]);
    }

    #[test]
    fn a_host_with_an_address_that_its_subnet_has_no_more_waits() {
        let fleet = Fleet::new(1, 1);
        let mut wanted = Wanted { inventories: fleet.inventories, wishes: fleet.wishes };
        let subnets = &mut wanted.inventories.values_mut().next().unwrap().subnets;
        subnets.iter_mut().for_each(|it| it.cidr = "10.99.0.0/24".parse().unwrap());
        assert_eq!(wanted.fitting().1, ["10.1.8.100: subnet-1-private-1 has 10.99.0.0/24"]);
    }
}
