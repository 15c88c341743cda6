//! What whoever publishes reads of starter packs, what of it is in the plan's hash, and what is agreed to.

use insta::assert_snapshot;
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write};
use phonehome_observability::{KeyState, VendorAccountId};
use phonehome_planner::render::{GITHUB_COMMENT_CHARS, Section, markdown_fleet};
use phonehome_stacks::{LastTemplate, PackPhase, pack_key};

use super::*;

const SMALL: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");
const PACK: &str = "{ key: true, state_bucket: true, log_bucket: true }";

/// `shop` and `payments`, each `dev` and `prod`, with this starter pack.
fn fleet(pack: &str) -> Fleet {
    let pack = if pack.is_empty() { String::new() } else { format!("starter_pack: {pack}\n") };
    phonehome_fleet::parse(&format!("{SMALL}{pack}")).unwrap_or_else(|problems| panic!("{problems}"))
}

/// An account of each line, in the order of the file.
fn accounts(fleet: &Fleet) -> Vec<(Member, phonehome_wire::AccountId)> {
    let id = |at: usize| format!("4444444444{at:02}").parse().unwrap();
    fleet.members().into_iter().enumerate().map(|(at, member)| (member, id(at))).collect()
}

/// What becomes of the packs of all accounts in the first Region.
fn packs(stored: &Stored, fleet: &Fleet) -> Packs {
    let region = &fleet.regions[0].name;
    let accounts = accounts(fleet);
    let jobs = accounts.iter().map(|(member, account)| Job {
        fleet,
        member,
        account,
        region,
        authorities: None,
        limits: None,
        published: None,
    });
    Packs { packs: jobs.map(|job| of_job(stored, &job)).collect() }
}

/// What is stored once each account has its pack of a file.
fn stored(fleet: &Fleet) -> Stored {
    let region = &fleet.regions[0].name;
    let of = |(member, account): &(Member, phonehome_wire::AccountId)| {
        let body = Pack::of(fleet, member, region)?.body();
        let stack = StackId::new(account, region);
        let deployed = Some(LastTemplate { body, is_gone: false });
        let record = PackRecord { deployed, phase: PackPhase::AsDeclared, ..PackRecord::new(&stack) };
        Some((stack, record))
    };
    Stored { records: accounts(fleet).iter().filter_map(of).collect(), ..Stored::default() }
}

fn comment(packs: &Packs) -> String {
    let mut section = Section::default();
    packs.add_to(&mut section);
    markdown_fleet(&[], &section, &[], &|_| 0, GITHUB_COMMENT_CHARS)
}

fn outcomes(packs: &Packs) -> Vec<&'static str> {
    let of = |it: &PlannedPack| match it.plan.outcome {
        phonehome_starter_pack::PackOutcome::Withheld { .. } => "withheld",
        phonehome_starter_pack::PackOutcome::LeftAlone { .. } => "left alone",
        phonehome_starter_pack::PackOutcome::NotKnown => "not known",
        phonehome_starter_pack::PackOutcome::Changed => "changed",
        phonehome_starter_pack::PackOutcome::Made => "made",
        phonehome_starter_pack::PackOutcome::Unchanged => "unchanged",
    };
    packs.packs.iter().map(of).collect()
}

#[test]
fn what_becomes_of_packs_is_told_by_classes_what_is_withheld_first_with_why_and_what_it_costs() {
    let before = fleet("{ key: true, state_bucket: true, log_bucket: { name: old } }");
    let after = fleet(
        "{ key: true, state_bucket: { lock_table: true }, log_bucket: { expire_days: 400, name: old } }",
    );
    let mut known = stored(&before);
    let stacks: Vec<StackId> = known.records.keys().cloned().collect();
    // Of one nothing is there yet, and another one has a bucket of another name.
    known.records.remove(&stacks[3]);
    let deployed = known.records.get_mut(&stacks[1]).unwrap().deployed.as_mut().unwrap();
    deployed.body = deployed.body.replace("phonehome-state", "another-state");
    let packs = packs(&known, &after);
    assert_eq!(outcomes(&packs), ["changed", "withheld", "changed", "made"]);
    assert_snapshot!("text", packs.text());
    assert_snapshot!("comment", comment(&packs));
    let json = packs.json();
    assert_eq!(json["classes"][0]["outcome"], "withheld");
    assert_eq!(json["classes"][0]["why"][0]["why"], "replaced");
    assert_eq!(json["classes"][0]["why"][0]["logical_id"], "StateBucket");
    assert_eq!(json["price"], json!({"before_cents": 300, "after_cents": 400}));
    assert!(packs.in_full().iter().any(|line| line.contains("shop-dev") && line.contains("StateLockTable")));
}

#[test]
fn a_pack_that_is_declared_no_longer_is_left_alone_with_its_data_by_name() {
    let packs = packs(&stored(&fleet(PACK)), &fleet(""));
    assert_eq!(outcomes(&packs), ["left alone"; 4]);
    let text = packs.text();
    for part in [
        "4 starter packs are declared no longer",
        "= key alias/phonehome: it stays, with its data",
        "= bucket phonehome-state-ACCOUNT-REGION-an: it stays, with its data",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(packs.agreed(), [], "nothing is done to it that would be held against anything");
}

#[test]
fn packs_of_accounts_and_regions_that_left_the_file_are_left_alone_too() {
    let before = fleet(PACK);
    let known = stored(&before);
    let stacks: Vec<StackId> = known.records.keys().cloned().collect();
    let declared: BTreeSet<StackId> = stacks[2..].iter().cloned().collect();
    let roster = Roster::from([(stacks[0].account.clone(), "shop-dev".to_owned())]);
    let names = |wanted: &[&str]| -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|it| (*it).to_owned()).collect();
        left_alone(&known, &declared, &roster, &wanted).into_iter().map(|it| it.name).collect()
    };
    assert_eq!(names(&[]), [format!("shop-dev in {}", stacks[0].region), stacks[1].to_string()]);
    assert_eq!(names(&["shop-dev"]).len(), 1);
    assert_eq!(names(&[stacks[1].account.as_str()]).len(), 1);
    assert_eq!(names(&["payments-dev"]).len(), 0);
}

#[test]
fn where_nothing_becomes_of_any_nothing_is_said_and_nothing_is_hashed() {
    for pack in ["", PACK] {
        let fleet = fleet(pack);
        let packs = packs(&stored(&fleet), &fleet);
        let mut section = Section::default();
        packs.add_to(&mut section);
        assert_eq!((packs.text(), section, packs.digest()), (String::new(), Section::default(), None));
        assert!(packs.is_empty() && packs.in_full().is_empty());
        // That nothing is to be done is agreed to as well.
        let agreed = if pack.is_empty() { 0 } else { 4 };
        assert_eq!(packs.agreed().len(), agreed);
        assert!(packs.agreed().iter().all(|(_, changes)| changes.is_empty()));
    }
}

#[test]
fn each_thing_that_becomes_of_each_pack_is_in_the_hash() {
    let known = stored(&fleet(PACK));
    let expire = |days: u32| {
        fleet(&format!("{{ key: true, state_bucket: true, log_bucket: {{ expire_days: {days} }} }}"))
    };
    let only = |at: usize| Packs { packs: vec![packs(&known, &expire(400)).packs.swap_remove(at)] };
    let unreadable = {
        let mut known = stored(&fleet(PACK));
        known.unreadable = known.records.keys().cloned().collect();
        known
    };
    let all = [
        packs(&known, &expire(400)),
        // The same properties, and other values.
        packs(&known, &expire(500)),
        packs(&known, &expire(300)),
        packs(&known, &fleet("")),
        packs(&known, &fleet("{ key: true, state_bucket: { lock_table: true }, log_bucket: true }")),
        packs(&Stored::default(), &fleet(PACK)),
        packs(&unreadable, &fleet(PACK)),
        only(0),
        only(1),
    ];
    let digests: BTreeSet<String> = all.iter().map(|it| it.digest().unwrap()).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn what_is_not_known_is_said_and_binds_nobody() {
    let mut known = stored(&fleet(PACK));
    known.unreadable = known.records.keys().take(1).cloned().collect();
    for record in known.records.values_mut().skip(1) {
        (record.deployed, record.version) = (None, 3);
    }
    let packs = packs(&known, &fleet(PACK));
    assert_eq!(outcomes(&packs), ["not known"; 4]);
    assert!(packs.text().contains("4 starter packs are not known: what the stack has was never noted"));
    assert_eq!(packs.agreed(), []);
}

#[test]
fn what_is_agreed_to_is_what_is_planned_of_each_pack() {
    let packs = packs(&Stored::default(), &fleet(PACK));
    let agreed = packs.agreed();
    assert_eq!(agreed.len(), 4);
    for (planned, (stack, digests)) in packs.packs.iter().zip(&agreed) {
        assert_eq!(planned.stack.as_ref(), Some(stack));
        assert_eq!(*digests, pack_digests(&planned.plan.changes));
        assert!(digests.len() >= planned.plan.changes.len());
    }
}

#[test]
fn the_pack_of_an_account_that_is_to_be_made_is_planned_and_binds_nobody() {
    let fleet = fleet(PACK);
    let packs = Packs { packs: of_new(&fleet, &fleet.members()[0]) };
    assert_eq!(outcomes(&packs), ["made"]);
    assert!(packs.text().contains("shop/dev, once its account is made"), "{}", packs.text());
    assert!(packs.digest().is_some() && packs.agreed().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_not_known() {
    let (table, stack) = (MemoryTable::default(), "111122223333/us-east-1".parse::<StackId>().unwrap());
    let other = "111122223334/us-east-1".parse::<StackId>().unwrap();
    let write = Write::put(pack_key(&other), Expect::Absent, &PackRecord::new(&other));
    table.write(vec![write]).await.unwrap();
    table.put_raw(pack_key(&stack), "nonsense");
    let stored = Stored::read(&table).await.unwrap();
    assert_eq!((stored.unreadable.len(), stored.records.len()), (1, 1));
    let template = json!({});
    assert!(!stored.plan(&stack, Some(&template)).is_known());
    assert!(stored.plan(&other, Some(&template)).is_known());
}

/// So many packs, alike or each otherwise.
fn many(number: usize, is_alike: bool) -> Packs {
    let template = |at: usize| {
        let id = if is_alike { "LogBucket".to_owned() } else { format!("Bucket{at}") };
        json!({"Resources": {id: {"Type": "AWS::S3::Bucket"}}})
    };
    let pack = |at: usize| PlannedPack {
        name: format!("a-team-with-a-long-name-{at:05}-production"),
        place: format!("{at:012}/us-east-1"),
        stack: Some(format!("{at:012}/us-east-1").parse().unwrap()),
        plan: PackPlan::of(Known::Nothing, Some(&template(at))),
        template: "of it".into(),
    };
    Packs { packs: (0..number).map(pack).collect() }
}

#[test]
fn however_many_packs_there_are_what_is_shown_is_bounded_and_the_complete_plan_has_all() {
    for number in [130, 1_000] {
        let (alike, different) = (many(number, true), many(number, false));
        assert_eq!((alike.classes().len(), different.classes().len()), (1, number));
        for packs in [&alike, &different] {
            let comment = comment(packs);
            assert!(comment.chars().count() <= GITHUB_COMMENT_CHARS, "{}", comment.chars().count());
            assert!(comment.contains(&format!("Starter packs: {number} made.")));
            assert_eq!(packs.in_full().len(), number * 2);
            assert!(packs.text().lines().count() < 600, "{}", packs.text().lines().count());
        }
        let last = format!("a-team-with-a-long-name-{:05}-production", number - 1);
        assert!(alike.text().contains(&last), "a class names all of its packs");
        let more = number - 50;
        assert!(different.text().contains(&format!("and {more} more, each otherwise")));
    }
    assert!(comment(&many(1_000, false)).contains("Not all of the plan fits here"));
}

/// The same where each stack has what this names, and each account has an account at the vendor or not.
fn observed(fleet: &Fleet, deployed: VendorAccount, is_known: bool) -> Stored {
    let region = &fleet.regions[0].name;
    let mut stored = stored(fleet);
    for (member, account) in accounts(fleet) {
        let body = Pack::of(fleet, &member, region).unwrap().naming(deployed).body();
        let record = stored.records.get_mut(&StackId::new(&account, region)).unwrap();
        record.deployed = Some(LastTemplate { body, is_gone: false });
        let mut observed = ObservabilityRecord::new(&StackId::new(&account, region));
        let key = KeyState { account: is_known.then_some(VENDORS), ..KeyState::default() };
        observed.setup.keys.insert(region.clone(), key);
        stored.observed.insert(account, observed);
    }
    stored
}

const VENDORS: VendorAccountId = VendorAccountId::new(4_000_001);

#[test]
fn an_account_at_a_vendor_is_planned_before_it_is_made_by_one_hash_and_is_no_change_once_the_stack_names_it()
{
    let fleet = fleet("{ permissions_boundary: b, observability: { vendor: new_relic, data_center: eu } }");
    let waiting = packs(&observed(&fleet, VendorAccount::Awaited, false), &fleet);
    assert_eq!(outcomes(&waiting), ["changed"; 4]);
    assert!(waiting.text().contains("ObservabilityRole"), "{}", waiting.text());
    let made_meanwhile = packs(&observed(&fleet, VendorAccount::Awaited, true), &fleet);
    assert_eq!(made_meanwhile.digest(), waiting.digest());
    assert_eq!(made_meanwhile.agreed(), waiting.agreed());
    let whole = packs(&observed(&fleet, VendorAccount::Known(VENDORS), true), &fleet);
    assert_eq!(outcomes(&whole), ["unchanged"; 4]);
}

#[test]
fn what_a_metric_stream_costs_by_use_is_said_once_where_it_is_made_and_not_where_it_stays_as_it_is() {
    let stream = "metric_stream: { namespaces: [AWS/EC2] }";
    let observability = format!("{{ vendor: new_relic, data_center: eu, {stream} }}");
    let fleet = fleet(&format!("{{ permissions_boundary: b, observability: {observability} }}"));
    let made = packs(&observed(&fleet, VendorAccount::Awaited, false), &fleet);
    let said = "Paid by use, and not in any sum: CloudWatch metric streams $0.003 for each 1,000 metric updates, \
                Firehose $0.029 for each GB.";
    assert_eq!(made.text().matches(said).count(), 1, "{}", made.text());
    let mut section = Section::default();
    made.add_to(&mut section);
    assert!(section.paragraphs.iter().any(|it| it == said), "{:?}", section.paragraphs);
    let whole = packs(&observed(&fleet, VendorAccount::Known(VENDORS), true), &fleet);
    assert!(!whole.text().contains("Paid by use"), "{}", whole.text());
}
