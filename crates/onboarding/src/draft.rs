//! A fleet file of the accounts that there are.

use phonehome_fleet::az_prefix;
use phonehome_text::{agree, count};
use phonehome_wire::Region;

use crate::placed::Placed;
use crate::seen::{Organization, SeenAccount};
use crate::shown::shown;
use crate::yaml::{Pool, file, left, pool_of};

/// A block of addresses for each account, by its prefix length: 16,384 addresses.
const BLOCK: u8 = 18;

/// The smallest block that the fleet file takes.
const BLOCK_MIN: u8 = 23;

/// Zones by their numbers where these are not 1, 2 and 3: the Regions that give an older account a zone more than a newer
/// one, or have two for most.
const ZONES: [(&str, &[u8]); 4] = [
    ("us-east-1", &[1, 2, 4]),
    ("us-west-1", &[1, 3]),
    ("ap-northeast-1", &[1, 2, 4]),
    ("ca-central-1", &[1, 2, 4]),
];

/// Writes a fleet file of an organization's accounts, in which each of them is: as a line with its id, or in a comment at
/// its end with why it is none. `region` is where all get their networks; `without_units` says why the units are not
/// known, where they are not. The file is valid, and the same for the same accounts in whatever order.
///
/// `None` for a Region whose zones' ids begin with nobody knows what.
#[must_use]
pub fn draft(
    organization: &Organization,
    region: &Region,
    accounts: &[SeenAccount],
    without_units: Option<&str>,
) -> Option<String> {
    let placed = Placed::of(organization, accounts);
    let prefix = az_prefix(region.as_str())?;
    let numbers = ZONES.iter().find(|(name, _)| *name == region.as_str()).map_or(&[1, 2, 3][..], |it| it.1);
    let zones: Vec<String> = numbers.iter().map(|number| format!("{prefix}-az{number}")).collect();
    let file = file(organization, (region.as_str(), &zones), &pools(&placed), &placed);
    Some(head(&placed, region, without_units) + "\n" + &file + &tail(&placed))
}

/// What is to be known before it is published.
fn head(placed: &Placed<'_>, region: &Region, without_units: Option<&str>) -> String {
    let (lines, others) = (placed.lines(), placed.left.values().map(Vec::len).sum::<usize>());
    let without_units = without_units.map_or(String::new(), |why| {
        format!("# The units could not be read, so that only names were looked at: {}\n", shown(why))
    });
    format!(
        "# yaml-language-server: $schema=docs/fleet.schema.json\n#\n# Drafted by `phonehome init` of {}: {} below, {others} at \
         the end with why not.\n{without_units}# It is a proposal, made of names and units, which say what somebody wrote \
         there. Before it is published:\n#   - compare each line with its account_id. The id decides; whoever runs an account \
         can change its name.\n#   - take out the lines whose accounts are to get no network now. An account that has one \
         already keeps it\n#     beside the new one, unless `adopt: vpc-…` says that it is taken over.\n#   - owners, the \
         Slack channel, the Region, its zones and the pools are made up. Compare:\n#       aws ec2 \
         describe-availability-zones --region {region} --query \
         \"AvailabilityZones[].[ZoneName,ZoneId]\"\n",
        count(lines + others, "account"),
        agree(lines, "is a line", "are lines"),
    )
}

fn tail(placed: &Placed<'_>) -> String {
    match left(placed) {
        none if none.is_empty() => none,
        left => format!("\n# Accounts that are no line above: id, name, e-mail address, unit.\n{left}"),
    }
}

/// Twice the addresses that are needed, in the largest blocks up to [`BLOCK`] of which there are as many.
fn pools(placed: &Placed<'_>) -> Vec<Pool> {
    let environments = placed.environments();
    let needed = |pool: &str| -> usize {
        environments.iter().filter(|(name, _)| pool_of(name) == pool).map(|(_, number)| number).sum()
    };
    let all = [("nonprod", "10.0.0.0/12", "10.128.0.0/9"), ("prod", "10.16.0.0/12", "10.64.0.0/10")];
    let is_used = |name: &str| needed(name) > 0 || (environments.is_empty() && name == "prod");
    let pool = |(name, cidr, large): (&'static str, _, _)| {
        let fits = |prefix: u8| (BLOCK..=BLOCK_MIN).find(|block| 1 << (block - prefix) >= 2 * needed(name));
        match fits(12) {
            Some(block) => Pool { name, cidr, block },
            None => Pool { name, cidr: large, block: BLOCK_MIN },
        }
    };
    all.into_iter().filter(|(name, ..)| is_used(name)).map(pool).collect()
}
