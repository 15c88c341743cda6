//! What to do: a line of the runbook, and its section.

use crate::{Incident, MemberState, Suspect, Symptom};

/// What somebody does about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The first thing, in a line.
    pub(crate) line: &'static str,
    /// The section of `docs/runbook.md` that says more, as links name it.
    pub(crate) section: &'static str,
}

const ITSELF: Advice = Advice {
    line: "look at phonehome's own way: the hub bus, the queue phonehome-reports, the collector's log",
    section: "phonehome-itself-is-down",
};
const SILENT: Advice = Advice {
    line: "look at the functions phonehome-probe-*, their schedules and their log in the account",
    section: "probes-are-silent",
};
const CANNOT_TELL: Advice = Advice {
    line: "read the reason: most often a control that never passes, or a target that nobody else reaches",
    section: "probes-run-but-cannot-tell",
};
const NOTHING_GETS_OUT: Advice = Advice {
    line: "look at AWS Health, then at network ACLs, route tables and service control policies of the account",
    section: "nothing-gets-out",
};
const NO_WAY_OUT: Advice = Advice {
    line: "look at the zone's NAT gateway and default route, then at the internet gateway",
    section: "no-way-out",
};
const NOT_RESOLVED: Advice = Advice {
    line: "look at the VPC's DNS settings and resolver rules, then at the network ACL",
    section: "names-are-not-resolved",
};
const CONNECTION: Advice = Advice {
    line: "look at the peering, the routes on both sides and the target's security group",
    section: "a-connection-is-lost",
};
const TARGET: Advice = Advice {
    line: "ask the target's team whether it is up, and its certificate valid",
    section: "a-target-cannot-be-reached",
};
const ISOLATION: Advice = Advice {
    line: "treat it as a breach: find out who opened the security group, the route or the peering",
    section: "an-isolation-does-not-hold",
};

/// What is to be done about an incident, by what is most likely to blame.
pub(crate) fn advice(incident: &Incident) -> Advice {
    let mut failing = incident.members_in(MemberState::Failing).peekable();
    let only_silent = failing.peek().is_some() && failing.all(|member| member.symptom == Symptom::Silent);
    match &incident.suspect {
        Suspect::Collector => ITSELF,
        Suspect::Prober { .. } => CANNOT_TELL,
        Suspect::Probe { .. } | Suspect::Reporting { .. } => SILENT,
        _ if only_silent => SILENT,
        Suspect::Fleet
        | Suspect::Region { .. }
        | Suspect::Account { .. }
        | Suspect::AvailabilityZone { .. } => NOTHING_GETS_OUT,
        Suspect::WayOut { .. } | Suspect::NatGateway { .. } | Suspect::InternetRoute { .. } => NO_WAY_OUT,
        Suspect::Resolver { .. } => NOT_RESOLVED,
        Suspect::Network { .. }
        | Suspect::Peering { .. }
        | Suspect::PeerRoute { .. }
        | Suspect::SecurityGroup { .. }
        | Suspect::Connection { .. } => CONNECTION,
        Suspect::Target { .. } | Suspect::Path { .. } => TARGET,
        Suspect::Isolation { .. } => ISOLATION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As links name a heading: small letters, digits and hyphens.
    fn anchor(heading: &str) -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_ascii_alphanumeric() || "- ".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    }

    #[test]
    fn each_advice_has_its_section_in_the_runbook() {
        let runbook = include_str!("../../../docs/runbook.md");
        let sections: Vec<String> =
            runbook.lines().filter(|line| line.starts_with("##")).map(anchor).collect();
        let all = [
            ITSELF,
            SILENT,
            CANNOT_TELL,
            NOTHING_GETS_OUT,
            NO_WAY_OUT,
            NOT_RESOLVED,
            CONNECTION,
            TARGET,
            ISOLATION,
        ];
        for Advice { section, .. } in all {
            assert!(sections.iter().any(|known| known == section), "{section} is none of {sections:?}");
        }
    }
}
