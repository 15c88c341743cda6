"""KMS: a policy may name a key by its aliases; and S3 uses the key of an encrypted bucket with the rights of whoever calls."""

import json

import ministack.app as gateway
from ministack.core import iam_actions
from ministack.core.iam_evaluator import caller_arn
from ministack.services import kms, s3

from .permissions import role_allows, role_arn_of_session
from .replacing import replaces

# What S3 asks KMS for, by the method of a call about an object's data
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms).
USES = {"GET": "kms:Decrypt", "PUT": "kms:GenerateDataKey"}
# In the query of such a call. Everything else there is about something else than the data.
OF_DATA = {"partNumber", "uploadId", "versionId", "x-id"}


def aliases_of(key):
    """kms:ResourceAliases."""
    found = key and [arn.rsplit(":", 1)[-1] for arn, id in kms._aliases.items() if id == key["KeyId"]]
    return found or None


@replaces(iam_actions, "request_tag_context")
def request_context(original, service, action, body, query):
    context = original(service, action, body, query)
    if service == "kms":
        context["kms:ResourceAliases"] = aliases_of(kms._resolve_key(json.loads(body or "{}").get("KeyId") or ""))
    return context


@replaces(s3, "handle_request")
async def s3_request(original, method, path, headers, body, query, *rest, **keys):
    refusal = gateway.AUTH and key_refusal(method, path, headers, query)
    if refusal:
        return s3._error("AccessDenied", refusal, 403)
    return await original(method, path, headers, body, query, *rest, **keys)


def key_refusal(method, path, headers, query):
    """Why a role's session may not use the key that a bucket is encrypted with."""
    bucket, object_key = s3._parse_bucket_key(path, headers)
    caller, action = caller_arn(), USES.get(method)
    if ":assumed-role/" not in caller or not object_key or not action or set(query) - OF_DATA:
        return None
    id = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
    key = id and kms._resolve_key(id)
    if not key or role_allows(
        role_arn_of_session(caller), action, key["Arn"], **{"kms:resourcealiases": aliases_of(key)}
    ):
        return None
    return (
        f"User: {caller} is not authorized to perform: {action} on resource: {key['Arn']} because no identity-based "
        f"policy allows the {action} action"
    )
