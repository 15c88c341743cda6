"""Settings of an account: S3's block of public access, EBS encryption by default and its key, defaults of metadata."""

import json
from xml.etree import ElementTree

import ministack.app as gateway
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, kms, s3

from .replacing import replaces
from .vending import wishes

ACCESS = "/v20180820/configuration/publicAccessBlock"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ACCESS_ACTIONS = {verb: f"s3:{name}AccountPublicAccessBlock" for verb, name in (("GET", "Get"), ("PUT", "Put"))}
# What ModifyInstanceMetadataDefaults takes, and how GetInstanceMetadataDefaults shows it.
DEFAULTS = {
    "HttpTokens": "httpTokens", "HttpPutResponseHopLimit": "httpPutResponseHopLimit",
    "HttpEndpoint": "httpEndpoint", "InstanceMetadataTags": "instanceMetadataTags",
}
AWS_KEY = "alias/aws/ebs"

# Of accounts; of accounts and Regions.
access = {}
encrypted = set()
keys = {}
defaults = {}


def here():
    return get_account_id(), get_region()


@replaces(gateway, "_handle_s3_control_request")
async def s3_control(original, path, method, body, query, request_id, headers=None):
    """The account that a call names is the caller's own, and a policy of the organization is above it."""
    if path.rstrip("/") != ACCESS or method not in ACCESS_ACTIONS:
        return await original(path, method, body, query, request_id, headers)
    action = ACCESS_ACTIONS[method]
    denied = gateway.AUTH and gateway._enforce_data_plane(
        "s3", action, headers or {}, query, request_id, resource_arn="*"
    )
    denied = denied or s3.s3control_account_error(headers or {})
    if denied:
        return denied
    return get_access() if method == "GET" else put_access(body)


def get_access():
    found = {name: "true" for name in BLOCKS} if wishes.s3_policy == "all" else access.get(get_account_id())
    if wishes.s3_policy == "none":
        found = {name: "false" for name in BLOCKS}
    if found is None:
        message = "The public access block configuration was not found"
        return s3.s3control_error("NoSuchPublicAccessBlockConfiguration", message, 404)
    inner = "".join(f"<{name}>{found[name]}</{name}>" for name in BLOCKS)
    body = f"<PublicAccessBlockConfiguration>{inner}</PublicAccessBlockConfiguration>"
    return 200, {"Content-Type": "application/xml"}, body.encode()


def put_access(body):
    if wishes.s3_policy:
        return s3.s3control_error("AccessDenied", "The account is managed by an S3 policy of its organization", 403)
    said = {element.tag.rpartition("}")[2]: element.text for element in ElementTree.fromstring(body)}
    access[get_account_id()] = {name: said.get(name) or "false" for name in BLOCKS}
    return 200, {"Content-Type": "application/xml"}, b""


@replaces(iam_actions, "extract_resource_arn")
def extract_resource_arn(original, service, method, path, headers, body, query, region, account):
    """Whoever asks for a key by its alias needs the right on the key."""
    if service == "kms":
        named = json.loads(body or "{}").get("KeyId") or ""
        record = kms._resolve_key(named) if named.startswith("alias/") else None
        if record:
            return record["Arn"]
    return original(service, method, path, headers, body, query, region, account)


def get_encryption(_parameters):
    shown = "true" if here() in encrypted else "false"
    return ec2._xml(200, "GetEbsEncryptionByDefaultResponse",
                    f"<ebsEncryptionByDefault>{shown}</ebsEncryptionByDefault>")


def enable_encryption(_parameters):
    encrypted.add(here())
    return ec2._xml(200, "EnableEbsEncryptionByDefaultResponse",
                    "<ebsEncryptionByDefault>true</ebsEncryptionByDefault>")


def disable_encryption(_parameters):
    encrypted.discard(here())
    return ec2._xml(200, "DisableEbsEncryptionByDefaultResponse",
                    "<ebsEncryptionByDefault>false</ebsEncryptionByDefault>")


def get_key(_parameters):
    return ec2._xml(200, "GetEbsDefaultKmsKeyIdResponse", f"<kmsKeyId>{keys.get(here(), AWS_KEY)}</kmsKeyId>")


def modify_key(parameters):
    """A key that is not there is taken by AWS as well, and is found out later; here it is refused at once."""
    named = ec2._p(parameters, "KmsKeyId")
    record = kms._resolve_key(named)
    if not record:
        return ec2._error("InvalidParameterValue", f"There is no key {named}", 400)
    keys[here()] = record["Arn"]
    return ec2._xml(200, "ModifyEbsDefaultKmsKeyIdResponse", f"<kmsKeyId>{keys[here()]}</kmsKeyId>")


def reset_key(_parameters):
    keys.pop(here(), None)
    return ec2._xml(200, "ResetEbsDefaultKmsKeyIdResponse", f"<kmsKeyId>{AWS_KEY}</kmsKeyId>")


def get_defaults(_parameters):
    """What was never preferred is left out."""
    shown = dict(defaults.get(here(), {}))
    by_policy = wishes.metadata_policy
    if by_policy:
        shown["httpTokens"] = by_policy
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in shown.items())
    managed = "declarative-policy" if by_policy else "account"
    return ec2._xml(200, "GetInstanceMetadataDefaultsResponse",
                    f"<accountLevel>{inner}<managedBy>{managed}</managedBy></accountLevel>")


def modify_defaults(parameters):
    """What is not named stays; a declarative policy lets nothing be changed."""
    if wishes.metadata_policy:
        message = "This functionality has been disabled by a Declarative Policy"
        return ec2._error("UnauthorizedOperation", message, 403)
    own = defaults.setdefault(here(), {})
    for name, shown in DEFAULTS.items():
        value = ec2._p(parameters, name)
        if value in ("no-preference", "-1"):
            own.pop(shown, None)
        elif value:
            own[shown] = value
    return ec2._xml(200, "ModifyInstanceMetadataDefaultsResponse", "<return>true</return>")


ec2._ACTION_MAP.update({
    "GetEbsEncryptionByDefault": get_encryption,
    "EnableEbsEncryptionByDefault": enable_encryption,
    "DisableEbsEncryptionByDefault": disable_encryption,
    "GetEbsDefaultKmsKeyId": get_key,
    "ModifyEbsDefaultKmsKeyId": modify_key,
    "ResetEbsDefaultKmsKeyId": reset_key,
    "GetInstanceMetadataDefaults": get_defaults,
    "ModifyInstanceMetadataDefaults": modify_defaults,
})
