use proptest::prelude::*;

use super::*;

/// Every kind of address with its text. These are in tags and in stored documents: a line may be added,
/// none may change.
fn texts() -> Vec<(Address, &'static str)> {
    let cidr = "10.1.0.0/20".parse().unwrap();
    let (public, private) = (Address::public_route_table(), Address::private_route_table("use1-az1"));
    let (acl, inbound) = (Address::default_network_acl(), Address::inbound_security_group());
    let default_vpc = Address::of(Resource::DefaultVpc { vpc_id: "vpc-1".into() });
    vec![
        (Address::vpc(), "vpc"),
        (Address::dns_support(), "vpc/dns-support"),
        (Address::dns_host_names(), "vpc/dns-host-names"),
        (Address::tags(&Address::vpc()), "vpc/tags"),
        (Address::internet_gateway(), "internet-gateway"),
        (Address::internet_gateway_attachment(), "internet-gateway/attachment"),
        (Address::subnet(Tier::Private, "use1-az1"), "subnet/private/use1-az1"),
        (Address::subnet(Tier::Public, "use1-az1").with_id("subnet-1"), "subnet/public/use1-az1/subnet-1"),
        (Address::association(Tier::Public, "use1-az1"), "subnet/public/use1-az1/route-table"),
        (
            Address::public_ip_on_launch(&Address::subnet(Tier::Public, "use1-az1")),
            "subnet/public/use1-az1/public-ip-on-launch",
        ),
        (Address::elastic_ip("use1-az1"), "elastic-ip/use1-az1"),
        (Address::nat_gateway("use1-az1"), "nat-gateway/use1-az1"),
        (Address::tags(&Address::nat_gateway("use1-az1")), "nat-gateway/use1-az1/tags"),
        (Address::regional_nat_gateway(), "nat-gateway/regional"),
        (public.clone(), "route-table/public"),
        (Address::default_route(&public), "route-table/public/default-route"),
        (Address::route(&public, &cidr), "route-table/public/route/10.1.0.0/20"),
        (private.clone(), "route-table/private/use1-az1"),
        (Address::default_route(&private), "route-table/private/use1-az1/default-route"),
        (Address::route(&private, &cidr), "route-table/private/use1-az1/route/10.1.0.0/20"),
        (Address::main_route_table(), "route-table/main"),
        (Address::default_security_group(), "security-group/default"),
        (Address::inbound_rules(&Address::default_security_group()), "security-group/default/inbound-rules"),
        (Address::outbound_rules(&Address::probe_security_group()), "security-group/probe/outbound-rules"),
        (Address::undeclared_inbound_rules(&inbound), "security-group/inbound/surplus-inbound-rules"),
        (
            inbound.part(Part::FormerlyDeclaredRules),
            "security-group/inbound/surplus-inbound-rules/undeclared",
        ),
        (inbound.part(Part::RulesBeyondQuota), "security-group/inbound/inbound-rules/beyond-quota"),
        (Address::acl_entry(&acl, 20), "network-acl/default/20"),
        (acl, "network-acl/default"),
        (Address::endpoint("s3"), "endpoint/s3"),
        (Address::flow_log(), "flow-log"),
        (Address::flow_log().with_id("fl-1"), "flow-log/fl-1"),
        (Address::peering("shop-prod"), "peering/shop-prod"),
        (Address::peering("shop-prod").with_id("pcx-1"), "peering/shop-prod/pcx-1"),
        (Address::tags(&Address::peering("shop-prod")), "peering/shop-prod/tags"),
        (Address::probe("use1-az1"), "probe/use1-az1"),
        (Address::probe_destination("use1-az1"), "probe/use1-az1/destination"),
        (Address::probe_schedule("use1-az1"), "probe/use1-az1/schedule"),
        (Address::part_schedule("use1-az1", 0), "probe/use1-az1/schedule"),
        (Address::part_schedule("use1-az1", 5), "probe/use1-az1/schedule/5"),
        (Address::of(Resource::Function { name: "phonehome-probe-x".into() }), "function/phonehome-probe-x"),
        (Address::of(Resource::Schedule { name: "phonehome-probe-x".into() }), "schedule/phonehome-probe-x"),
        (default_vpc.clone(), "default-vpc/vpc-1"),
        (default_vpc.clone().with_id("igw-1").part(Part::Attachment), "default-vpc/vpc-1/igw-1/attachment"),
        (default_vpc.with_id("igw-1"), "default-vpc/vpc-1/igw-1"),
    ]
}

#[test]
fn the_text_of_an_address_never_changes_and_is_read_as_the_same_address() {
    for (address, text) in texts() {
        assert_eq!(address.to_string(), text);
        assert_eq!(Address::from(text), address, "{text}");
        assert_eq!(serde_json::to_value(&address).unwrap(), text);
    }
}

#[test]
fn a_text_that_names_nothing_known_is_one_of_its_own() {
    for text in ["", "vpc/", "transit-gateway/1", "subnet/isolated/use1-az1", "network-acl/default/020"] {
        let address = Address::from(text);
        assert_eq!(address.resource, Resource::Unknown(text.to_owned()), "{text}");
        assert_eq!(address.to_string(), text);
    }
}

proptest! {
    #[test]
    fn whatever_a_tag_says_is_written_as_it_was_read(text in "[a-z0-9/.-]{0,60}|\\PC{0,40}") {
        prop_assert_eq!(Address::from(text.as_str()).to_string(), text);
    }

    #[test]
    fn an_id_and_a_part_are_found_again(
        at in 0_usize..41,
        id in proptest::option::of("[a-z]{2,8}-[0-9a-f]{8}"),
        tags in any::<bool>(),
    ) {
        let mut address = texts()[at].0.clone();
        if let Some(id) = id {
            address = Address::of(address.resource).with_id(id);
        }
        if tags {
            address = Address::tags(&address);
        }
        prop_assert_eq!(Address::from(address.to_string().as_str()), address);
    }
}
