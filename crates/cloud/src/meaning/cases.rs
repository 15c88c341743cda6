//! An example for each row of the table.

use super::*;

const CASES: &[(&str, &str, &str, Class)] = &[
    // A role, a subnet or an account that was made a moment ago.
    ("scheduler:CreateSchedule", "ValidationException", TRUST, EventuallyConsistent),
    ("scheduler:UpdateSchedule", "ValidationException", TRUST, EventuallyConsistent),
    ("scheduler:CreateSchedule", "ValidationException", "Invalid Schedule Expression rate(0)", Invalid),
    ("lambda:PutFunctionEventInvokeConfig", PARAMETER, DESTINATION, EventuallyConsistent),
    ("lambda:PutFunctionEventInvokeConfig", PARAMETER, PUT_EVENTS, EventuallyConsistent),
    ("lambda:PutFunctionEventInvokeConfig", PARAMETER, "MaximumRetryAttempts is too large", Invalid),
    (
        "lambda:PutFunctionEventInvokeConfig",
        "ResourceConflictException",
        "update in progress",
        EventuallyConsistent,
    ),
    ("lambda:PutFunctionEventInvokeConfig", "ResourceNotFoundException", "", EventuallyConsistent),
    ("lambda:CreateFunction", PARAMETER, EC2_THROTTLES, Throttled),
    ("lambda:UpdateFunctionConfiguration", PARAMETER, EC2_THROTTLES, Throttled),
    (
        "lambda:CreateFunction",
        PARAMETER,
        "The role defined for the function cannot be assumed by Lambda.",
        EventuallyConsistent,
    ),
    ("lambda:CreateFunction", PARAMETER, NO_INTERFACE, EventuallyConsistent),
    ("lambda:CreateFunction", PARAMETER, "The subnet ID 'subnet-1' does not exist", EventuallyConsistent),
    (
        "lambda:UpdateFunctionConfiguration",
        PARAMETER,
        "EC2 Error Code: InvalidSecurityGroupID.NotFound",
        EventuallyConsistent,
    ),
    ("lambda:CreateFunction", PARAMETER, "MemorySize is too small", Invalid),
    (
        "lambda:UpdateFunctionCode",
        "ResourceConflictException",
        "An update is in progress",
        EventuallyConsistent,
    ),
    ("lambda:UpdateFunctionCode", "ResourceNotFoundException", "", EventuallyConsistent),
    ("ec2:CreateFlowLogs", "400", "Access Denied for LogDestination: logs. Please check permission", Denied),
    ("ec2:CreateFlowLogs", "400", "Unknown log format", Invalid),
    ("sts:AssumeRole", "AccessDenied", "", AccountNotReady),
    ("sts:AssumeRole", "RegionDisabledException", "", AccountNotReady),
    ("ec2:CreateVpc", "OptInRequired", "", AccountNotReady),
    ("ec2:CreateVpc", "PendingVerification", "", AccountNotReady),
    ("ec2:CreateVpc", "AuthFailure", "", AccountNotReady),
    ("ec2:DescribeVpcs", "InvalidClientTokenId", "", AccountNotReady),
    ("lambda:CreateFunction", "UnrecognizedClientException", "", AccountNotReady),
    // A stack that is changed, or is not there.
    ("cloudformation:CreateChangeSet", "AlreadyExistsException", "", AlreadyDone),
    ("cloudformation:DescribeStacks", "ValidationError", "Stack with id pack does not exist", AlreadyDone),
    ("s3:GetAccountPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "was not found", AlreadyDone),
    ("kms:DescribeKey", "NotFoundException", "Alias alias/volumes is not found.", AlreadyDone),
    (
        "cloudformation:CreateChangeSet",
        "ValidationError",
        "Stack:pack is in UPDATE_IN_PROGRESS state and can not be updated.",
        EventuallyConsistent,
    ),
    ("cloudformation:CreateChangeSet", "ValidationError", "Template format error", Invalid),
    ("cloudformation:ExecuteChangeSet", "InvalidChangeSetStatus", "", EventuallyConsistent),
    // Made or deleted a moment ago, by this run or an earlier one.
    ("ec2:CreateRoute", "InvalidNatGatewayID.NotFound", "", EventuallyConsistent),
    ("ec2:CreateRoute", "NatGatewayNotFound", "", EventuallyConsistent),
    ("ec2:CreateNatGateway", "Gateway.NotAttached", "", EventuallyConsistent),
    ("ec2:CreateNatGateway", "Resource.AlreadyAssociated", "", EventuallyConsistent),
    ("ec2:CreateVpcPeeringConnection", "VpcPeeringConnectionAlreadyExists", "", EventuallyConsistent),
    ("ec2:CreateSubnet", "InvalidSubnet.Conflict", "", EventuallyConsistent),
    ("ec2:CreateSecurityGroup", "InvalidGroup.Duplicate", "", EventuallyConsistent),
    ("ec2:CreateVpcEndpoint", "RouteAlreadyExists", "", EventuallyConsistent),
    ("ec2:CreateTags", "ConcurrentTagAccess", "", EventuallyConsistent),
    ("ec2:ModifyVpcEndpoint", "ConcurrentMutationLimitExceeded", "", EventuallyConsistent),
    (
        "ec2:AttachInternetGateway",
        "InvalidParameterValue",
        "Network vpc-1 already has an internet gateway attached",
        EventuallyConsistent,
    ),
    ("ec2:AcceptVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", "", EventuallyConsistent),
    (
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "attempted to transition from provisioning to active",
        EventuallyConsistent,
    ),
    (
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "transition from initiating-request to active",
        EventuallyConsistent,
    ),
    (
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "transition from rejected to provisioning",
        Invalid,
    ),
    ("ec2:AuthorizeSecurityGroupEgress", "InvalidGroup.NotFound", "", EventuallyConsistent),
    ("ec2:DeleteSubnet", "DependencyViolation", "", EventuallyConsistent),
    ("ec2:DeleteSecurityGroup", "InvalidGroup.InUse", "", EventuallyConsistent),
    ("ec2:DeleteSubnet", "InvalidNetworkInterface.InUse", "", EventuallyConsistent),
    ("ec2:DeleteVpcEndpoints", "IncorrectState", "", EventuallyConsistent),
    ("ec2:DeleteVpc", "InvalidVpcState", "", EventuallyConsistent),
    ("ec2:ReleaseAddress", "AuthFailure", "", EventuallyConsistent),
    ("ec2:ReleaseAddress", "InvalidIPAddress.InUse", "", EventuallyConsistent),
    ("ec2:ReleaseAddress", "InvalidAddress.Locked", "", EventuallyConsistent),
    ("scheduler:DeleteSchedule", "ConflictException", "", EventuallyConsistent),
    // So already.
    (
        "lambda:CreateFunction",
        "ResourceConflictException",
        "Function already exist: phonehome-probe-use1-az1",
        AlreadyDone,
    ),
    ("scheduler:CreateSchedule", "ConflictException", "Schedule phonehome already exists.", AlreadyDone),
    ("ec2:CreateRoute", "RouteAlreadyExists", "", AlreadyDone),
    ("ec2:CreateNetworkAclEntry", "NetworkAclEntryAlreadyExists", "", AlreadyDone),
    ("ec2:CreateFlowLogs", "FlowLogAlreadyExists", "", AlreadyDone),
    ("ec2:AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", "", AlreadyDone),
    ("ec2:AssociateRouteTable", "Resource.AlreadyAssociated", "", AlreadyDone),
    ("ec2:AttachInternetGateway", "Resource.AlreadyAssociated", "", AlreadyDone),
    ("ec2:DeleteSubnet", "InvalidSubnetID.NotFound", "", AlreadyDone),
    ("ec2:DeleteFlowLogs", "Client.InvalidFlowLogId.NotFound", "", AlreadyDone),
    ("ec2:DeleteNatGateway", "NatGatewayNotFound", "", AlreadyDone),
    ("ec2:DeleteVpcPeeringConnection", "InvalidVpcPeeringConnectionID.NotFound", "", AlreadyDone),
    (
        "ec2:DeleteVpcPeeringConnection",
        "InvalidStateTransition",
        "transition from deleted to deleting",
        AlreadyDone,
    ),
    (
        "ec2:DeleteVpcPeeringConnection",
        "InvalidStateTransition",
        "transition from failed to deleting",
        AlreadyDone,
    ),
    (
        "ec2:AcceptVpcPeeringConnection",
        "InvalidStateTransition",
        "transition from active to provisioning",
        AlreadyDone,
    ),
    ("ec2:DetachInternetGateway", "Gateway.NotAttached", "", AlreadyDone),
    ("ec2:ReleaseAddress", "InvalidAllocationID.NotFound", "", AlreadyDone),
    ("ec2:RevokeSecurityGroupEgress", "InvalidPermission.NotFound", "", AlreadyDone),
    ("lambda:DeleteFunction", "ResourceNotFoundException", "", AlreadyDone),
    ("scheduler:DeleteSchedule", "ResourceNotFoundException", "", AlreadyDone),
    ("iam:DeleteAccessKey", "NoSuchEntity", "", AlreadyDone),
    // Too fast.
    ("ec2:CreateVpc", "RequestLimitExceeded", "", Throttled),
    ("ec2:CreateVpc", "Client.RequestLimitExceeded", "", Throttled),
    ("organizations:ListAccounts", "TooManyRequestsException", "", Throttled),
    ("dynamodb:PutItem", "ProvisionedThroughputExceededException", "", Throttled),
    ("sts:AssumeRole", "Throttling", "", Throttled),
    ("scheduler:CreateSchedule", "ThrottlingException", "", Throttled),
    ("sqs:SendMessage", "RequestThrottled", "", Throttled),
    ("sqs:SendMessage", "KmsThrottled", "", Throttled),
    ("sns:Publish", "KMSThrottling", "", Throttled),
    ("ec2:CreateVpc", "PriorRequestNotComplete", "", Throttled),
    // Somebody else wrote.
    ("dynamodb:PutItem", "ConditionalCheckFailedException", "", Conflict),
    ("dynamodb:PutItem", "TransactionConflictException", "", Conflict),
    ("dynamodb:TransactWriteItems", CANCELED, "[None, ConditionalCheckFailed]", Conflict),
    ("dynamodb:TransactWriteItems", CANCELED, "[TransactionConflict, None]", Conflict),
    ("dynamodb:TransactWriteItems", CANCELED, "[ThrottlingError, ConditionalCheckFailed]", Conflict),
    ("dynamodb:TransactWriteItems", CANCELED, "[ThrottlingError]", Throttled),
    ("dynamodb:TransactWriteItems", CANCELED, "[ValidationError]", Invalid),
    ("dynamodb:TransactWriteItems", CANCELED, "[ItemCollectionSizeLimitExceeded]", Invalid),
    ("dynamodb:TransactWriteItems", "TransactionInProgressException", "", Transient),
    // The network or the service.
    ("sqs:SendMessage", "RequestTimeout", "", Transient),
    ("ec2:CreateVpc", "InternalError", "", Transient),
    ("ec2:CreateVpc", "Server.InternalError", "", Transient),
    ("secretsmanager:GetSecretValue", "InternalServiceError", "", Transient),
    ("cloudwatch:PutMetricData", "InternalServiceFault", "", Transient),
    ("organizations:DescribeAccount", "ServiceException", "", Transient),
    ("ec2:AllocateAddress", "InsufficientAddressCapacity", "", Transient),
    ("ec2:DescribeVpcs", "RequestExpired", "", Transient),
    // The role may not, or the request is wrong.
    ("ec2:CreateVpc", "UnauthorizedOperation", "", Denied),
    ("ec2:DeleteSubnet", "Client.UnauthorizedOperation", "", Denied),
    ("sns:Publish", "AuthorizationError", "", Denied),
    ("ec2:CreateSubnet", "InvalidSubnet.Range", "", Invalid),
    ("lambda:CreateFunction", "unknown", "", Invalid),
    ("organizations:DescribeOrganization", "AWSOrganizationsNotInUseException", "", Invalid),
    // Quotas.
    ("ec2:CreateVpc", "VpcLimitExceeded", "", Invalid),
    ("ec2:CreateInternetGateway", "InternetGatewayLimitExceeded", "", Invalid),
    ("ec2:AllocateAddress", "AddressLimitExceeded", "", Invalid),
    ("ec2:CreateNatGateway", "NatGatewayLimitExceeded", "", Invalid),
    ("ec2:CreateSubnet", "SubnetLimitExceeded", "", Invalid),
    ("ec2:CreateRouteTable", "RouteTableLimitExceeded", "", Invalid),
    ("ec2:CreateRoute", "RouteLimitExceeded", "", Invalid),
    ("ec2:CreateSecurityGroup", "SecurityGroupLimitExceeded", "", Invalid),
    ("ec2:AuthorizeSecurityGroupEgress", "RulesPerSecurityGroupLimitExceeded", "", Invalid),
    ("ec2:CreateNetworkAclEntry", "NetworkAclEntryLimitExceeded", "", Invalid),
    ("ec2:CreateVpcEndpoint", "VpcEndpointLimitExceeded", "", Invalid),
    ("ec2:CreateFlowLogs", "FlowLogsLimitExceeded", "", Invalid),
    ("ec2:CreateVpcPeeringConnection", "OutstandingVpcPeeringConnectionLimitExceeded", "", Invalid),
    ("ec2:AcceptVpcPeeringConnection", "ActiveVpcPeeringConnectionPerVpcLimitExceeded", "", Invalid),
    ("ec2:CreateTags", "TagLimitExceeded", "", Invalid),
    ("lambda:CreateFunction", "CodeStorageExceededException", "", Invalid),
    ("scheduler:CreateSchedule", "ServiceQuotaExceededException", "", Invalid),
    ("ec2:CreateVpc", "SomethingNewLimitExceeded", "", Invalid),
];

const TRUST: &str = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
const DESTINATION: &str =
    "The destination ARN arn:aws:events:us-east-1:111122223333:event-bus/phonehome is invalid.";
const PUT_EVENTS: &str =
    "The function's execution role does not have permissions to call PutEvents on arn:aws:…";
const EC2_THROTTLES: &str = "Your request has been throttled by EC2, please make sure you have enough API rate \
                             limit. EC2 Error Code: RequestLimitExceeded.";
const NO_INTERFACE: &str =
    "The provided execution role does not have permissions to call CreateNetworkInterface on EC2";

fn error(operation: &'static str, code: &str, message: &str) -> CloudError {
    CloudError::service(operation, "x", code, message)
}

#[test]
fn each_error_is_distinguished_by_what_can_be_done_about_it() {
    for (operation, code, message, class) in CASES {
        let error = error(operation, code, message);
        assert_eq!(error.class(), *class, "{error}");
        assert_eq!(
            self::error(operation, code, &message.to_uppercase()).class(),
            *class,
            "{error}, in capitals"
        );
    }
}

#[test]
fn each_row_decides_an_example_and_says_where_it_comes_from() {
    let decides = |row: &Row| {
        let first = |(operation, code, message, _): &(&'static str, &str, &str, Class)| {
            TABLE
                .iter()
                .find(|row| row.fits(operation, code, message))
                .is_some_and(|first| std::ptr::eq(first, row))
        };
        CASES.iter().any(first)
    };
    let idle: Vec<&Row> = TABLE.iter().filter(|row| !decides(row) || row.source.is_empty()).collect();
    assert!(idle.is_empty(), "no example is decided by {idle:#?}");
}

#[test]
fn what_the_sdk_itself_tries_again_is_never_final() {
    for code in [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
    ] {
        for operation in
            ["dynamodb:TransactWriteItems", "ec2:CreateVpc", "lambda:CreateFunction", "sqs:SendMessage"]
        {
            let class = error(operation, code, "").class();
            let is_dynamodbs =
                code == "TransactionInProgressException" && operation != "dynamodb:TransactWriteItems";
            assert!(is_dynamodbs || matches!(class, Throttled | Transient), "{operation} {code}: {class:?}");
        }
    }
}

#[test]
fn a_quota_is_reported_with_what_to_do() {
    for (operation, code, ..) in
        CASES.iter().filter(|case| case.1.contains("LimitExceeded") && case.3 == Invalid)
    {
        let error = error(operation, code, "The maximum has been reached");
        assert!(!error.advice().is_empty(), "{error}");
        assert!(error.to_string().ends_with(&format!(". In that account: {}", error.advice())), "{error}");
    }
    let other = error("ec2:CreateVpc", "InvalidParameterValue", "no");
    assert_eq!(
        (other.advice(), other.to_string().as_str()),
        ("", "ec2:CreateVpc (x): InvalidParameterValue: no")
    );
}

#[test]
fn what_is_not_there_and_what_a_policy_forbids_are_distinguished() {
    for (code, missing) in [
        ("ResourceNotFoundException", true),
        ("AccountNotFoundException", true),
        ("InvalidVpcID.NotFound", true),
        ("Client.InvalidVpcID.NotFound", true),
        ("NatGatewayNotFound", true),
        ("AccessDenied", false),
        ("NotFoundAtAll", false),
    ] {
        assert_eq!(error("lambda:GetFunctionConfiguration", code, "").says_missing(), missing, "{code}");
    }
    let by_policy = "not authorized, with an explicit deny in a service control policy";
    assert!(error("ec2:DescribeVpcs", "UnauthorizedOperation", by_policy).is_forbidden());
    assert!(!error("ec2:DescribeVpcs", "UnauthorizedOperation", "no policy allows it").is_forbidden());
    assert!(!error("ec2:DescribeVpcs", "InvalidParameterValue", by_policy).is_forbidden());
}
