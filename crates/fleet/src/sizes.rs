//! How large what a probe is asked becomes.

use phonehome_wire::{ProbeInput, REPORT_VERSION, WIRE_VERSION};

use crate::limits::INPUT_BYTES_MAX;
use crate::model::Fleet;
use crate::place::{Flaw, Place};
use crate::reader::Reader;
use crate::yaml::Node;

/// Reports every account whose probes would be asked for more than fits into an event with their report.
pub(crate) fn check(fleet: &Fleet, root: &Node, reader: &mut Reader) {
    let whole = Place { line: 1, column: 1, path: String::new() };
    for member in fleet.members() {
        let largest = fleet.regions.iter().filter_map(|region| {
            let zone = region.availability_zones.first()?;
            let input = ProbeInput {
                version: WIRE_VERSION,
                generation: u64::MAX,
                report_version: REPORT_VERSION,
                timeout_s: u32::MAX,
                region: region.name.clone(),
                availability_zone: zone.clone(),
                checks: fleet.checks_for(&member, &region.name),
            };
            serde_json::to_vec(&input).ok().map(|json| json.len())
        });
        let Some(bytes) = largest.max().filter(|bytes| *bytes > INPUT_BYTES_MAX) else { continue };
        let domain = fleet.domains.iter().position(|it| it.name == member.domain);
        let environment = domain.and_then(|domain| {
            let mut environments = fleet.domains.get(domain)?.environments.iter();
            environments.position(|it| it.name == member.environment)
        });
        let at = domain.zip(environment);
        let path = at.map(|(domain, environment)| format!("domains[{domain}].environments[{environment}]"));
        let flaw = Flaw::new(format!(
            "the checks of `{}` take {bytes} bytes as the input of a probe; it can have {INPUT_BYTES_MAX}",
            member.account_name
        ));
        let hint = "a probe's input and its report travel in one event: shorten names and what answers are \
                    compared with, or leave out checks that others make as well";
        reader.report(&whole.below(root, &path.unwrap_or_default()), flaw.hint(hint).for_publishing());
    }
}
