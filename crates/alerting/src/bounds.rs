//! How much of an incident is stored: what is lost to a whole fleet has tens of thousands of members, and a document at
//! most 400 KB, packed.

use crate::{Incident, IncidentMember};

/// How many members are stored. Their names come from the fleet file and from AWS, at most a kilobyte each, and pack to
/// a tenth of that.
pub(crate) const MEMBERS_MAX: usize = 2_000;
/// How many bytes of errors and reasons are stored with them, in all: what a member account writes need not pack.
pub(crate) const DETAIL_BYTES_MAX: usize = 100_000;

impl Incident {
    /// The incident as it is stored: with as many members as fit, those first that keep it open, and how many of these
    /// are left out. What is left out and fails is known from the paths; what is left out and no longer fails is
    /// forgotten.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Self {
        self.omitted = 0;
        if self.members.len() > MEMBERS_MAX {
            // The sort is stable: both parts stay in the order of their keys.
            self.members.sort_by_key(|member| !member.state.is_open());
            let rest = self.members.split_off(MEMBERS_MAX);
            self.omitted = rest.iter().filter(|member| member.state.is_open()).count();
            self.members.sort_by_cached_key(IncidentMember::key);
        }
        let mut bytes = 0;
        for member in &mut self.members {
            bytes += member.detail.len();
            if bytes > DETAIL_BYTES_MAX {
                bytes -= member.detail.len();
                member.detail.clear();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use phonehome_wire::{CheckId, Purpose, Stage, Target};

    use super::*;
    use crate::{IncidentState, MemberState, ProbeKey, Severity, Suspect, Symptom};

    fn incident(members: Vec<IncidentMember>) -> Incident {
        Incident {
            id: "20261105T101500Z-1f0c9a3be27d".into(),
            suspect: Suspect::Fleet,
            alternatives: vec![],
            suspects: [Suspect::Fleet].into(),
            widest: None,
            severity: Severity::Page,
            state: IncidentState::Open,
            since_ms: 1,
            opened_at_ms: 1,
            updated_at_ms: 1,
            revision: 1,
            members,
            omitted: 0,
            timeline: vec![],
            paged: true,
            absorbed: [].into(),
            silenced: false,
            channels: [].into(),
            updates_ms: vec![],
            untold: 0,
            told_at_ms: 0,
            findings: vec![],
            page_waits_until_ms: None,
        }
    }

    fn member(number: usize, state: MemberState, detail: &str) -> IncidentMember {
        let account = format!("{:012}", 100_000_000_000 + number);
        IncidentMember {
            probe: ProbeKey {
                account: account.parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
                availability_zone: "use1-az1".parse().unwrap(),
            },
            symptom: Symptom::Down { check: CheckId(format!("connection/domain-{number}-to-ledger/5432")) },
            state,
            account_name: format!("domain-{number}-production"),
            domain: format!("domain-{number}"),
            environment: "production".into(),
            target: Some(Target {
                endpoint: format!("database.ledger-{number}.production.eu-central-1.example.internal:5432"),
                account: Some(format!("ledger-{number}-production")),
            }),
            purpose: Some(Purpose::Connection),
            stage: Some(Stage::Connect),
            why_silent: None,
            flaps: 0,
            detail: detail.into(),
            since_ms: 1,
        }
    }

    #[test]
    fn what_keeps_an_incident_open_is_stored_before_what_works_again_and_the_rest_is_counted() {
        let states = |number| if number < 1_500 { MemberState::Recovered } else { MemberState::Failing };
        let members = (0..4_000).map(|number| member(number, states(number), "")).collect();
        let bounded = incident(members).bounded();
        assert_eq!((bounded.members.len(), bounded.omitted), (MEMBERS_MAX, 500));
        assert!(bounded.members.iter().all(|member| member.state == MemberState::Failing));
        let members = (0..2_100).map(|number| member(number, states(number), "")).collect();
        let bounded = incident(members).bounded();
        assert_eq!(bounded.members_in(MemberState::Failing).count(), 600);
        assert_eq!((bounded.members.len(), bounded.omitted), (MEMBERS_MAX, 0));
        assert!(bounded.members.is_sorted_by_key(IncidentMember::key), "in the order of their keys");
    }

    #[test]
    fn bounded_twice_is_as_bounded_once() {
        let members = (0..3_000).map(|number| member(number, MemberState::Failing, "x".repeat(160).as_str()));
        let once = incident(members.collect()).bounded();
        let twice = once.clone().bounded();
        assert_eq!(once.members, twice.members);
    }

    /// Letters that pack badly, as long as a member account may make them.
    fn noise(number: usize) -> String {
        let mut seed = number as u64 + 1;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_u32(0x1_0000 + (seed >> 40) as u32 % 0x4000).unwrap_or('x')
        };
        (0..160).map(|_| next()).collect()
    }

    #[test]
    fn an_incident_of_any_size_fits_into_one_item() {
        let members =
            (0..30_000).map(|number| member(number, MemberState::Failing, &noise(number))).collect();
        let bounded = incident(members).bounded();
        let details: usize = bounded.members.iter().map(|member| member.detail.len()).sum();
        assert!(details <= DETAIL_BYTES_MAX && details > DETAIL_BYTES_MAX / 2, "{details}");
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(&serde_json::to_vec(&bounded).unwrap()).unwrap();
        let bytes = packer.finish().unwrap().len();
        assert!(bytes < 300_000, "{bytes} of DynamoDB's 400,000");
    }
}
