"""IAM users' access keys and their secrets: what ministack does otherwise than AWS."""

import time
from datetime import datetime, timedelta

from ministack.core import iam_evaluator
from ministack.services import iam, secretsmanager
from ministack.services.cloudformation import provisioners

from .replacing import replaces

KEYS_OF_A_USER = 2
FORM = "%Y-%m-%dT%H:%M:%SZ"


def with_quota(original):
    """A user has two keys at most."""

    def create(parameters):
        user = iam._p(parameters, "UserName")
        if sum(key["UserName"] == user for key in list(iam._access_keys.values())) >= KEYS_OF_A_USER:
            message = f"Cannot exceed quota for AccessKeysPerUser: {KEYS_OF_A_USER}"
            return iam._error(409, "LimitExceeded", message, ns="iam")
        return original(parameters)

    return create


def made_empty(original):
    """A secret for which a template has no text has no version."""

    def create(logical_id, props, stack_name):
        name, attributes = original(logical_id, props, stack_name)
        if not props.get("SecretString") and not props.get("GenerateSecretString"):
            secretsmanager._secrets[name]["Versions"].clear()
        return name, attributes

    return create


@replaces(iam_evaluator, "enforce")
def noting_use(original, access_key_id, action, service, region, *rest, **keys):
    """A call with a key that is accepted is a use of it, whatever the user may do. AWS shows it minutes later."""
    answer = original(access_key_id, action, service, region, *rest, **keys)
    account = iam_evaluator.find_iam_access_key_account(access_key_id)
    if account and not isinstance(answer, iam_evaluator.AuthError):
        used = {"at": time.strftime(FORM, time.gmtime()), "region": region, "service": service}
        iam._access_keys.get_scoped(account, None, access_key_id)["LastUsed"] = used
    return answer


def with_last_use(original):
    """GetAccessKeyLastUsed of a key that was used."""

    def get(parameters):
        key = iam._access_keys.get(iam._p(parameters, "AccessKeyId"))
        if not key or "LastUsed" not in key:
            return original(parameters)
        used = key["LastUsed"]
        return iam._xml(
            200, "GetAccessKeyLastUsedResponse",
            f"<GetAccessKeyLastUsedResult><UserName>{key['UserName']}</UserName><AccessKeyLastUsed>"
            f"<LastUsedDate>{used['at']}</LastUsedDate><Region>{used['region']}</Region>"
            f"<ServiceName>{used['service']}</ServiceName></AccessKeyLastUsed></GetAccessKeyLastUsedResult>",
            ns="iam",
        )

    return get


def age(account, days):
    """Not AWS: the access keys of an account, and the last use of each, become so many days older."""
    for owner, id in list(iam._access_keys.to_dict()):
        if owner == account:
            key = iam._access_keys.get_scoped(account, None, id)
            key["CreateDate"] = earlier(key["CreateDate"], days)
            if "LastUsed" in key:
                key["LastUsed"] = {**key["LastUsed"], "at": earlier(key["LastUsed"]["at"], days)}


def earlier(text, days):
    return (datetime.strptime(text, FORM) - timedelta(days=days)).strftime(FORM)


iam._IAM_HANDLERS["GetAccessKeyLastUsed"] = with_last_use(iam._IAM_HANDLERS["GetAccessKeyLastUsed"])
iam._IAM_HANDLERS["CreateAccessKey"] = with_quota(iam._IAM_HANDLERS["CreateAccessKey"])
_secret = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
_secret["create"] = made_empty(_secret["create"])
