use super::*;
use crate::{Policy, ProbeKey, Unreadable, Unseen};

const START_MS: u64 = 1_793_873_700_000;

fn part(account: u64, zone: u32, part: u32) -> ProbePart {
    let account = format!("{:012}", 100_000_000_000 + account).parse().unwrap();
    let zone = format!("use1-az{zone}").parse().unwrap();
    ProbeKey { account, region: "us-east-1".parse().unwrap(), availability_zone: zone }.part(part)
}

fn doubt(of: &ProbePart) -> Doubt {
    Doubt { probe: of.probe.clone(), part: of.part, checks: vec![CheckId("connection/a".to_owned())] }
}

/// A fleet of probes that answer, or do not, and what is stored of reruns.
struct Asking {
    world: World,
    reruns: Reruns,
}

impl Asking {
    fn of(parts: &[ProbePart]) -> Self {
        let view = |of: &ProbePart| ProbeView {
            key: of.probe.clone(),
            account_name: "a".into(),
            domain: "d".into(),
            environment: "e".into(),
            expected_since_ms: START_MS,
            nat_zone: None,
            checks: vec![].into(),
            calm: None,
            heartbeat: Some(heartbeat(of)),
            paths: crate::Paths::new(),
            crash: None,
            unreadable: Unreadable::default(),
            parts: vec![],
            route: crate::Route::default().into(),
        };
        let world = World {
            now_ms: START_MS,
            probes: parts.iter().map(view).collect(),
            owners: BTreeMap::new(),
            routes: BTreeMap::new(),
            open: vec![],
            silences: vec![],
            policy: Policy::default(),
            unseen: Unseen::default(),
            reader: crate::Reader::default(),
            changes: vec![],
            findings: vec![],
        };
        Self { world, reruns: Reruns::default() }
    }

    /// Who is asked when these are in doubt.
    fn asks(&mut self, doubtful: &[ProbePart]) -> Vec<Rerun> {
        let doubts: Vec<Doubt> = doubtful.iter().map(doubt).collect();
        let (next, reruns) = self.reruns.after(&doubts, &self.world);
        if !reruns.is_empty() {
            self.reruns = next;
        }
        reruns
    }

    fn passes(&mut self, ms: u64) -> &mut Self {
        self.world.now_ms += ms;
        self
    }

    fn answers(&mut self, account: &AccountId) {
        let now_ms = self.world.now_ms;
        for view in self.world.probes.iter_mut().filter(|view| view.key.account == *account) {
            view.heartbeat.as_mut().unwrap().rerun_received_ms = now_ms;
        }
    }
}

fn heartbeat(of: &ProbePart) -> Heartbeat {
    let value = serde_json::json!({
        "key": of.probe, "part": of.part, "last_started_at_ms": START_MS, "last_received_at_ms": START_MS, "run_id": "r",
    });
    serde_json::from_value(value).unwrap()
}

#[test]
fn nobody_is_asked_twice_for_the_same_until_it_answers_or_the_ask_is_lost() {
    let one = part(1, 1, 0);
    let mut asking = Asking::of(std::slice::from_ref(&one));
    let first = asking.asks(std::slice::from_ref(&one));
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].asked_ms, first[0].checks.len(), first[0].part), (START_MS, 1, 0));
    for _ in 0..19 {
        assert_eq!(asking.passes(1_000).asks(std::slice::from_ref(&one)), []);
    }
    assert_eq!(asking.passes(1_000).asks(std::slice::from_ref(&one)).len(), 1, "it was lost");
    asking.passes(5_000).answers(&one.probe.account);
    assert_eq!(asking.asks(std::slice::from_ref(&one)).len(), 1, "it answered, and is still in doubt");
    assert_eq!(asking.passes(1_000).asks(&[]), []);
}

#[test]
fn however_much_is_in_doubt_an_account_and_a_part_and_the_fleet_are_asked_no_more_than_they_bear() {
    let zones: Vec<ProbePart> = (1..=6).map(|zone| part(1, zone, 0)).collect();
    let mut asking = Asking::of(&zones);
    assert_eq!(asking.asks(&zones).len(), ACCOUNT_AT_ONCE);
    let mut of_part = Asking::of(&zones[..1]);
    let mut asked = 0;
    for _ in 0..59 {
        asked += of_part.asks(&zones[..1]).len();
        of_part.passes(1_000).answers(&zones[0].probe.account);
    }
    assert_eq!(asked, PART_A_MINUTE);
    let fleet: Vec<ProbePart> = (0..2_000).map(|account| part(account, 1, 0)).collect();
    let mut asking = Asking::of(&fleet);
    let mut most = 0;
    let mut times = Vec::new();
    for _ in 0..180 {
        let reruns = asking.asks(&fleet);
        times.extend(reruns.iter().map(|it| it.asked_ms));
        reruns.iter().for_each(|it| asking.answers(&it.account));
        let now_ms = asking.passes(1_000).world.now_ms;
        most = most.max(times.iter().filter(|at_ms| **at_ms + MINUTE_MS > now_ms).count());
        assert!(serde_json::to_string(&asking.reruns).unwrap().len() < 20_000);
    }
    assert!((1..=FLEET_A_MINUTE).contains(&most), "{most}");
    assert!(times.len() > FLEET_A_MINUTE, "a minute later others have their turn");
}

#[test]
fn those_with_the_most_evidence_come_first() {
    let fleet: Vec<ProbePart> = (0..200).map(|account| part(account, 1, 0)).collect();
    let mut asking = Asking::of(&fleet);
    let reruns = asking.asks(&fleet);
    assert!(reruns.iter().zip(&fleet).all(|(rerun, of)| rerun.account == of.probe.account));
    assert_eq!(reruns.len(), FLEET_A_MINUTE);
}

#[test]
fn an_account_that_does_not_answer_is_left_alone_for_an_hour_and_then_asked_again() {
    let one = part(1, 1, 0);
    let mut asking = Asking::of(std::slice::from_ref(&one));
    let mut asked = Vec::new();
    for _ in 0..3 * 60 {
        let reruns = asking.asks(std::slice::from_ref(&one));
        asked.extend(reruns.iter().map(|it| (it.asked_ms - START_MS) / MINUTE_MS));
        asking.passes(MINUTE_MS);
    }
    assert_eq!(asked[..4], [0, 1, 2, 62], "{asked:?}");
    assert!(asked.len() <= 10, "{asked:?}");
    asking.answers(&one.probe.account);
}

#[test]
fn who_answers_once_is_not_left_alone() {
    let one = part(1, 1, 0);
    let mut asking = Asking::of(std::slice::from_ref(&one));
    let mut asked = 0;
    for minute in 0..60 {
        asked += asking.asks(std::slice::from_ref(&one)).len();
        if minute % 2 == 0 {
            asking.passes(1_000).answers(&one.probe.account);
        }
        asking.passes(MINUTE_MS);
    }
    assert_eq!(asked, 60);
}

#[test]
fn where_hundreds_of_accounts_do_not_answer_nobody_is_asked_for_a_while_and_little_is_stored() {
    let fleet: Vec<ProbePart> = (0..1_000).map(|account| part(account, 1, 0)).collect();
    let mut asking = Asking::of(&fleet);
    let mut asked = 0;
    for _ in 0..60 {
        asked += asking.asks(&fleet).len();
        asking.passes(MINUTE_MS);
    }
    assert!(asked < 1_000, "{asked}");
    assert!(asking.reruns.unanswered.len() <= ACCOUNTS_LEFT_MAX);
    assert!(serde_json::to_string(&asking.reruns).unwrap().len() < 30_000);
    assert!(!asking.passes(2 * LEFT_ALONE_MS).asks(&fleet).is_empty());
}

#[test]
fn a_part_has_asks_of_its_own_and_an_ask_that_is_old_is_over() {
    let parts = [part(1, 1, 0), part(1, 1, 1)];
    let mut asking = Asking::of(&parts);
    let reruns = asking.asks(&parts);
    assert_eq!(reruns.iter().map(|it| it.part).collect::<Vec<_>>(), [0, 1]);
    let rerun = &reruns[0];
    assert!(!rerun.is_over(START_MS) && !rerun.is_over(START_MS + ASKED_LASTS_MS - 1));
    assert!(rerun.is_over(START_MS + ASKED_LASTS_MS));
    let written = serde_json::to_string(rerun).unwrap();
    assert_eq!(serde_json::from_str::<Rerun>(&written).unwrap(), *rerun);
}
