//! An order that does not depend on how AWS answered.

use super::{Inventory, Tagged};

impl Inventory {
    /// The same inventory with every list in order of ids. What AWS lists in whatever order it likes
    /// must not decide which steps come first, nor which of several the limits leave out.
    pub fn in_order(&self) -> Self {
        let mut ordered = self.clone();
        by_id(&mut ordered.vpcs);
        by_id(&mut ordered.subnets);
        by_id(&mut ordered.internet_gateways);
        by_id(&mut ordered.elastic_ips);
        by_id(&mut ordered.nat_gateways);
        by_id(&mut ordered.route_tables);
        by_id(&mut ordered.security_groups);
        by_id(&mut ordered.network_acls);
        by_id(&mut ordered.endpoints);
        by_id(&mut ordered.flow_logs);
        by_id(&mut ordered.peerings);
        ordered.network_interfaces.sort_by(|one, other| one.id.cmp(&other.id));
        ordered.functions.sort_by(|one, other| one.name.cmp(&other.name));
        ordered.schedules.sort_by(|one, other| one.name.cmp(&other.name));
        for table in &mut ordered.route_tables {
            table.routes.sort_by_key(|route| route.destination);
            table.associations.sort_by(|one, other| one.id.cmp(&other.id));
        }
        for group in &mut ordered.security_groups {
            group.ingress.sort();
            group.egress.sort();
        }
        for acl in &mut ordered.network_acls {
            acl.entries.sort();
        }
        for function in &mut ordered.functions {
            function.subnet_ids.sort();
            function.security_group_ids.sort();
        }
        ordered
    }
}

fn by_id<T: Tagged>(items: &mut [T]) {
    items.sort_by(|one, other| one.id().cmp(other.id()));
}
