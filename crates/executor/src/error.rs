//! What goes wrong in a call to AWS, told apart by what can be done about it.

/// A call to AWS that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({subject}): {code}: {message}")]
pub struct AwsError {
    /// The API operation, `ec2:CreateVpc`.
    pub operation: &'static str,
    /// What it was about: an account, an address, a queue.
    pub subject: String,
    /// AWS's error code; or `timeout`, `connection`, `response` when there was no answer; or
    /// `bucket`, `unseen`, `order` when no call was made.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Slow down and try again.
    Throttled,
    /// Something just made is not visible everywhere yet, or something just deleted is not gone
    /// yet: try again.
    NotYet,
    /// It is so already: what was to be deleted is gone, what was to be added is there. No failure;
    /// the next look decides what is true.
    AlreadyDone,
    /// The account is too young: try again for at least 15 minutes.
    NotReady,
    /// The role may not do this, and will not by itself.
    Denied,
    /// The condition of a conditional write does not hold: read again.
    Conflict,
    /// The network or the service failed: try again.
    Transient,
    /// The request is wrong: trying again does not help.
    Invalid,
}

impl AwsError {
    /// What can be done about it. The same code can mean different things for different operations.
    pub fn class(&self) -> Class {
        self.class_for_operation().unwrap_or_else(|| self.class_of_code())
    }

    /// Where the operation decides what the code means.
    fn class_for_operation(&self) -> Option<Class> {
        let (service, verb) = self.operation.split_once(':').unwrap_or_default();
        let (code, says) = (self.code.as_str(), |text| self.message.contains(text));
        let missing = code.ends_with("NotFound")
            || ["ResourceNotFoundException", "Gateway.NotAttached"].contains(&code);
        let class = match (verb, code) {
            ("AssumeRole", "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => {
                Class::NotReady
            }
            // Its NAT gateway is still going. EC2 says then that the address is someone else's.
            ("ReleaseAddress", "AuthFailure" | "InvalidAddress.Locked" | "InvalidIPAddress.InUse") => {
                Class::NotYet
            }
            _ if undoes(verb) && missing => Class::AlreadyDone,
            ("CreateRoute", "RouteAlreadyExists")
            | ("CreateNetworkAclEntry", "NetworkAclEntryAlreadyExists")
            | ("CreateFlowLogs", "FlowLogAlreadyExists") => Class::AlreadyDone,
            (verb, "InvalidPermission.Duplicate") if verb.starts_with("Authorize") => Class::AlreadyDone,
            (verb, "Resource.AlreadyAssociated")
                if service == "ec2" && (verb.starts_with("Associate") || verb.starts_with("Attach")) =>
            {
                Class::AlreadyDone
            }
            // The endpoint, or the attachment, was made by an earlier call and is not visible yet.
            ("CreateVpcEndpoint" | "ModifyVpcEndpoint", "RouteAlreadyExists") => Class::NotYet,
            ("AttachInternetGateway", "InvalidParameterValue") if says("already has an internet gateway") => {
                Class::NotYet
            }
            // "… attempted to transition from deleted to deleting".
            ("DeleteVpcPeeringConnection", "InvalidStateTransition") if says("from deleted") => {
                Class::AlreadyDone
            }
            ("AcceptVpcPeeringConnection", "InvalidStateTransition") if says("from active") => {
                Class::AlreadyDone
            }
            ("AcceptVpcPeeringConnection", "InvalidStateTransition")
                if says("from initiating-request") || says("from provisioning") =>
            {
                Class::NotYet
            }
            _ => return None,
        };
        Some(class)
    }

    fn class_of_code(&self) -> Class {
        match self.code.as_str() {
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "ThrottledException"
            | "EC2ThrottledException"
            | "SlowDown"
            | "ProvisionedThroughputExceededException"
            | "bucket" => Class::Throttled,
            "ConditionalCheckFailedException" => Class::Conflict,
            // Its message lists a reason for each item; the others are None.
            "TransactionCanceledException" => match self.message.as_str() {
                reasons if reasons.contains("ConditionalCheckFailed") => Class::Conflict,
                reasons if reasons.contains("TransactionConflict") => Class::Conflict,
                reasons if reasons.contains("ValidationError") => Class::Invalid,
                _ => Class::Throttled,
            },
            "timeout"
            | "connection"
            | "response"
            | "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServerException"
            | "ServiceException"
            | "ServiceUnavailable"
            | "Unavailable"
            | "TransactionInProgressException" => Class::Transient,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "AuthFailure"
            | "OptInRequired"
            | "SubscriptionRequiredException"
            | "PendingVerification" => Class::NotReady,
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Class::Denied,
            // `Gateway.NotAttached`: the internet gateway was attached a moment ago.
            // `Resource.AlreadyAssociated` and `VpcPeeringConnectionAlreadyExists`: made by an earlier
            // call whose answer was lost; the next look sees it, and its id.
            "ResourceConflictException"
            | "ResourceNotFoundException"
            | "DependencyViolation"
            | "IncorrectState"
            | "ConcurrentTagAccess"
            | "Gateway.NotAttached"
            | "Resource.AlreadyAssociated"
            | "VpcPeeringConnectionAlreadyExists"
            // A subnet, or a group of this name, made by an earlier call and not visible yet. Should it
            // be somebody else's, the account waits its 15 minutes, and then people are told.
            | "InvalidSubnet.Conflict"
            | "InvalidGroup.Duplicate"
            | "NatGatewayNotFound"
            | "unseen" => Class::NotYet,
            code if code.ends_with(".NotFound") => Class::NotYet,
            // Lambda says this while a fresh role, subnet or security group is on its way to it.
            "InvalidParameterValueException"
                if ["cannot be assumed", "does not exist", "NotFound", "does not have permissions"]
                    .iter()
                    .any(|m| self.message.contains(m)) =>
            {
                Class::NotYet
            }
            _ => Class::Invalid,
        }
    }
}

/// Whether a call takes something away, so that it is done when that is not there.
fn undoes(verb: &str) -> bool {
    ["Delete", "Detach", "Disassociate", "Release", "Revoke"].iter().any(|start| verb.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: &str = "attempted to transition from deleted to deleting";
    const ROLE: &str = "The role cannot be assumed by Lambda";
    const PEERED: &str = "attempted to transition from active to provisioning";
    const REJECTED: &str = "attempted to transition from rejected to provisioning";

    const CASES: &[(&str, &str, &str, Class)] = &[
        ("ec2:CreateVpc", "RequestLimitExceeded", "", Class::Throttled),
        ("organizations:ListAccounts", "TooManyRequestsException", "", Class::Throttled),
        ("ec2:CreateVpc", "bucket", "", Class::Throttled),
        ("ec2:CreateRoute", "InvalidNatGatewayID.NotFound", "", Class::NotYet),
        ("ec2:CreateRoute", "NatGatewayNotFound", "", Class::NotYet),
        ("ec2:CreateNatGateway", "Gateway.NotAttached", "", Class::NotYet),
        ("ec2:CreateNatGateway", "Resource.AlreadyAssociated", "", Class::NotYet),
        ("ec2:CreateVpcPeeringConnection", "VpcPeeringConnectionAlreadyExists", "", Class::NotYet),
        ("ec2:DeleteSubnet", "DependencyViolation", "", Class::NotYet),
        ("ec2:DeleteVpcEndpoints", "IncorrectState", "", Class::NotYet),
        ("ec2:ReleaseAddress", "AuthFailure", "", Class::NotYet),
        ("ec2:ReleaseAddress", "InvalidIPAddress.InUse", "", Class::NotYet),
        ("ec2:ReleaseAddress", "InvalidAddress.Locked", "", Class::NotYet),
        ("lambda:CreateFunction", "InvalidParameterValueException", ROLE, Class::NotYet),
        (
            "lambda:CreateFunction",
            "InvalidParameterValueException",
            "MemorySize is too small",
            Class::Invalid,
        ),
        (
            "lambda:PutFunctionEventInvokeConfig",
            "ResourceConflictException",
            "update in progress",
            Class::NotYet,
        ),
        ("lambda:UpdateFunctionCode", "ResourceNotFoundException", "", Class::NotYet),
        ("ec2:DeleteSubnet", "InvalidSubnetID.NotFound", "", Class::AlreadyDone),
        ("ec2:DeleteNatGateway", "NatGatewayNotFound", "", Class::AlreadyDone),
        ("ec2:DeleteVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", "", Class::AlreadyDone),
        ("ec2:DeleteVpcPeeringConnection", "InvalidStateTransition", GONE, Class::AlreadyDone),
        ("ec2:AcceptVpcPeeringConnection", "InvalidStateTransition", PEERED, Class::AlreadyDone),
        ("ec2:AcceptVpcPeeringConnection", "InvalidStateTransition", REJECTED, Class::Invalid),
        ("ec2:AcceptVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", "", Class::NotYet),
        ("ec2:DetachInternetGateway", "Gateway.NotAttached", "", Class::AlreadyDone),
        ("ec2:ReleaseAddress", "InvalidAllocationID.NotFound", "", Class::AlreadyDone),
        ("ec2:DisassociateRouteTable", "InvalidAssociationID.NotFound", "", Class::AlreadyDone),
        ("ec2:RevokeSecurityGroupEgress", "InvalidPermission.NotFound", "", Class::AlreadyDone),
        ("ec2:AuthorizeSecurityGroupEgress", "InvalidPermission.Duplicate", "", Class::AlreadyDone),
        ("ec2:AuthorizeSecurityGroupEgress", "InvalidGroup.NotFound", "", Class::NotYet),
        ("ec2:CreateRoute", "RouteAlreadyExists", "", Class::AlreadyDone),
        ("ec2:CreateNetworkAclEntry", "NetworkAclEntryAlreadyExists", "", Class::AlreadyDone),
        ("ec2:CreateFlowLogs", "FlowLogAlreadyExists", "", Class::AlreadyDone),
        ("ec2:AssociateRouteTable", "Resource.AlreadyAssociated", "", Class::AlreadyDone),
        ("ec2:AttachInternetGateway", "Resource.AlreadyAssociated", "", Class::AlreadyDone),
        ("lambda:DeleteFunction", "ResourceNotFoundException", "", Class::AlreadyDone),
        ("sts:AssumeRole", "AccessDenied", "", Class::NotReady),
        ("ec2:CreateVpc", "OptInRequired", "", Class::NotReady),
        ("ec2:CreateVpc", "AuthFailure", "", Class::NotReady),
        ("ec2:CreateVpc", "UnauthorizedOperation", "", Class::Denied),
        ("ec2:DeleteSubnet", "UnauthorizedOperation", "", Class::Denied),
        ("dynamodb:PutItem", "ConditionalCheckFailedException", "", Class::Conflict),
        (
            "dynamodb:TransactWriteItems",
            "TransactionCanceledException",
            "[None, ConditionalCheckFailed]",
            Class::Conflict,
        ),
        (
            "dynamodb:TransactWriteItems",
            "TransactionCanceledException",
            "[ThrottlingError]",
            Class::Throttled,
        ),
        ("dynamodb:TransactWriteItems", "TransactionCanceledException", "[ValidationError]", Class::Invalid),
        ("sqs:SendMessage", "timeout", "", Class::Transient),
        ("ec2:CreateSubnet", "InvalidSubnet.Conflict", "", Class::NotYet),
        ("ec2:CreateVpcEndpoint", "RouteAlreadyExists", "", Class::NotYet),
        (
            "ec2:AttachInternetGateway",
            "InvalidParameterValue",
            "Network vpc-1 already has an internet gateway attached",
            Class::NotYet,
        ),
        ("plan", "order", "", Class::Invalid),
    ];

    #[test]
    fn each_code_is_told_apart_by_what_can_be_done_about_it() {
        for (operation, code, message, class) in CASES {
            let error =
                AwsError { operation, subject: "x".into(), code: (*code).into(), message: (*message).into() };
            assert_eq!(error.class(), *class, "{error}");
        }
    }
}
