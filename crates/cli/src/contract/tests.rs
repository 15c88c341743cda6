//! Which plan is which, and in what two differ.

use phonehome_cloud::table::MemoryTable;
use phonehome_fakecloud::{FakeCloud, sample};
use phonehome_network::Kind;
use phonehome_planner::{Limits, StackSpec, plan};
use phonehome_state::base;

use super::*;

const SHOP: &str = "444455556666";
const PAY: &str = "777788889999";

fn spec(account: &str, name: &str, cidr: &str) -> StackSpec {
    sample::full(account, name, cidr.parse().unwrap()).unwrap()
}

fn both() -> [StackSpec; 2] {
    [spec(SHOP, "shop-prod", "10.0.0.0/18"), spec(PAY, "pay-prod", "10.0.64.0/18")]
}

fn planned(cloud: &mut FakeCloud, spec: &StackSpec) -> Planned {
    let seen = cloud.stack(&spec.account, &spec.region).inventory(&Kind::ALL);
    let plan = plan(spec, &seen, &Limits::SWEEP).map_err(|refused| refused.to_string());
    Planned {
        name: spec.account_name.clone(),
        account: spec.account.clone(),
        region: spec.region.clone(),
        plan,
    }
}

/// What is planned for stacks that were there before, of two zones less now, made in this order.
fn smaller(order: &[usize]) -> Vec<Planned> {
    let mut cloud = FakeCloud::default();
    cloud.options_mut().elastic_ips_max = 100;
    for at in order {
        let spec = &both()[*at];
        for _ in 0..3 {
            let plan = planned(&mut cloud, spec).plan.unwrap();
            cloud.stack(&spec.account, &spec.region).apply(spec, &plan).unwrap();
            cloud.advance(200_000);
        }
    }
    let less = both().map(|mut spec| {
        spec.zones.truncate(1);
        spec
    });
    less.iter().map(|spec| planned(&mut cloud, spec)).collect()
}

fn grounds() -> Grounds {
    Grounds {
        over: 7,
        file: "of the file".into(),
        probes: None,
        accounts: None,
        in_full: vec![],
        properties: None,
        properties_in_full: vec![],
        packs: PackGrounds::default(),
    }
}

#[test]
fn the_hash_is_the_same_whatever_ids_aws_made_and_in_whatever_order_things_are_seen() {
    let (one, mut other) = (smaller(&[0, 1]), smaller(&[1, 0]));
    assert!(one[0].plan != other[0].plan, "the ids are others");
    assert!(!one[0].plan.as_ref().unwrap().asks().is_empty(), "it asks for permission");
    assert_eq!(grounds().hash(&one), grounds().hash(&other));
    other.reverse();
    assert_eq!(grounds().hash(&one), grounds().hash(&other));
}

#[test]
fn what_becomes_of_starter_packs_is_in_the_hash_in_the_complete_plan_and_in_what_binds() {
    let stacks = smaller(&[0, 1]);
    let place = stacks[0].region.clone();
    let (stack, changes) = (StackId::new(&stacks[0].account, &place), BTreeSet::from(["a".to_owned()]));
    let with = |digest: &str| {
        let agreed = vec![(stack.clone(), changes.clone())];
        let packs = PackGrounds { digest: Some(digest.into()), in_full: vec!["+ Key".into()], agreed };
        Grounds { packs, ..grounds() }
    };
    let hashes = [grounds().hash(&stacks), with("a").hash(&stacks), with("b").hash(&stacks)];
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 3);
    assert!(with("a").in_full(&stacks).contains("starter packs\n  + Key\n"));
    let (bound, before) = (with("a").contract(&stacks), grounds().contract(&stacks));
    assert_eq!((bound.pack_of(&stack), before.pack_of(&stack)), (Some(&changes), None));
    assert_eq!(bound.calls_of(&stack), before.calls_of(&stack), "a network is bound as ever");
}

#[test]
fn the_hash_is_another_one_for_whatever_is_planned_otherwise() {
    let one = smaller(&[0, 1]);
    let mut hashes = vec![grounds().hash(&one)];
    hashes.push(Grounds { over: 8, ..grounds() }.hash(&one));
    hashes.push(Grounds { file: "another".into(), ..grounds() }.hash(&one));
    for code in ["old", "new"] {
        let (code_sha256, architecture, release) = (code.into(), "arm64".into(), "0.2.0".into());
        let probes = Some(ProbeRelease { code_sha256, architecture, release });
        hashes.push(Grounds { probes, ..grounds() }.hash(&one));
    }
    for accounts in ["one", "another"] {
        hashes.push(Grounds { accounts: Some(accounts.into()), ..grounds() }.hash(&one));
    }
    hashes.push(grounds().hash(&one[..1]));
    let mut change = |change: &dyn Fn(&mut Planned)| {
        let mut other = smaller(&[0, 1]);
        change(&mut other[0]);
        hashes.push(grounds().hash(&other));
    };
    change(&|it| it.region = "eu-west-1".parse().unwrap());
    change(&|it| it.account = "121212121212".parse().unwrap());
    change(&|it| it.plan = Err("no role".into()));
    change(&|it| drop(it.plan.as_mut().unwrap().withheld.pop()));
    change(&|it| *it = planned(&mut FakeCloud::default(), &both()[0]));
    let different: BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(different.len(), hashes.len());
}

#[test]
fn what_is_only_waited_for_and_what_is_somebody_elses_is_not_in_the_hash() {
    let one = smaller(&[0, 1]);
    let mut other = smaller(&[0, 1]);
    let plan = other[0].plan.as_mut().unwrap();
    plan.postponed.push(phonehome_network::Address::vpc());
    plan.unmanaged.clear();
    assert_eq!(grounds().hash(&one), grounds().hash(&other));
}

#[test]
fn a_contract_binds_the_stacks_that_could_be_planned_and_shares_what_is_alike() {
    let mut cloud = FakeCloud::default();
    let mut all: Vec<Planned> = both().iter().map(|spec| planned(&mut cloud, spec)).collect();
    all.push(Planned {
        plan: Err("no role".into()),
        account: "121212121212".parse().unwrap(),
        ..planned(&mut cloud, &both()[0])
    });
    let contract = grounds().contract(&all);
    assert_eq!((contract.over, &contract.plan), (7, &grounds().hash(&all)));
    assert_eq!((contract.stacks.len(), contract.calls.len()), (2, 1), "both are made from nothing");
}

#[tokio::test]
async fn the_grounds_are_the_version_in_force_and_the_file() {
    let (table, path) = (MemoryTable::default(), Path::new("../../fleet.example.yaml"));
    let loaded = crate::validate::load(path, crate::output::Format::Text).unwrap();
    let grounds =
        Grounds::of(&base(&table).await.unwrap(), &loaded, None, &Creations::default(), &Bearing::default());
    assert_eq!((grounds.over, grounds.file.len()), (0, 64));
    assert!(grounds.in_full(&[]).starts_with(&format!("Plan {}\n  the first version\n", grounds.hash(&[]))));
}

#[test]
fn what_differs_is_shown_with_its_stack_and_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.txt");
    let (old, new) = (smaller(&[0, 1]), {
        let mut new = smaller(&[0, 1]);
        new[1] = planned(&mut FakeCloud::default(), &both()[1]);
        new
    });
    std::fs::write(&file, grounds().in_full(&old)).unwrap();
    let in_full = vec!["+ account for shop/dev: shop-dev, aws+shop-dev@example.com".to_owned()];
    let now = Grounds { over: 8, in_full, ..grounds() };
    let refused = refusal("abc", "def", &now.in_full(&new), Some(&file)).unwrap().text;
    for part in [
        "error: the world moved: the plan abc is another one now, def. Nothing was published.",
        "\n- plan: over version 7",
        "\n+ plan: over version 8",
        "\n+ accounts to be made: + account for shop/dev: shop-dev, aws+shop-dev@example.com",
        "\n- pay-prod (777788889999/us-east-1): ! nat-gateway/use1-az2",
        "\n+ pay-prod (777788889999/us-east-1): + vpc ",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(!refused.contains("shop-prod"), "nothing differs there: {refused}");
    let without = refusal("abc", "def", "", None).unwrap().text;
    assert!(without.contains("--reviewed"), "{without}");
}
