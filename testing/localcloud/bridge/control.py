"""What a person with the AWS CLI, `sam deploy` and StackSets do, against the local cloud.

    python control.py http://127.0.0.1:PORT MANAGEMENT_ACCOUNT

reads requests from standard input, one JSON object a line: {"id", "do", ...}, where `do` names a
function of ACTIONS and the rest are its arguments. It answers each, in the order they end, with
one line: {"id", "ok": result} or {"id", "error": text}. It ends when its input does.

`account` and `region` in a request say where; the caller is that account's root.
"""

import concurrent.futures
import functools
import ipaddress
import json
import os
import sys
import threading
import time
import urllib.parse
import urllib.request

import boto3
import days
import deploy
import describe
import jobs
import operators
from botocore.config import Config
from botocore.exceptions import ClientError

ORGANIZATION_REGION = "us-east-1"
WAIT_SECONDS = 30
# How long a role that cannot be assumed is taken for one that was just made.
FRESH_ROLE_SECONDS = 5
AT_ONCE = 16


class Cloud:
    """Clients of the one endpoint, which must be on this machine."""

    def __init__(self, endpoint, management):
        self.endpoint, self.management = endpoint, management
        require_loopback(endpoint)
        self.lock = threading.Lock()
        self.client = functools.lru_cache(maxsize=None)(self.new_client)

    def new_client(self, service, account, region):
        """Twelve digits as the access key: that account's root."""
        return self.client_with(service, region, aws_access_key_id=account, aws_secret_access_key="local")

    def client_with(self, service, region, **credentials):
        # boto3's default session is not safe to share between threads while it makes a client.
        with self.lock:
            return boto3.client(
                service, endpoint_url=self.endpoint, region_name=region,
                config=Config(max_pool_connections=AT_ONCE, retries={"max_attempts": 3}), **credentials,
            )

    def assume(self, by, role_arn, region, session):
        """Credentials of a role; one that was just made is not known everywhere yet."""
        sts = self.client("sts", by, region)
        deadline = time.monotonic() + FRESH_ROLE_SECONDS
        while True:
            try:
                return sts.assume_role(RoleArn=role_arn, RoleSessionName=session)["Credentials"]
            except sts.exceptions.ClientError as problem:
                if problem.response["Error"]["Code"] != "AccessDenied" or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def client_as(self, role, service, account, region, session="deploy"):
        """A client with a role of the account, which the management account assumes."""
        keys = self.assume(self.management, f"arn:aws:iam::{account}:role/{role}", region, session)
        return self.client_with(
            service, region, aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        )


    def post(self, entrance, body):
        """What the local cloud has beside AWS: `additions/entrance.py`."""
        request = urllib.request.Request(f"{self.endpoint}/_phonehome/{entrance}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
            return json.load(answer)


def require_loopback(url):
    host = urllib.parse.urlsplit(url).hostname
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SystemExit(f"control: {url} is not an address of this machine: refusing to use it")


def until(found, what, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {seconds} s")


def create_account(cloud, name, email):
    """organizations:CreateAccount in the management account, and its end."""
    client = cloud.client("organizations", cloud.management, ORGANIZATION_REGION)
    request = client.create_account(AccountName=name, Email=email)["CreateAccountStatus"]["Id"]

    def ended():
        status = client.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
        return status["State"] != "IN_PROGRESS" and status

    status = until(ended, f"account {name}")
    if status["State"] != "SUCCEEDED":
        raise RuntimeError(f"account {name}: {status.get('FailureReason', status['State'])}")
    return status["AccountId"]


def rename_account(cloud, account, name):
    """account:PutAccountName in the management account."""
    client = cloud.client("account", cloud.management, ORGANIZATION_REGION)
    client.put_account_name(AccountId=account, AccountName=name)


def close_account(cloud, account):
    cloud.client("organizations", cloud.management, ORGANIZATION_REGION).close_account(AccountId=account)


def make_secret(cloud, account, region, name, value):
    return cloud.client("secretsmanager", account, region).create_secret(Name=name, SecretString=value)["ARN"]


def set_secret(cloud, account, region, secret, value):
    cloud.client("secretsmanager", account, region).put_secret_value(SecretId=secret, SecretString=value)


def subscribe(cloud, account, region, topic, url):
    """An http subscription, once its endpoint has confirmed it."""
    require_loopback(url)
    client = cloud.client("sns", account, region)
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)

    def confirmed():
        known = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return any(one["Endpoint"] == url and one["SubscriptionArn"].startswith("arn:") for one in known)

    until(confirmed, f"confirmation of {url}")


def send_message(cloud, account, region, queue, body):
    cloud.client("sqs", account, region).send_message(QueueUrl=queue, MessageBody=body)


def put_service_event(cloud, account, region, event):
    """An event of an AWS service on the account's default bus."""
    return cloud.post("events", {"account": account, "region": region, "event": event})["EventId"]


def cloudtrail(cloud, late):
    """Whether what CloudTrail tells of calls waits."""
    cloud.post("cloudtrail", {"late": late})


def vending(cloud, wish):
    """What goes wrong with accounts that are made."""
    cloud.post("vending", wish)


def set_schedule(cloud, account, region, name, enabled):
    client = cloud.client("scheduler", account, region)
    # An update replaces all there is; these are not settings.
    given = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")
    schedule = {key: value for key, value in client.get_schedule(Name=name).items() if key not in given}
    schedule["State"] = "ENABLED" if enabled else "DISABLED"
    patiently(lambda: client.update_schedule(**schedule))


def patiently(call, seconds=5):
    """Until Scheduler knows the schedule's role, which may have been made a moment ago."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "ValidationException" or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def delete_function(cloud, account, region, name):
    cloud.client("lambda", account, region).delete_function(FunctionName=name)


def invoke(cloud, account, region, function, payload):
    answer = cloud.client("lambda", account, region).invoke(FunctionName=function, Payload=json.dumps(payload))
    body = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        raise RuntimeError(f"{function} failed: {json.dumps(body)}")
    return body


def set_alarm_state(cloud, account, region, alarm, state, reason):
    cloud.client("cloudwatch", account, region).set_alarm_state(
        AlarmName=alarm, StateValue=state, StateReason=reason
    )


ACTIONS = {
    action.__name__: action
    for action in (
        create_account, rename_account, close_account, make_secret, set_secret, subscribe, send_message, put_service_event,
        cloudtrail, vending, set_schedule, delete_function, invoke, set_alarm_state, deploy.deploy, deploy.stack_events,
        describe.describe_network, describe.default_vpcs, describe.peek_queue, describe.queue_length,
        describe.metrics, describe.logs,
        operators.call, operators.call_with_key, operators.in_management_account, operators.credentials_of, operators.organization_trail,
        operators.stop_trail, operators.accounts,
        jobs.job_credentials, jobs.job_token, jobs.forged_tokens, jobs.call_with, days.days_pass,
    )
}


def answer(cloud, request):
    arguments = {key: value for key, value in request.items() if key not in ("id", "do")}
    try:
        return {"id": request["id"], "ok": ACTIONS[request["do"]](cloud, **arguments)}
    except Exception as problem:
        return {"id": request["id"], "error": f"{type(problem).__name__}: {problem}"}


def main():
    endpoint, management = sys.argv[1:]
    # Nothing of the caller's own AWS configuration may have a say here.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    cloud, output = Cloud(endpoint, management), threading.Lock()

    def handle(line):
        line = json.dumps(answer(cloud, json.loads(line)), default=str)
        with output:
            print(line, flush=True)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin:
            pool.submit(handle, line)


if __name__ == "__main__":
    main()
