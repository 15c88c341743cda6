//! Which accounts the declared connections join.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::checks::connection_environments;
use crate::members::Member;
use crate::model::{Connection, Fleet};

/// All declared connections between a member and one other, its peer.
///
/// The same connections seen from the peer are the same link with `outbound` and `inbound`
/// exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The member at the other end.
    pub peer: Member,
    /// The TCP ports the member may open at the peer, ascending, each once.
    pub outbound: Vec<u16>,
    /// The TCP ports the peer may open at the member, ascending, each once.
    pub inbound: Vec<u16>,
}

/// An account: a domain's name and the name of one of its environments.
type Account<'f> = (&'f str, &'f str);
/// The ports between a member and a peer: outbound and inbound.
type Ports = (BTreeSet<u16>, BTreeSet<u16>);

impl Fleet {
    /// The links of a member: for each other member that one of its declared connections joins it
    /// with, which ports are open in which direction. Sorted by the peer's account name; at least
    /// one port each.
    pub fn links_of(&self, member: &Member) -> Vec<Link> {
        let this = (member.domain.as_str(), member.environment.as_str());
        let mut ports: BTreeMap<Account, Ports> = BTreeMap::new();
        let concerned = |it: &&Connection| it.from == member.domain || it.to == member.domain;
        for connection in self.connections.iter().filter(concerned) {
            for (source, target) in self.joined(connection) {
                // A member needs no link to itself.
                if source == target {
                    continue;
                }
                if source == this {
                    ports.entry(target).or_default().0.extend(&connection.ports);
                } else if target == this {
                    ports.entry(source).or_default().1.extend(&connection.ports);
                }
            }
        }
        let link = |((domain, environment), (outbound, inbound)): (Account, Ports)| {
            let peer = self.member_in(domain, environment)?;
            let (outbound, inbound) = (outbound.into_iter().collect(), inbound.into_iter().collect());
            Some(Link { peer, outbound, inbound })
        };
        let mut links: Vec<Link> = ports.into_iter().filter_map(link).collect();
        links.sort_by(|a, b| a.peer.account_name.cmp(&b.peer.account_name));
        links
    }

    /// Source and target of a connection, for each of its environments.
    fn joined<'f>(&'f self, connection: &'f Connection) -> Vec<(Account<'f>, Account<'f>)> {
        let ends = self.domain(&connection.from).zip(self.domain(&connection.to));
        let Some((from, to)) = ends else { return vec![] };
        let sources = connection_environments(connection, from, to).into_iter();
        sources
            .map(|source| {
                let target = connection.target_environment(source);
                ((from.name.as_str(), source), (to.name.as_str(), target))
            })
            .collect()
    }
}
