"""IAM users' access keys and their secrets: what ministack does otherwise than AWS."""

from ministack.services import iam, secretsmanager
from ministack.services.cloudformation import provisioners

KEYS_OF_A_USER = 2


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


iam._IAM_HANDLERS["CreateAccessKey"] = with_quota(iam._IAM_HANDLERS["CreateAccessKey"])
_secret = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
_secret["create"] = made_empty(_secret["create"])
