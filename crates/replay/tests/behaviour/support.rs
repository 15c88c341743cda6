//! A night of shop-prod: three probes, each minute a report.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use phonehome_replay::{Document, FORMAT, Header, Kept, Lines, ReplayError, Replayed, replay};
use phonehome_samples::{FLEET, REGION, SHOP_PROD, ZONES, published, stack, stack_id};
use phonehome_state::Keys;
use phonehome_wire::{Check, CheckResult, Class, Report, Stage, Verdict, WIRE_VERSION};
use serde_json::{Value, json};

/// 2026-11-25T02:00:00Z.
pub(crate) const FROM_MS: u64 = 1_795_572_000_000;
pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const PAYMENTS: &str = "connection/shop-to-payments/443";

/// What fails: the connection to payments, from which minute on, and until which.
#[derive(Debug, Clone)]
pub(crate) struct Night {
    pub(crate) minutes: u64,
    pub(crate) fails: std::ops::Range<u64>,
    /// The zones, by number, in which it does.
    pub(crate) zones: &'static [usize],
    /// Minutes without any report.
    pub(crate) silent: std::ops::Range<u64>,
}

pub(crate) const CALM: Night = Night { minutes: 40, fails: 0..0, zones: &[0, 1, 2], silent: 0..0 };

/// The example's fleet file without isolations, which nobody here is a witness of.
pub(crate) fn fleet() -> String {
    let (head, rest) = FLEET.split_once("\nisolations:").unwrap();
    let (_, tail) = rest.split_once("\nprobing:").unwrap();
    format!("{head}\nprobing:{tail}")
}

pub(crate) fn checks() -> Vec<Check> {
    let fleet = phonehome_fleet::parse(&fleet()).unwrap();
    fleet.checks_for(&fleet.member("shop-prod").unwrap(), REGION)
}

impl Night {
    pub(crate) fn header(&self) -> Header {
        Header { recording: FORMAT, from_ms: FROM_MS, to_ms: FROM_MS + self.minutes * MINUTE_MS }
    }

    /// The reports, the first first: that of each zone 5 seconds after the one before.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let minutes = (0..self.minutes).filter(|minute| !self.silent.contains(minute));
        minutes
            .flat_map(|minute| (0..ZONES.len()).map(move |zone| (minute, zone)))
            .map(|it| self.report(it))
            .collect()
    }

    fn report(&self, (minute, zone): (u64, usize)) -> Kept {
        let at_ms = FROM_MS + minute * MINUTE_MS + 5_000 * (zone as u64 + 1);
        let result = |check: &Check| {
            let fails = check.id.0 == PAYMENTS && self.fails.contains(&minute) && self.zones.contains(&zone);
            let failed = Verdict::Fail {
                stage: Stage::Connect,
                class: Class::ConnectTimeout,
                error: "no answer".into(),
            };
            CheckResult::new(check.id.clone(), if fails { failed } else { Verdict::Ok })
        };
        let report = Report {
            version: WIRE_VERSION,
            account: SHOP_PROD.parse().unwrap(),
            region: REGION.parse().unwrap(),
            availability_zone: ZONES[zone].parse().unwrap(),
            run_id: format!("{minute}-{zone}"),
            part: 0,
            generation: 1,
            started_at_ms: at_ms - 1_000,
            duration_ms: 500,
            clock_ahead_ms: 0,
            stalled_ms: 0,
            rerun: false,
            results: checks().iter().map(result).collect(),
        };
        kept(at_ms, &report)
    }

    /// As a file.
    pub(crate) fn file(&self) -> String {
        let mut text = line(&self.header());
        for document in judged_by(&fleet()) {
            text += &line(&document);
        }
        self.kept().iter().for_each(|kept| text += &line(kept));
        text
    }
}

pub(crate) fn kept(at_ms: u64, report: &Report) -> Kept {
    let received = Timestamp::from_millisecond(i64::try_from(at_ms).unwrap()).unwrap();
    let event = json!({
        "id": report.run_id, "time": received, "account": SHOP_PROD, "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success",
        "detail": {"requestContext": {"functionArn": "arn"}, "responsePayload": report},
    });
    Kept { received, event }
}

pub(crate) fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap() + "\n"
}

/// The fleet file in force, and the stack, which became ready the day before.
pub(crate) fn judged_by(fleet: &str) -> Vec<Document> {
    let document = |key: phonehome_cloud::table::Key, body: Value| Document {
        at_ms: FROM_MS,
        partition: key.partition,
        sort: key.sort,
        schema: 1,
        body,
    };
    vec![
        document(Keys::fleet(), json!(published(fleet))),
        document(Keys::stack(&stack_id()), json!(stack(FROM_MS - 24 * 60 * MINUTE_MS))),
    ]
}

pub(crate) fn played(file: &[u8], rules: Option<&str>) -> Result<Replayed, ReplayError> {
    block_on(replay(Lines::of(file).unwrap(), rules))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn replayed(file: &str) -> Replayed {
    played(file.as_bytes(), None).unwrap()
}

pub(crate) fn packed(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}
