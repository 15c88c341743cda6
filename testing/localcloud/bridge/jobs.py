"""Jobs of GitHub's workflows: with no key, but with tokens of an issuer on this machine."""

import functools
import time

import boto3
import forgeries
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from issuer import Issuer, Job

FRESH_ROLE_SECONDS = 2


@functools.cache
def issuer_for(cloud):
    """GitHub, from the first job on: the local cloud is told where it is."""
    issuer = Issuer()
    cloud.post("issuers", {"issuer": issuer.url, "address": issuer.address})
    return issuer


def issuer(cloud):
    with cloud.lock:
        return issuer_for(cloud)


def assume(cloud, account, region, role, token):
    with cloud.lock:
        sts = boto3.client(
            "sts", endpoint_url=cloud.endpoint, region_name=region,
            config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
        )
    arn = f"arn:aws:iam::{account}:role/{role}"
    return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="deploy", WebIdentityToken=token)["Credentials"]


def job_credentials(cloud, account, region, role, job):
    """Those that a job gets for its token; a role that was just made is not known everywhere yet."""
    token, deadline = issuer(cloud).token(Job(**job)), time.monotonic() + FRESH_ROLE_SECONDS
    while True:
        try:
            keys = assume(cloud, account, region, role, token)
            break
        except ClientError as problem:
            if code_of(problem) != "AccessDenied" or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    return {
        "aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def job_token(cloud, job, forgery=None):
    """What a job has from GitHub, or what an attacker makes of it: one of `forgeries.py`, by its name."""
    of, job = issuer(cloud), Job(**job)
    if forgery is None:
        return of.token(job)
    return next(token for name, _, token in forgeries.forgeries(of, job) if name == forgery)


def forged_tokens(cloud, account, region, role, job):
    """Each forged token by its name: what was expected, and what the role's account answered."""
    return {
        name: [expected, answered(lambda token=token: assume(cloud, account, region, role, token))]
        for name, expected, token in forgeries.forgeries(issuer(cloud), Job(**job))
    }


def call_with(cloud, region, credentials, service, operation, arguments, tls=True):
    """A call with credentials: `{"ok": answer}`, or `{"refused": code}`. Its TLS ends before it comes here, which is told as
    whatever ends TLS tells it."""
    client = cloud.client_with(service, region, **credentials)
    if tls:
        client.meta.events.register("before-send", behind_tls)
    try:
        answer = getattr(client, operation)(**arguments)
    except ClientError as refused:
        return {"refused": code_of(refused)}
    if "Body" in answer:
        answer["Body"] = answer["Body"].read().decode()
    answer.pop("ResponseMetadata", None)
    return {"ok": answer}


def behind_tls(request, **_):
    request.headers["X-Forwarded-Proto"] = "https"


def answered(call):
    try:
        call()
    except ClientError as refused:
        return code_of(refused)
    return "let in"


def code_of(problem):
    return problem.response["Error"]["Code"]
