//! Single values of EC2's answers.

use aws_sdk_ec2::types as ec2;
use ipnet::Ipv4Net;
use phonehome_cloud::{Cause, CloudError};
use phonehome_network::Tags;

pub(super) fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

pub(super) fn unreadable(operation: &'static str, subject: &str, message: String) -> CloudError {
    CloudError::of_cause(operation, subject, Cause::Response(message))
}

pub(super) fn id(operation: &'static str, value: Option<&str>) -> Result<String, CloudError> {
    value.map(str::to_owned).ok_or_else(|| unreadable(operation, "an item", "it has no id".into()))
}

/// The CIDR of what has the id `of`.
pub(super) fn cidr(operation: &'static str, of: &str, value: Option<&str>) -> Result<Ipv4Net, CloudError> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| unreadable(operation, of, format!("{value:?} is no IPv4 CIDR")))
}

pub(super) fn tags(tags: &[ec2::Tag]) -> Tags {
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
