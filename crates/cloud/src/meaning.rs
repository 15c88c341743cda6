//! What AWS's errors mean: one table, read from above, of which the first row that fits decides.
//!
//! AWS has few codes for many causes, so some rows also look into the message. This is the only place
//! that does, and the only one that knows codes. Each row names where it comes from; `cases.rs` has an
//! example for each row, `considered.rs` says for each operation that is called what it may answer.

use crate::{Cause, Class, CloudError};

use Class::{
    AccountNotReady, AlreadyDone, Conflict, Denied, EventuallyConsistent, Invalid, Throttled, Transient,
};

/// One line of the table. A `*` at the beginning or the end of a pattern stands for anything.
#[derive(Debug)]
pub(crate) struct Row {
    /// Which operations, by patterns with spaces between.
    operations: &'static str,
    /// Which codes, likewise.
    codes: &'static str,
    /// What the message contains, whatever its case; empty for any message.
    message: &'static str,
    class: Class,
    /// Where it comes from.
    #[cfg_attr(not(test), allow(dead_code, reason = "for people, and for a test"))]
    pub(crate) source: &'static str,
    /// What people can do about it; empty where waiting is all.
    advice: &'static str,
}

const fn row(
    operations: &'static str,
    codes: &'static str,
    message: &'static str,
    class: Class,
    source: &'static str,
) -> Row {
    Row { operations, codes, message, class, source, advice: "" }
}

/// A quota of the account. Waiting does not help, so people are told at once.
const fn quota(codes: &'static str, advice: &'static str) -> Row {
    Row { operations: "*", codes, message: "", class: Invalid, source: EC2, advice }
}

/// AWS's list of EC2's error codes.
const EC2: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html";
/// AWS's list of errors that every service may answer.
const COMMON: &str = "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html";
/// What the SDKs themselves try again.
const SDK: &str = "aws-runtime src/retries/classifiers.rs; botocore retries/standard.py, data/_retry.json";
/// The services' own models.
const MODEL: &str = "botocore data/*/service-2.json: the operation's errors";
const DYNAMODB: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html";
const FLOW_LOGS: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html";
const NEW_ACCOUNT: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_troubleshoot_general.html";
const CLOUDFORMATION: &str =
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html";
/// hashicorp/terraform-provider-aws, which retries these.
const TF_EC2: &str = "terraform-provider-aws internal/service/ec2/errors.go and the vpc_*.go that use it";
const TF_FUNCTION: &str = "terraform-provider-aws internal/service/lambda/function.go, retryFunctionOp";
const TF_DESTINATION: &str = "terraform-provider-aws internal/service/lambda/function_event_invoke_config.go";
const TF_SCHEDULE: &str = "terraform-provider-aws internal/service/scheduler/retry.go";
pub(crate) static TABLE: &[Row] = &[
    // What is so already.
    row("ec2:ReleaseAddress", "AuthFailure", "", EventuallyConsistent, TF_EC2),
    row("ec2:ReleaseAddress", "InvalidAddress.Locked InvalidIPAddress.InUse", "", EventuallyConsistent, EC2),
    row(UNDOING, MISSING, "", AlreadyDone, EC2),
    row("ec2:CreateRoute", "RouteAlreadyExists", "", AlreadyDone, EC2),
    row("ec2:CreateNetworkAclEntry", "NetworkAclEntryAlreadyExists", "", AlreadyDone, TF_EC2),
    row("ec2:CreateFlowLogs", "FlowLogAlreadyExists", "", AlreadyDone, EC2),
    row("ec2:Authorize*", "InvalidPermission.Duplicate", "", AlreadyDone, EC2),
    row("ec2:Associate* ec2:Attach*", "Resource.AlreadyAssociated", "", AlreadyDone, EC2),
    // Names are given by the caller here, so what has the name is what was wanted.
    row("lambda:CreateFunction", "ResourceConflictException", "already exist", AlreadyDone, MODEL),
    row("scheduler:CreateSchedule", "ConflictException", "", AlreadyDone, MODEL),
    row("cloudformation:CreateChangeSet", "AlreadyExistsException", "", AlreadyDone, CLOUDFORMATION),
    row("iam:DeleteAccessKey iam:UpdateAccessKey", "NoSuchEntity", "", AlreadyDone, MODEL),
    // There is no stack to be described: nothing is to be looked at.
    row("cloudformation:DescribeStacks", "ValidationError", "does not exist", AlreadyDone, CLOUDFORMATION),
    // Nor is there a block of public access, or a key of that name.
    row("s3:GetAccountPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "", AlreadyDone, MODEL),
    row("kms:DescribeKey", "NotFoundException", "", AlreadyDone, MODEL),
    row("ec2:DeleteVpcPeeringConnection", "InvalidStateTransition", "from deleted", AlreadyDone, TF_EC2),
    row("ec2:DeleteVpcPeeringConnection", "InvalidStateTransition", "from failed", AlreadyDone, TF_EC2),
    row("ec2:AcceptVpcPeeringConnection", "InvalidStateTransition", "from active", AlreadyDone, EC2),
    // What takes a moment more.
    row("cloudformation:*", "ValidationError", "_in_progress state", EventuallyConsistent, CLOUDFORMATION),
    row(
        "cloudformation:*",
        "InvalidChangeSetStatus OperationInProgressException TokenAlreadyExistsException",
        "",
        EventuallyConsistent,
        CLOUDFORMATION,
    ),
    row(
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "from initiating-request",
        EventuallyConsistent,
        EC2,
    ),
    row(
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "from provisioning",
        EventuallyConsistent,
        EC2,
    ),
    // Made by an earlier call whose answer was lost, and not visible yet. Should a subnet or a group be
    // somebody else's, the account waits its 15 minutes, and then people are reported.
    row("ec2:CreateVpcEndpoint ec2:ModifyVpcEndpoint", "RouteAlreadyExists", "", EventuallyConsistent, EC2),
    row(
        "ec2:AttachInternetGateway",
        "InvalidParameterValue",
        "already has an internet gateway",
        EventuallyConsistent,
        EC2,
    ),
    row(
        "ec2:*",
        "Resource.AlreadyAssociated VpcPeeringConnectionAlreadyExists",
        "",
        EventuallyConsistent,
        EC2,
    ),
    row("ec2:*", "InvalidSubnet.Conflict InvalidGroup.Duplicate", "", EventuallyConsistent, EC2),
    // Something still uses it, or it is on its way to another state.
    row("ec2:*", "DependencyViolation Gateway.NotAttached", "", EventuallyConsistent, TF_EC2),
    row(
        "ec2:*",
        "InvalidGroup.InUse InvalidNetworkInterface.InUse InvalidIPAddress.InUse",
        "",
        EventuallyConsistent,
        TF_EC2,
    ),
    row(
        "ec2:*",
        "IncorrectState InvalidState InvalidVpcState ResourceNotReady",
        "",
        EventuallyConsistent,
        TF_EC2,
    ),
    row("ec2:*", "ConcurrentTagAccess", "", EventuallyConsistent, EC2),
    row("ec2:*", "ConcurrentMutationLimitExceeded", "", EventuallyConsistent, TF_EC2),
    row("lambda:*", "ResourceConflictException", "", EventuallyConsistent, TF_FUNCTION),
    row("scheduler:*", "ConflictException", "", EventuallyConsistent, MODEL),
    // A role that was made a moment ago has not reached the service that is to assume it.
    row(
        "scheduler:*",
        "ValidationException",
        "must allow aws eventbridge scheduler to assume",
        EventuallyConsistent,
        TF_SCHEDULE,
    ),
    row(
        "lambda:PutFunctionEventInvokeConfig",
        PARAMETER,
        "destination arn",
        EventuallyConsistent,
        TF_DESTINATION,
    ),
    row(
        "lambda:PutFunctionEventInvokeConfig",
        PARAMETER,
        "does not have permissions",
        EventuallyConsistent,
        TF_DESTINATION,
    ),
    row(FUNCTION, PARAMETER, "throttled by ec2", Throttled, TF_FUNCTION),
    row(FUNCTION, PARAMETER, "cannot be assumed by lambda", EventuallyConsistent, TF_FUNCTION),
    row(FUNCTION, PARAMETER, "does not have permissions", EventuallyConsistent, TF_FUNCTION),
    // A subnet or a security group on its way to Lambda, which quotes EC2: "… ID does not exist. EC2 Error
    // Code: InvalidSubnetID.NotFound".
    row(FUNCTION, PARAMETER, "notfound", EventuallyConsistent, TF_FUNCTION),
    row(FUNCTION, PARAMETER, "does not exist", EventuallyConsistent, TF_FUNCTION),
    // The bucket's policy is the hub's. It may know an account of the organization a little later.
    row("ec2:CreateFlowLogs", "400 AccessDenied*", "access denied for logdestination", Denied, FLOW_LOGS),
    // Too fast.
    row(
        "*",
        "Throttling* ThrottledException RequestLimitExceeded EC2ThrottledException SlowDown",
        "",
        Throttled,
        SDK,
    ),
    row("*", "RequestThrottled* TooManyRequestsException BandwidthLimitExceeded", "", Throttled, SDK),
    row("*", "ProvisionedThroughputExceededException LimitExceededException", "", Throttled, SDK),
    row("*", "PriorRequestNotComplete", "", Throttled, SDK),
    row("*", "KmsThrottled KMSThrottling* Throttled", "", Throttled, MODEL),
    // Somebody else wrote.
    row("*", "ConditionalCheckFailedException", "", Conflict, DYNAMODB),
    row("*", "TransactionConflictException ReplicatedWriteConflictException", "", Conflict, MODEL),
    // The message has a reason for each item: "[None, ConditionalCheckFailed]".
    row("dynamodb:*", CANCELED, "conditionalcheckfailed", Conflict, DYNAMODB),
    row("dynamodb:*", CANCELED, "transactionconflict", Conflict, DYNAMODB),
    row("dynamodb:*", CANCELED, "validationerror", Invalid, DYNAMODB),
    row("dynamodb:*", CANCELED, "itemcollectionsizelimitexceeded", Invalid, DYNAMODB),
    row("dynamodb:*", CANCELED, "", Throttled, DYNAMODB),
    row("dynamodb:*", "TransactionInProgressException", "", Transient, SDK),
    // The network or the service.
    row("*", "RequestTimeout RequestTimeoutException", "", Transient, SDK),
    row(
        "*",
        "InternalError InternalFailure InternalServerError InternalServerException",
        "",
        Transient,
        COMMON,
    ),
    row("*", "InternalServiceError InternalServiceFault InternalServiceException", "", Transient, MODEL),
    row(
        "*",
        "ServiceException ServiceUnavailable ServiceUnavailableException Unavailable",
        "",
        Transient,
        COMMON,
    ),
    row("ec2:*", "InsufficientAddressCapacity InsufficientCapacity", "", Transient, EC2),
    // A run has new credentials each time.
    row("*", "ExpiredToken ExpiredTokenException RequestExpired", "", Transient, COMMON),
    // An account that is too young, or a Region that is being enabled.
    row("sts:AssumeRole", "AccessDenied* UnauthorizedOperation", "", AccountNotReady, NEW_ACCOUNT),
    row("sts:AssumeRole", "RegionDisabledException", "", AccountNotReady, MODEL),
    row("*", "InvalidClientTokenId UnrecognizedClientException AuthFailure", "", AccountNotReady, EC2),
    row("*", "OptInRequired SubscriptionRequiredException PendingVerification", "", AccountNotReady, EC2),
    // A role without the right.
    row(
        "*",
        "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError*",
        "",
        Denied,
        COMMON,
    ),
    Row {
        operations: "*",
        codes: "AWSOrganizationsNotInUseException",
        message: "",
        class: Invalid,
        source: MODEL,
        advice: "there is none, so these credentials are of an account without an organization: use those of the \
                 organization's management account",
    },
    // The account's quotas.
    quota("VpcLimitExceeded", "raise its quota \"VPCs per Region\", or delete a VPC that nobody needs"),
    quota(
        "InternetGatewayLimitExceeded",
        "raise its quota \"Internet gateways per Region\", or delete one that nobody needs",
    ),
    quota(
        "AddressLimitExceeded",
        "raise its quota \"EC2-VPC Elastic IPs\", release addresses that nobody needs, or declare fewer NAT gateways",
    ),
    quota(
        "NatGatewayLimitExceeded",
        "raise its quota \"NAT gateways per Availability Zone\", or delete one that nobody needs",
    ),
    quota("SubnetLimitExceeded", "raise its quota \"Subnets per VPC\""),
    quota("RouteTableLimitExceeded", "raise its quota \"Route tables per VPC\""),
    quota("RouteLimitExceeded", "raise its quota \"Routes per route table\", or declare fewer connections"),
    quota(
        "SecurityGroupLimitExceeded",
        "raise its quota \"VPC security groups per Region\", or delete groups that nobody needs",
    ),
    quota(
        "RulesPerSecurityGroupLimitExceeded",
        "raise its quota \"Inbound or outbound rules per security group\"",
    ),
    quota("NetworkAclEntryLimitExceeded", "raise its quota \"Rules per network ACL\""),
    quota("VpcEndpointLimitExceeded", "raise its quota \"Gateway VPC endpoints per Region\""),
    quota("FlowLogsLimitExceeded FlowLogLimitExceeded", "delete a flow log that nobody needs"),
    quota("OutstandingVpcPeeringConnectionLimitExceeded", "accept or reject peerings that nobody answered"),
    quota(
        "*VpcPeeringConnectionPerVpcLimitExceeded *VpcPeeringConnectionsPerVpcLimitExceeded",
        "raise its quota \"Active VPC peering connections per VPC\", or declare fewer connections",
    ),
    quota("TagLimitExceeded", "remove tags from the resource: AWS allows 50"),
    quota(
        "CodeStorageExceededException",
        "raise its Lambda quota \"Function and layer storage\", or delete functions",
    ),
    quota("ServiceQuotaExceededException", "raise the quota that the message names"),
    quota("*LimitExceeded *LimitExceededException", "raise the quota that the message names"),
    // What was made a moment ago and is not there yet.
    row("ec2:* lambda:* scheduler:* dynamodb:*", MISSING, "", EventuallyConsistent, EC2),
];

/// Calls that take something away, so that they are done when it is not there.
const UNDOING: &str = "ec2:Delete* ec2:Detach* ec2:Release* ec2:Revoke* lambda:Delete* \
                       scheduler:Delete*";
/// Codes which say that there is no such thing.
const MISSING: &str = "*NotFound *NotFoundException Gateway.NotAttached NoSuchEntity";
/// Lambda's code for nearly everything.
const PARAMETER: &str = "InvalidParameterValueException";
const FUNCTION: &str = "lambda:CreateFunction lambda:UpdateFunctionConfiguration lambda:UpdateFunctionCode";
const CANCELED: &str = "TransactionCanceledException";

impl Row {
    pub(crate) fn fits(&self, operation: &str, code: &str, message: &str) -> bool {
        matches_any(self.operations, operation)
            && matches_any(self.codes, bare(code))
            && message.to_ascii_lowercase().contains(self.message)
    }
}

impl CloudError {
    /// What can be done about it. The same code can mean different things for different operations.
    /// What is not in the table is wrong in the request: trying again does not help.
    pub fn class(&self) -> Class {
        match &self.cause {
            Cause::Service { .. } => self.row().map_or(Invalid, |row| row.class),
            // 509 is Bandwidth Limit Exceeded; both are what the SDKs take for a throttle.
            Cause::Http { status: 429 | 509, .. } | Cause::LocalThrottle { .. } => Throttled,
            Cause::Http { .. } | Cause::Timeout | Cause::Connection(_) | Cause::Response(_) => Transient,
            Cause::Request(_) => Invalid,
            Cause::NotSeenYet(_) => EventuallyConsistent,
        }
    }

    /// What people can do about it, where they can do something; empty otherwise.
    pub fn advice(&self) -> &'static str {
        self.row().map_or("", |row| row.advice)
    }

    /// Whether it says that there is nothing of the name or id that was asked for.
    pub fn says_missing(&self) -> bool {
        self.code().is_some_and(|code| matches_any(MISSING, bare(code)))
    }

    /// Whether a policy forbids it by name, such as one that closes a Region to the organization, and not
    /// merely no policy allows it.
    pub fn is_forbidden(&self) -> bool {
        match &self.cause {
            Cause::Service { message, .. } => {
                self.class() == Denied && message.to_ascii_lowercase().contains("explicit deny")
            }
            _ => false,
        }
    }

    fn row(&self) -> Option<&'static Row> {
        let Cause::Service { code, message } = &self.cause else { return None };
        TABLE.iter().find(|row| row.fits(self.operation, code, message))
    }
}

/// EC2 writes `Client.InvalidVpcID.NotFound` where it lists what it did not do.
fn bare(code: &str) -> &str {
    code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code)
}

fn matches_any(patterns: &str, text: &str) -> bool {
    patterns.split(' ').any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    })
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod considered;
