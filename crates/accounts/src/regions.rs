//! The Regions an account can use.

use aws_sdk_ec2::types::{self as ec2, Filter};
use phonehome_wire::Region;

use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;

/// A Region that every account has, and one that this account has turned on.
const USABLE: [&str; 2] = ["opt-in-not-required", "opted-in"];

/// The Regions that the account of `session`'s credentials can use, in order. A call in any other one
/// is refused, and nothing can be there.
///
/// # Errors
/// [`CloudError`] when EC2 does not answer or refuses to.
pub async fn opted_in_regions(session: &Session) -> Result<Vec<Region>, CloudError> {
    const OPERATION: &str = "ec2:DescribeRegions";
    let usable = USABLE.map(str::to_owned).to_vec();
    let filter = Filter::builder().name("opt-in-status").set_values(Some(usable)).build();
    let answer = aws_sdk_ec2::Client::new(session.config()).describe_regions().filters(filter).send().await;
    let answer = answer.map_err(|error| CloudError::of(OPERATION, "the account's Regions", &error))?;
    Ok(usable_names(answer.regions()))
}

/// Asked again here, although the call filters: not every endpoint honours every filter.
fn usable_names(regions: &[ec2::Region]) -> Vec<Region> {
    let is_usable =
        |region: &&ec2::Region| region.opt_in_status().is_none_or(|status| USABLE.contains(&status));
    let usable = regions.iter().filter(is_usable);
    let mut names: Vec<Region> = usable.filter_map(|it| it.region_name()?.parse().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regions_that_the_account_can_use_are_named_and_in_order() {
        let region =
            |name: &str, status: &str| ec2::Region::builder().region_name(name).opt_in_status(status).build();
        let regions = [
            region("us-east-1", "opt-in-not-required"),
            region("ap-east-1", "not-opted-in"),
            region("af-south-1", "opted-in"),
        ];
        assert_eq!(usable_names(&regions), ["af-south-1", "us-east-1"]);
    }
}
