//! Tags on resources and names of resources: ownership is read from them, so they never change.

use std::collections::BTreeMap;

use phonehome_network::{Inventory, Tags};
use phonehome_releases::{Release, exactly, keep, problems};
use serde_json::json;

use super::super::adoption::{adopting, existing};
use super::super::links::joined;
use super::super::world::{PAYMENTS_DEV, SHOP_DEV, World};

/// The tags of everything that is phonehome's, by address.
fn tags(seen: &Inventory) -> BTreeMap<String, Tags> {
    seen.tagged().filter_map(|it| Some((it.address()?.to_string(), it.tags().clone()))).collect()
}

#[tokio::test]
async fn tags_on_resources_are_just_as_in_the_release_before() {
    let world = joined().await;
    let mut adopted = World::new().await;
    let id = existing(&adopted);
    adopted.publish(&adopting(&id)).await;
    adopted.converge(SHOP_DEV).await;
    let all = json!({
        "shop-dev": tags(&world.truth(SHOP_DEV)),
        "payments-dev": tags(&world.truth(PAYMENTS_DEV)),
        "adopted": tags(&adopted.truth(SHOP_DEV)),
    });
    for address in ["vpc", "subnet/private/use1-az1", "nat-gateway/use1-az1", "peering/payments-dev"] {
        assert!(all["shop-dev"].get(address).is_some(), "no {address}: {all:#}");
    }
    exactly("names/tags.json", &all);
}

#[tokio::test]
async fn names_of_resources_are_just_as_in_the_release_before() {
    let world = joined().await;
    let names = |account| {
        let seen = world.truth(account);
        let groups: Vec<&String> = seen.security_groups.iter().map(|it| &it.name).collect();
        let functions: Vec<&String> = seen.functions.iter().map(|it| &it.name).collect();
        let schedules = seen.schedules.iter().map(|it| (&it.name, &it.expression, &it.target_arn));
        json!({
            "security_groups": groups, "functions": functions, "schedules": schedules.collect::<Vec<_>>(),
        })
    };
    exactly("names/resources.json", &json!([names(SHOP_DEV), names(PAYMENTS_DEV)]));
    // What a schedule hands to a probe, as the fleet file makes it.
    let inputs: Vec<_> = world.truth(SHOP_DEV).schedules.into_iter().filter_map(|it| it.input).collect();
    let (path, inputs) = ("wire/schedule-inputs.json", json!(inputs));
    keep(path, &inputs);
    // A probe of the release before ignores what it does not know, and misses nothing.
    let missing = problems(&Release::before().file(path).unwrap(), &inputs);
    assert!(missing.is_empty(), "{missing:?}");
}
