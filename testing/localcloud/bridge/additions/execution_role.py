"""What CloudFormation may do with a stack's role: the rights that a resource takes, as far as starter packs need them. A
kind that is not named here takes none."""

import contextlib
import contextvars
import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, kms
from ministack.services.cloudformation import stacks

from .permissions import account_of, role_allows
from .replacing import replaces

# The role of the operation that is under way; its task copies it.
_role = contextvars.ContextVar("phonehome_execution_role", default="")

BUCKET_PROPERTIES = {
    "BucketEncryption": "s3:PutEncryptionConfiguration",
    "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "LoggingConfiguration": "s3:PutBucketLogging",
    "OwnershipControls": "s3:PutBucketOwnershipControls",
    "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
    "ReplicationConfiguration": "s3:PutReplicationConfiguration",
    "VersioningConfiguration": "s3:PutBucketVersioning",
}


@contextlib.contextmanager
def carried_out_with(role):
    token = _role.set(role or "")
    try:
        yield
    finally:
        _role.reset(token)


def is_trusted(role_arn):
    """Whether CloudFormation may assume a role of the account."""
    role = iam._roles.get_scoped(account_of(role_arn), None, role_arn.rsplit("/", 1)[-1])
    statements = json.loads(role["AssumeRolePolicyDocument"])["Statement"] if role else []
    services = [(it.get("Principal") or {}).get("Service", []) for it in statements if it["Effect"] == "Allow"]
    return any("cloudformation.amazonaws.com" in ([it] if isinstance(it, str) else it) for it in services)


def must_be_allowed(rights):
    """A resource fails with the first call that the role may not make."""
    role = _role.get()
    for action, resource, keys in rights if role else ():
        if not role_allows(role, action, resource, **{key.lower(): value for key, value in keys.items()}):
            name = role.rsplit("/", 1)[-1]
            raise ValueError(
                f"User: arn:aws:sts::{account_of(role)}:assumed-role/{name}/AWSCloudFormation is not authorized to perform: "
                f"{action} on resource: {resource} because no identity-based policy allows the {action} action"
            )


def tags(prefix, tags_of_resource):
    return {f"{prefix}/{tag['Key']}": tag["Value"] for tag in tags_of_resource or []}


def of_bucket(step, props, old):
    bucket = f"arn:aws:s3:::{props.get('BucketName', '*')}"
    yield from [(f"s3:{step}Bucket", bucket, {})] if step != "Update" else []
    for name, action in BUCKET_PROPERTIES.items():
        if step != "Delete" and props.get(name) != old.get(name):
            yield action, bucket, {}
    forwarding = (props.get("ReplicationConfiguration") or {}).get("Role")
    if step != "Delete" and forwarding:
        yield "iam:PassRole", forwarding, {"iam:PassedToService": "s3.amazonaws.com"}


def of_bucket_policy(step, props, _old):
    yield ("s3:DeleteBucketPolicy" if step == "Delete" else "s3:PutBucketPolicy"), f"arn:aws:s3:::{props['Bucket']}", {}


def of_key(step, props, _old):
    # One that is there has its own, whatever its template says.
    own = key_tags(props["id"]) if "id" in props else tags("aws:ResourceTag", props.get("Tags"))
    key = f"arn:aws:kms:{get_region()}:{get_account_id()}:key/1"
    if step == "Create":
        requested = tags("aws:RequestTag", props.get("Tags"))
        yield "kms:CreateKey", "*", requested
        yield "kms:TagResource", "*", requested
    if step == "Delete":
        days = str(props.get("PendingWindowInDays", 30))
        yield "kms:ScheduleKeyDeletion", key, {**own, "kms:ScheduleKeyDeletionPendingWindowInDays": days}
        return
    if props.get("EnableKeyRotation"):
        yield "kms:EnableKeyRotation", key, own
    if step == "Update":
        yield "kms:PutKeyPolicy", key, own


def of_alias(step, props, _old):
    place = f"arn:aws:kms:{get_region()}:{get_account_id()}"
    yield f"kms:{step}Alias", f"{place}:{props['AliasName']}", {}
    yield f"kms:{step}Alias", f"{place}:key/{props['TargetKeyId']}", key_tags(props["TargetKeyId"])


def key_tags(key):
    """A key's tags are KMS's own: TagKey and TagValue."""
    found = (kms._resolve_key(key) or {}).get("Tags") or []
    return {f"aws:ResourceTag/{tag['TagKey']}": tag["TagValue"] for tag in found}


def of_table(step, props, _old):
    table = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{props.get('TableName', '*')}"
    yield f"dynamodb:{step}Table", table, {}
    if step != "Create":
        return
    yield "dynamodb:TagResource", table, {}
    if props.get("PointInTimeRecoverySpecification"):
        yield "dynamodb:UpdateContinuousBackups", table, {}
    key = (props.get("SSESpecification") or {}).get("KMSMasterKeyId")
    if key:
        yield "kms:DescribeKey", key, key_tags(key)
        yield "kms:CreateGrant", key, {**key_tags(key), "kms:GrantIsForAWSResource": "true"}


def of_role(step, props, old):
    role = f"arn:aws:iam::{get_account_id()}:role{props.get('Path', '/')}{props.get('RoleName', '*')}"
    boundary = props.get("PermissionsBoundary")
    within = {"iam:PermissionsBoundary": boundary} if boundary else {}
    if step == "Delete":
        yield from ((f"iam:{call}", role, within) for call in ("DetachRolePolicy",) if props.get("ManagedPolicyArns"))
        yield from ((f"iam:{call}", role, {}) for call in ("DeleteRolePolicy",) if props.get("Policies"))
        yield "iam:DeleteRole", role, {}
        return
    if step == "Create":
        yield "iam:CreateRole", role, within
        yield "iam:TagRole", role, {}
    if step == "Update" and props.get("AssumeRolePolicyDocument") != old.get("AssumeRolePolicyDocument"):
        yield "iam:UpdateAssumeRolePolicy", role, {}
    if step == "Update" and boundary != old.get("PermissionsBoundary"):
        yield "iam:PutRolePermissionsBoundary", role, within
    if props.get("Policies") and props.get("Policies") != old.get("Policies"):
        yield "iam:PutRolePolicy", role, within
    if props.get("ManagedPolicyArns") and props.get("ManagedPolicyArns") != old.get("ManagedPolicyArns"):
        yield "iam:AttachRolePolicy", role, within


def of_user(step, props, old):
    user = f"arn:aws:iam::{get_account_id()}:user{props.get('Path', '/')}{props.get('UserName', '*')}"
    boundary = props.get("PermissionsBoundary")
    within = {"iam:PermissionsBoundary": boundary} if boundary else {}
    if step == "Delete":
        yield from ((f"iam:{call}", user, within) for call in ("DetachUserPolicy",) if props.get("ManagedPolicyArns"))
        yield "iam:DeleteUser", user, {}
        return
    if step == "Create":
        yield "iam:CreateUser", user, within
        yield "iam:TagUser", user, {}
    if step == "Update" and boundary != old.get("PermissionsBoundary"):
        yield "iam:PutUserPermissionsBoundary", user, within
    if props.get("ManagedPolicyArns") and props.get("ManagedPolicyArns") != old.get("ManagedPolicyArns"):
        yield "iam:AttachUserPolicy", user, within


def of_secret(step, props, _old):
    secret = f"arn:aws:secretsmanager:{get_region()}:{get_account_id()}:secret:{props.get('Name', '*')}-AbCdEf"
    yield f"secretsmanager:{step}Secret", secret, {}
    if step == "Create":
        yield "secretsmanager:TagResource", secret, {}
    if props.get("SecretString") or props.get("GenerateSecretString"):
        yield "secretsmanager:PutSecretValue", secret, {}


def of_provider(step, props, _old):
    provider = f"arn:aws:iam::{get_account_id()}:oidc-provider/{props['Url'].removeprefix('https://')}"
    calls = {"Create": ["Create"], "Delete": ["Delete"], "Update": []}[step]
    yield from ((f"iam:{call}OpenIDConnectProvider", provider, {}) for call in calls)
    if step == "Create":
        yield "iam:TagOpenIDConnectProvider", provider, {}
    if step == "Update":
        yield "iam:AddClientIDToOpenIDConnectProvider", provider, {}


def of_delivery_stream(step, props, _old):
    stream = f"arn:aws:firehose:{get_region()}:{get_account_id()}:deliverystream/{props.get('DeliveryStreamName', '*')}"
    call = {"Create": "CreateDeliveryStream", "Update": "UpdateDestination", "Delete": "DeleteDeliveryStream"}[step]
    yield f"firehose:{call}", stream, {}
    if step == "Create":
        yield "firehose:TagDeliveryStream", stream, {}
    role = (props.get("HttpEndpointDestinationConfiguration") or {}).get("RoleARN")
    if step != "Delete" and role:
        yield "iam:PassRole", role, {"iam:PassedToService": "firehose.amazonaws.com"}


def of_metric_stream(step, props, _old):
    stream = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:metric-stream/{props.get('Name', '*')}"
    yield f"cloudwatch:{'Delete' if step == 'Delete' else 'Put'}MetricStream", stream, {}
    if step == "Create":
        yield "cloudwatch:TagResource", stream, {}
    if step != "Delete":
        yield "iam:PassRole", props["RoleArn"], {"iam:PassedToService": "streams.metrics.cloudwatch.amazonaws.com"}


RIGHTS = {
    "AWS::S3::Bucket": of_bucket,
    "AWS::S3::BucketPolicy": of_bucket_policy,
    "AWS::KMS::Key": of_key,
    "AWS::KMS::Alias": of_alias,
    "AWS::DynamoDB::Table": of_table,
    "AWS::IAM::Role": of_role,
    "AWS::IAM::User": of_user,
    "AWS::SecretsManager::Secret": of_secret,
    "AWS::IAM::OIDCProvider": of_provider,
    "AWS::KinesisFirehose::DeliveryStream": of_delivery_stream,
    "AWS::CloudWatch::MetricStream": of_metric_stream,
}


def rights(kind, step, props, old):
    return RIGHTS[kind](step, props, old) if kind in RIGHTS else ()


@replaces(stacks, "_provision_resource")
def provision_resource(original, kind, logical_id, props, *rest):
    must_be_allowed(rights(kind, "Create", props, {}))
    return original(kind, logical_id, props, *rest)


@replaces(stacks, "_update_resource")
def update_resource(original, kind, physical_id, old, props, *rest):
    if old != props:
        must_be_allowed(rights(kind, "Update", props, old))
    return original(kind, physical_id, old, props, *rest)


@replaces(stacks, "_delete_resource")
def delete_resource(original, kind, physical_id, props, *rest):
    must_be_allowed(rights(kind, "Delete", {**props, "id": physical_id}, {}))
    return original(kind, physical_id, props, *rest)
