//! An account with more checks than fit one input.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Folded, Hysteresis, Inputs, Paths, Received, Refused, fold};
use phonehome_cloud::table::Table as _;
use phonehome_network::Schedule;
use phonehome_state::Keys;
use phonehome_wire::{CheckId, CheckResult, ProbeInput, Report, Verdict, WIRE_VERSION};

use super::decommission::{asked, without};
use super::world::{FLEET, REGION, SHOP_DEV, World};

/// The fleet file with so many checks of the shop's own, beside the two that it has.
fn with_checks(count: usize) -> String {
    let line = |number| {
        format!("  - {{ name: c{number}, from: shop, type: tcp, host: h{number}.example.com, port: 443 }}\n")
    };
    let checks: String = (0..count).map(line).collect();
    FLEET.replace("network:", &format!("checks:\n{checks}network:"))
}

fn scheduled(world: &World) -> BTreeMap<String, ProbeInput> {
    let schedules = world.truth(SHOP_DEV).schedules.into_iter();
    schedules.map(|Schedule { name, input, .. }| (name, input.unwrap())).collect()
}

async fn noted(world: &World) -> Inputs {
    let key = Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    world.table().get(&key).await.unwrap().expect("inputs").read().unwrap()
}

/// What the probe reports of an input in which all is well.
fn report(input: &ProbeInput) -> Report {
    let results = input.checks.iter().map(|check| CheckResult::new(check.id.clone(), Verdict::Ok));
    Report {
        version: WIRE_VERSION,
        account: SHOP_DEV.parse().unwrap(),
        region: input.region.clone(),
        availability_zone: input.availability_zone.clone(),
        part: input.part,
        run_id: format!("run-{}", input.part),
        generation: input.generation,
        started_at_ms: 1_000,
        duration_ms: 1,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: results.collect(),
    }
}

/// The checks of which something is known once each of these probes' parts has reported.
fn known(noted: &Inputs, inputs: &BTreeMap<String, ProbeInput>, zone: &str) -> Vec<CheckId> {
    let of_zone = inputs.values().filter(|input| input.availability_zone == zone);
    let paths = of_zone.flat_map(|input| {
        let report = report(input);
        let asked = noted.asked(&report).unwrap();
        match fold(None, Paths::new(), &report, &asked, Received::at_once(2_000), &Hysteresis::default()) {
            Folded::Fresh { paths, dropped: 0, .. } => paths.into_keys(),
            other => panic!("{other:?}"),
        }
    });
    paths.collect()
}

#[tokio::test]
async fn five_hundred_checks_are_tested_in_three_parts_of_each_zone_and_the_results_of_all_count() {
    let mut world = World::new().await;
    world.publish(&with_checks(500)).await;
    world.conditions().noted = Some(world.table().clone());
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let inputs = scheduled(&world);
    assert_eq!(inputs.len(), 6, "{:?}", inputs.keys());
    let status = world.status(SHOP_DEV).await;
    assert_eq!(status.parts_since_ms.keys().copied().collect::<Vec<_>>(), [1, 2]);
    let noted = noted(&world).await;
    for zone in ["use1-az1", "use1-az2"] {
        let known = known(&noted, &inputs, zone);
        assert_eq!((known.len(), known.into_iter().collect::<BTreeSet<_>>().len()), (502, 502), "{zone}");
    }
    // What a part reports of another part's checks does not count, nor does a part that nobody has.
    let [first, second, ..] = &inputs.values().collect::<Vec<_>>()[..] else { panic!("{inputs:?}") };
    let other = Report { part: second.part, ..report(first) };
    let asked = noted.asked(&other).unwrap();
    assert!(other.results.iter().all(|result| !asked.checks.contains_key(&result.id)));
    assert_eq!(noted.asked(&Report { part: 3, ..report(first) }), Err(Refused::OtherInput));
}

#[tokio::test]
async fn further_checks_get_their_parts_and_fewer_lose_them_once_that_is_permitted() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let small = scheduled(&world);
    assert_eq!(small.len(), 2);
    assert!(world.status(SHOP_DEV).await.parts_since_ms.is_empty());
    world.publish(&with_checks(500)).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(scheduled(&world).len(), 6);
    assert_eq!(world.status(SHOP_DEV).await.parts_since_ms.len(), 2);
    let shown = world.shown(FLEET, &[SHOP_DEV]).await;
    assert_eq!(shown[0].permission.asks().count(), 4, "two schedules in each of two zones: {shown:?}");
    world.publish(FLEET).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(scheduled(&world).len(), 6, "nothing is taken away unasked");
    assert!(world.status(SHOP_DEV).await.parts_since_ms.is_empty(), "but no report of them is waited for");
    assert_eq!(noted(&world).await.parts.len(), 2, "while they are there they are known");
    world.publish_accepting(FLEET, shown).await;
    world.wait().await;
    world.converge(SHOP_DEV).await;
    world.wait().await;
    world.converge(SHOP_DEV).await;
    let left = scheduled(&world);
    assert_eq!(left.keys().collect::<Vec<_>>(), small.keys().collect::<Vec<_>>());
    assert!(left.values().zip(small.values()).all(|(left, small)| left.checks == small.checks));
    assert!(noted(&world).await.parts.is_empty());
}

#[tokio::test]
async fn an_account_that_is_given_up_loses_all_parts() {
    let mut world = World::new().await;
    world.publish(&with_checks(500)).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(scheduled(&world).len(), 6);
    world.publish(&without("dev")).await;
    world.send(asked(SHOP_DEV, "remove")).await;
    world.drain().await;
    assert!(world.truth(SHOP_DEV).schedules.is_empty());
    let key = Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    assert!(world.table().get(&key).await.unwrap().is_none());
}
