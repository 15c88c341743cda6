//! What people are told where the member role lacks a right.

use std::fmt;

/// The member role may not do something that its template, with a parameter, lets it do.
#[derive(Debug, Clone, Copy)]
pub struct MemberRoleLacks<'a> {
    /// What it may not: `call iam:CreateAccessKey`.
    pub doing: &'a str,
    /// What was said.
    pub said: &'a str,
    /// The parameter of `infra/member-role.yaml`, which is to be `true`.
    pub parameter: &'a str,
}

impl fmt::Display for MemberRoleLacks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { doing, said, parameter } = self;
        write!(
            f,
            "the member role may not {doing} ({said}): deploy infra/member-role.yaml to the account with {parameter}=true, and \
             look for a service control policy"
        )
    }
}
