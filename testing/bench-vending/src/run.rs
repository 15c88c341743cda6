//! Runs: vendors that are at work at the same moment, take turns at every call, and die where it is said.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use phonehome_bench_localisation::Random;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{MemoryTable, Table, TableError};
use phonehome_fleet::Line;
use phonehome_vending::{Lines, ORDERS, Order, Round, Vendor, Wanted};

use crate::clock::VirtualClock;
use crate::organization::{FakeOrganizations, Faults};
use crate::score::Score;
use crate::table::SlowTable;

/// How soon a vendor is started again after it died or failed; milliseconds.
const RESTART_MS: u64 = 1_000;
/// For how long a run goes on at most, in virtual milliseconds: three days.
const PATIENCE_MS: u64 = 3 * 24 * 3_600_000;

type OwnVendor = Vendor<FakeOrganizations, SlowTable, VirtualClock>;
type Work = Pin<Box<dyn Future<Output = (OwnVendor, Result<Round, TableError>)>>>;

/// When a vendor dies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaths {
    /// At this point of the run, counted over all vendors; each call has one before it and one after it.
    pub at: Option<u64>,
    /// At so many of a million points.
    pub ppm: u32,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// The organization.
    pub organization: FakeOrganizations,
    /// What is stored.
    pub table: MemoryTable,
    /// The time.
    pub clock: VirtualClock,
    /// The lines that are to get an account.
    pub wanted: Vec<Wanted>,
    /// All lines, and which accounts they are.
    pub lines: Lines,
    random: Random,
    deaths: Deaths,
    points: u64,
    began_at_ms: u64,
}

enum Vendors {
    Resting(OwnVendor, u64),
    Working(Work),
    /// Nothing is to be done any more.
    Done,
}

/// So many lines that are to get an account. Permitted before the run begins.
#[must_use]
pub fn wanted(accounts: usize) -> Vec<Wanted> {
    let wanted = |number: usize| Wanted {
        line: Line::new(&format!("domain-{number}"), "prod"),
        email: format!("aws+domain-{number}-prod@example.com"),
        account_name: format!("domain-{number}-prod"),
        permitted_at_ms: 1,
    };
    (0..accounts).map(wanted).collect()
}

impl Run {
    /// A run of so many accounts.
    #[must_use]
    pub fn new(accounts: usize, seed: u64, faults: Faults, deaths: Deaths) -> Self {
        let clock = VirtualClock::default();
        let wanted = wanted(accounts);
        Self {
            organization: FakeOrganizations::new(clock.clone(), seed, faults),
            table: MemoryTable::default(),
            lines: Lines::new(wanted.iter().map(|it| it.line.clone()), []),
            wanted,
            random: Random::new(seed.wrapping_add(1 << 40)),
            deaths,
            points: 0,
            began_at_ms: clock.now_ms(),
            clock,
        }
    }

    fn vendor(&self) -> OwnVendor {
        let table = SlowTable { table: self.table.clone(), clock: self.clock.clone() };
        Vendor::new(self.organization.clone(), table, self.clock.clone())
    }

    /// Lets so many vendors work until nothing is to be done; says what came of it.
    pub fn go(&mut self, vendors: usize) -> Score {
        self.go_for(vendors, PATIENCE_MS)
    }

    /// The same for so many virtual milliseconds at most; then those who are at work die.
    pub fn go_for(&mut self, vendors: usize, ms: u64) -> Score {
        let until_ms = self.clock.now_ms() + ms;
        let mut vendors: Vec<Vendors> = (0..vendors).map(|_| Vendors::Resting(self.vendor(), 0)).collect();
        while self.clock.now_ms() < until_ms {
            let now_ms = self.clock.now_ms();
            let ready: Vec<usize> = (0..vendors.len()).filter(|at| is_ready(&vendors[*at], now_ms)).collect();
            if ready.is_empty() {
                let next_ms = vendors.iter().filter_map(Vendors::next_ms).min();
                match next_ms {
                    Some(next_ms) => self.clock.pass_to(next_ms.min(until_ms)),
                    None => break,
                }
                continue;
            }
            let chosen = ready[self.random.below(u32::try_from(ready.len()).unwrap_or(1)) as usize];
            let it = std::mem::replace(&mut vendors[chosen], Vendors::Done);
            vendors[chosen] = self.turn(it);
        }
        let took_ms = self.clock.now_ms() - self.began_at_ms;
        Score::of(&self.organization, &self.wanted, &self.orders(), took_ms)
    }

    /// Lets one vendor work up to its next point, where it may die.
    fn turn(&mut self, it: Vendors) -> Vendors {
        let mut work = match it {
            Vendors::Working(work) => work,
            Vendors::Resting(mut vendor, _) => {
                let (wanted, lines) = (self.wanted.clone(), self.lines.clone());
                Box::pin(async move {
                    let round = vendor.round(&wanted, &lines).await;
                    (vendor, round)
                })
            }
            Vendors::Done => return Vendors::Done,
        };
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                let point = self.points;
                self.points += 1;
                if self.deaths.at == Some(point) || self.random.happens(self.deaths.ppm) {
                    return Vendors::Resting(self.vendor(), self.clock.now_ms() + RESTART_MS);
                }
                Vendors::Working(work)
            }
            Poll::Ready((vendor, Ok(Round { again_at_ms: Some(at_ms), .. }))) => {
                Vendors::Resting(vendor, at_ms)
            }
            Poll::Ready((_, Ok(_))) => Vendors::Done,
            Poll::Ready((vendor, Err(_))) => Vendors::Resting(vendor, self.clock.now_ms() + RESTART_MS),
        }
    }

    /// At how many points somebody could have died.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// All orders, by their lines.
    #[must_use]
    pub fn orders(&self) -> BTreeMap<Line, Order> {
        let mut query = Box::pin(self.table.query(ORDERS));
        let docs = match query.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(docs)) => docs,
            _ => vec![],
        };
        let orders = docs.iter().filter_map(|doc| doc.read::<Order>().ok());
        orders.map(|order| (order.line.clone(), order)).collect()
    }
}

fn is_ready(it: &Vendors, now_ms: u64) -> bool {
    match it {
        Vendors::Working(_) => true,
        Vendors::Resting(_, until_ms) => *until_ms <= now_ms,
        Vendors::Done => false,
    }
}

impl Vendors {
    fn next_ms(&self) -> Option<u64> {
        match self {
            Self::Resting(_, until_ms) => Some(*until_ms),
            Self::Working(_) | Self::Done => None,
        }
    }
}
