"""CloudFormation: kinds of resources of starter packs, and properties of them that ministack drops."""

import json

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import iam, kms, s3
from ministack.services.cloudformation import drift, provisioners

from .stacks import finishes

# `createOnlyProperties` of the resource schemas: a change of one is another resource, one of the others is none.
provisioners._REPLACING_PROPERTIES.update({
    "AWS::IAM::OIDCProvider": ("Url",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::KMS::Key": (),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::S3::BucketPolicy": ("Bucket",),
    "AWS::SecretsManager::Secret": ("Name",),
})
# Those that a stack's tags are put on.
provisioners._STACK_TAG_PROPERTY["AWS::IAM::OIDCProvider"] = ("Tags", "list")


def provider_create(_logical_id, props, _stack_name):
    """An account has one for each URL."""
    host = props["Url"].removeprefix("https://")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    if arn in iam._oidc_providers:
        raise ValueError(f"Provider with url {props['Url']} already exists.")
    iam._oidc_providers[arn] = {
        "Arn": arn, "Url": host, "ClientIDList": props.get("ClientIdList") or [],
        "ThumbprintList": props.get("ThumbprintList") or [], "CreateDate": now_iso(), "Tags": props.get("Tags") or [],
    }
    return arn, {"Arn": arn}


def provider_update(arn, _old, props, _stack_name):
    iam._oidc_providers[arn]["ClientIDList"] = props.get("ClientIdList") or []
    return arn, {"Arn": arn}


def provider_delete(arn, _props):
    iam._oidc_providers.pop(arn, None)


provisioners._RESOURCE_HANDLERS["AWS::IAM::OIDCProvider"] = {
    "create": provider_create, "update": provider_update, "delete": provider_delete,
}


def refuses(kind):
    """Ask the decorated function before a resource of this kind is made."""

    def decorate(check):
        handlers = provisioners._RESOURCE_HANDLERS[kind]
        original = handlers["create"]

        def create(logical_id, props, stack_name):
            check(props)
            return original(logical_id, props, stack_name)

        handlers["create"] = create
        return check

    return decorate


@refuses("AWS::S3::Bucket")
def bucket_namespace(props):
    """The account's own part of S3's names is by account and Region, and only what says so is in it."""
    name, ending = str(props.get("BucketName") or ""), f"-{get_account_id()}-{get_region()}-an"
    if props.get("BucketNamespace") == "account-regional" and not name.endswith(ending):
        raise ValueError(f"The bucket name {name} does not end with {ending}")
    if props.get("BucketNamespace") != "account-regional" and name.endswith("-an"):
        raise ValueError(f"The bucket name {name} is one of an account's own namespace")


@refuses("AWS::IAM::User")
@refuses("AWS::IAM::Role")
def boundary_is_there(props):
    """A boundary has to be there before what bears it."""
    boundary = props.get("PermissionsBoundary")
    if boundary and boundary not in iam._policies:
        raise ValueError(f"Scope ARN: {boundary} does not exist or is not attachable.")


@finishes("AWS::IAM::Role")
def keep_boundary(name, props):
    role = iam._roles[name]
    role.pop("PermissionsBoundary", None)
    if props.get("PermissionsBoundary"):
        role["PermissionsBoundary"] = props["PermissionsBoundary"]


@finishes("AWS::S3::Bucket")
def encrypt(name, props):
    """BucketEncryption of a bucket."""
    for rule in (props.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration", []):
        default = rule["ServerSideEncryptionByDefault"]
        key = default.get("KMSMasterKeyID")
        key = f"<KMSMasterKeyID>{key}</KMSMasterKeyID>" if key else ""
        algorithm = f"<SSEAlgorithm>{default['SSEAlgorithm']}</SSEAlgorithm>"
        by_default = f"<ApplyServerSideEncryptionByDefault>{algorithm}{key}</ApplyServerSideEncryptionByDefault>"
        xml = f"<ServerSideEncryptionConfiguration><Rule>{by_default}</Rule></ServerSideEncryptionConfiguration>"
        s3._put_bucket_encryption(name, xml.encode())


def read_key(key_id, _props):
    """What drift shows of a key: that it is there, its policy, and whether it is rotated."""
    key = kms._resolve_key(key_id)
    if not key or key.get("KeyState") == "PendingDeletion":
        return None
    policy = key.get("Policy")
    return {
        "EnableKeyRotation": bool(key.get("KeyRotationEnabled")),
        "KeyPolicy": json.loads(policy) if isinstance(policy, str) else policy,
    }


def read_provider(arn, _props):
    """What drift shows of an identity provider: that it is there, and for whom its tokens are."""
    provider = iam._oidc_providers.get(arn)
    return provider and {"Url": f"https://{provider['Url']}", "ClientIdList": provider["ClientIDList"]}


drift._DRIFT_READERS["AWS::IAM::OIDCProvider"] = (read_provider, frozenset({"Url", "ClientIdList"}))
drift._DRIFT_READERS["AWS::KMS::Key"] = (read_key, frozenset({"EnableKeyRotation", "KeyPolicy"}))
