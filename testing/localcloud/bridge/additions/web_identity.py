"""STS: AssumeRoleWithWebIdentity, with the token verified: who issued it, whose key signed it, when and for whom it is, and
what the role's trust policy says of its claims."""

import json
import time
import urllib.request
from datetime import datetime, timezone
from xml.sax.saxutils import escape

import jwt
from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.core.responses import get_region
from ministack.services import iam, sts

from .fresh_roles import unknown_to
from .permissions import account_of
from .replacing import replaces

# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
# "IAM provides a five-minute window beyond the expiration time specified in the JWT to account for clock skew"
# (id_roles_providers_oidc.html). That it holds for `nbf` and `iat` as well is assumed.
SKEW_SECONDS = 300
# Condition keys of every provider, and of GitHub's since January 2026
# (reference_policies_iam-condition-keys.html#condition-keys-wif). No other claim is compared.
CLAIMS = {"aud", "sub", "amr"}
CLAIMS_OF_GITHUB = {
    "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id", "workflow",
}
GITHUB = "token.actions.githubusercontent.com"
ANSWER_BYTES_MAX, ANSWER_SECONDS = 65_536, 5

# Where issuers are on this machine, by their URLs: no token is verified by what is anywhere else.
issuers = {}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.status = code, 403 if code == "AccessDenied" else 400


def invalid(message):
    return Refused("InvalidIdentityToken", message)


def not_a_token():
    return invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")


def no_key():
    return invalid(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
        "documentation for requirements"
    )


def denied():
    return Refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@replaces(sts, "_web_identity_trust_denied")
def answer(_original, role_arn, params, _use_json):
    """What is answered, whether it is refused or not: ministack asks this before it would let in anybody whose token says
    the right things."""
    try:
        return assumed(role_arn, params)
    except Refused as refused:
        return sts._error(refused.status, refused.code, escape(str(refused)), ns="sts")


def assumed(role_arn, params):
    account, session = account_of(role_arn), sts._p(params, "RoleSessionName")
    provider, claims = verified(sts._p(params, "WebIdentityToken"), account)
    role = iam._roles.get_scoped(account, None, role_arn.rsplit("/", 1)[-1])
    if not role or role["Arn"] != role_arn or unknown_to("sts", role_arn) or not trusts(role, provider, claims, session):
        raise denied()
    seconds = int(sts._p(params, "DurationSeconds") or 3600)
    if seconds > int(role.get("MaxSessionDuration") or 3600):
        raise Refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    policies, problem = sts._session_policies(params, account)
    return problem or granted(role, session, seconds, provider, claims, policies)


def verified(token, account):
    """The provider of the account that a token is of, and what the token says."""
    try:
        header = jwt.get_unverified_header(token)
        said = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise not_a_token() from None
    provider = provider_of(account, said.get("iss"))
    try:
        claims = jwt.decode(
            token, key_of(said["iss"], header.get("kid")), algorithms=ALGORITHMS, issuer=said["iss"],
            audience=provider["ClientIDList"], leeway=SKEW_SECONDS, options={"require": REQUIRED},
        )
    except jwt.ExpiredSignatureError:
        now, end = (datetime.fromtimestamp(at, timezone.utc).isoformat() for at in (time.time(), said["exp"]))
        message = f"Token expired: current date/time {now} must be before the expiration date/time {end}"
        raise Refused("ExpiredTokenException", message) from None
    except jwt.InvalidAudienceError:
        raise invalid("Incorrect token audience") from None
    except jwt.MissingRequiredClaimError as missing:
        raise invalid(f"Missing a required claim: {missing.claim}") from None
    except jwt.InvalidTokenError as problem:
        raise invalid(f"The token cannot be verified: {problem}") from None
    # A list would be compared by whatever of it fits.
    if not isinstance(claims["aud"], str):
        raise invalid("Incorrect token audience")
    return provider, claims


def provider_of(account, issuer):
    """The account's own, by its URL as it stands."""
    host = str(issuer).removeprefix("https://")
    arn = f"arn:aws:iam::{account}:oidc-provider/{host}"
    provider = iam._oidc_providers.get_scoped(account, None, arn)
    if provider is None or issuer != f"https://{host}":
        raise invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    return {**provider, "Arn": arn, "host": host}


def key_of(issuer, kid):
    """The issuer's public key of that id; asked for each time, so that one that was taken back is none."""
    try:
        address = issuers[issuer]
        document = fetched(f"{address}/.well-known/openid-configuration")
        keys = document["jwks_uri"]
        if document["issuer"] != issuer or not keys.startswith(f"{issuer}/"):
            raise no_key()
        return jwt.PyJWKSet.from_dict(fetched(address + keys.removeprefix(issuer)))[kid]
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError):
        raise no_key() from None


def fetched(url):
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as found:
        return json.loads(found.read(ANSWER_BYTES_MAX))


def trusts(role, provider, claims, session):
    """Whether the role's trust policy lets it in. Of the claims only those are compared that AWS has condition keys for."""
    known = CLAIMS | (CLAIMS_OF_GITHUB if provider["host"] == GITHUB else set())
    keys = {f"{provider['host']}:{name}".lower(): value for name, value in claims.items() if name in known}
    keys |= {"sts:rolesessionname": session, "aws:federatedprovider": provider["Arn"]}
    context = EvalContext(
        principal_arn=provider["Arn"], principal_type="WebIdentityUser", principal_account=account_of(provider["Arn"]),
        action="sts:AssumeRoleWithWebIdentity", resource_arn=role["Arn"], region=get_region(), service_context=keys,
    )
    return evaluate_trust_policy(role["AssumeRolePolicyDocument"], provider["Arn"], context)


def granted(role, session, seconds, provider, claims, policies):
    """A session of the role, which acts with its policies, within its boundary and its own policies."""
    account, id = account_of(role["Arn"]), f"{role['RoleId']}:{session}"
    arn = f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{session}"
    key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
    sts.register_session(key, {
        "Arn": arn, "UserId": id, "SecretAccessKey": secret, "SessionToken": token, "AccountId": account,
        "Expiration": time.time() + seconds, "PrincipalType": "AssumedRole",
        "SessionPolicies": policies if any(policies.values()) else None,
    })
    return sts._xml(
        200, "AssumeRoleWithWebIdentityResponse",
        f"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>"
        f"<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>"
        f"<Expiration>{sts._future(seconds)}</Expiration></Credentials><AssumedRoleUser>"
        f"<AssumedRoleId>{escape(id)}</AssumedRoleId><Arn>{escape(arn)}</Arn></AssumedRoleUser>"
        f"<SubjectFromWebIdentityToken>{escape(claims['sub'])}</SubjectFromWebIdentityToken>"
        f"<Audience>{escape(claims['aud'])}</Audience><Provider>{escape(provider['Arn'])}</Provider>"
        f"</AssumeRoleWithWebIdentityResult>",
        ns="sts",
    )
