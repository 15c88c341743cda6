//! A fleet as it is declared: accounts, zones, targets, connections, isolations.

/// How many zones there are; every account is in each.
pub const ZONES: u32 = 3;

/// The ports of a target that are open; the second only to whom the first connection leads.
pub const PORTS: [u16; 2] = [443, 5432];

/// The port that nobody may connect to.
pub const CLOSED_PORT: u16 = 22;

/// Hosts in the internet that every probe connects to.
pub const OUTSIDE: u32 = 3;

/// One account's network in the Region, with one target.
#[derive(Debug, Clone)]
pub struct Account {
    /// The zones in which the target has an address.
    pub addresses: Vec<u32>,
}

/// A connection between two accounts, for which there is a peering.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// The account that connects.
    pub from: u32,
    /// The account that is connected to.
    pub to: u32,
    /// How many of [`PORTS`] it leads to.
    pub ports: u32,
}

/// A fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// By their numbers.
    pub accounts: Vec<Account>,
    /// By their numbers; those from one account stand together.
    pub connections: Vec<Connection>,
}

/// What one check of one probe tests, of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aim {
    /// A host in the internet.
    Outside(u32),
    /// An address of the target of an account, over a connection.
    Target {
        /// Which connection.
        connection: u32,
        /// In which zone the address is.
        zone: u32,
        /// Which port.
        port: u16,
    },
    /// That nobody gets through to what the connection's target keeps closed.
    Closed {
        /// Which connection.
        connection: u32,
        /// In which zone the address is.
        zone: u32,
    },
}

/// A check as seen from one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The probe's account.
    pub account: u32,
    /// The probe's zone.
    pub zone: u32,
    /// What it tests.
    pub aim: Aim,
}

impl Fleet {
    /// Each account connects to as many others: to one on both ports, to the others on one. A third of the targets
    /// has one address, the others two in different zones.
    #[must_use]
    pub fn of(accounts: u32, connections: u32) -> Self {
        let account = |number: u32| {
            let first = number % ZONES;
            let addresses =
                if number.is_multiple_of(3) { vec![first] } else { vec![first, (first + 1) % ZONES] };
            Account { addresses }
        };
        let connection = |from: u32, number: u32| {
            let ports = if number == 0 { 2 } else { 1 };
            Connection { from, to: (from + 1 + 6 * number) % accounts, ports }
        };
        let all = (0..accounts).flat_map(|from| (0..connections).map(move |number| connection(from, number)));
        Self { accounts: (0..accounts).map(account).collect(), connections: all.collect() }
    }

    /// The connections from an account, with their numbers.
    pub fn connections_of(&self, account: u32) -> impl Iterator<Item = (u32, Connection)> + '_ {
        let start = self.connections.partition_point(|connection| connection.from < account);
        let all = (start..).zip(&self.connections[start..]).take_while(move |(_, it)| it.from == account);
        all.map(|(number, connection)| (u32::try_from(number).unwrap_or(u32::MAX), *connection))
    }

    /// Everything that the probes test, the paths of one probe together.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        for account in 0..u32::try_from(self.accounts.len()).unwrap_or(0) {
            let mut aims: Vec<Aim> = (0..OUTSIDE).map(Aim::Outside).collect();
            for (number, connection) in self.connections_of(account) {
                for zone in self.accounts[connection.to as usize].addresses.iter().copied() {
                    let ports = PORTS.into_iter().take(connection.ports as usize);
                    aims.extend(ports.map(|port| Aim::Target { connection: number, zone, port }));
                }
                let first = self.accounts[connection.to as usize].addresses[0];
                if connection.ports == 2 {
                    aims.push(Aim::Closed { connection: number, zone: first });
                }
            }
            for zone in 0..ZONES {
                paths.extend(aims.iter().map(|aim| Path { account, zone, aim: *aim }));
            }
        }
        paths
    }
}
