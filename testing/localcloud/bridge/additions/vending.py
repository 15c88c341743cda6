"""Organizations makes accounts: within its limits, each address once, and with what goes wrong where that is wished."""

import json
import threading
import time

from ministack.core.responses import error_response_json, json_response, new_uuid, request_scope
from ministack.services import organizations

from .organization import add_account, emit_create_account_result
from .permissions import member_accounts
from .replacing import in_background
from .settings import ACCOUNT_SECONDS, MANAGEMENT, ORGANIZATION_REGION

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
IN_PROGRESS_MAX = 5
BURST = 3
PAGE = 20


class Wishes:
    """What goes wrong, each with the next request that it is for."""

    def __init__(self):
        self.fails = {}
        self.loses = set()
        self.accounts_max = None
        # How long an account takes, and how often one may be asked for after three at once: on AWS every 10 s.
        self.seconds = ACCOUNT_SECONDS
        self.every_seconds = 0
        self.foreign = set()
        self.closed = set()
        self.support_api = False
        # What policies of the organization set above the accounts: `all` or `none`; `required` or `optional`.
        self.s3_policy = None
        self.metadata_policy = None

    def take(self, wish):
        email = (wish.get("email") or "").lower()
        if "fail" in wish:
            self.fails.setdefault(email, []).append(wish["fail"])
        if wish.get("lose"):
            self.loses.add(email)
        if wish.get("foreign"):
            self.foreign.add(email)
        if wish.get("closed"):
            self.closed.add(email)
        settings = ("accounts_max", "seconds", "every_seconds", "support_api", "s3_policy", "metadata_policy")
        for setting in settings:
            if setting in wish:
                setattr(self, setting, wish[setting])


wishes = Wishes()
# Of accounts in the making, and of what there is when one is made.
account_creation = threading.Lock()
bucket = {"level": float(BURST), "at": time.monotonic()}


def refused(code, message, reason=None):
    status, headers, body = error_response_json(code, message, 400)
    return status, headers, json.dumps({**json.loads(body), **({"Reason": reason} if reason else {})}).encode()


def constraint(reason):
    return refused("ConstraintViolationException", f"You have exceeded a limit: {reason}", reason)


def is_too_often():
    """A token bucket: three at once, then one every so many seconds."""
    if not wishes.every_seconds:
        return False
    now = time.monotonic()
    bucket["level"] = min(BURST, bucket["level"] + (now - bucket["at"]) / wishes.every_seconds)
    bucket["at"] = now
    if bucket["level"] < 1:
        return True
    bucket["level"] -= 1
    return False


def in_progress():
    return sum(1 for status in organizations._create_statuses.values() if status["State"] == "IN_PROGRESS")


def create_account(payload):
    """CreateAccount answers IN_PROGRESS; the account appears, or the request fails, a little later."""
    name, email = payload.get("AccountName"), payload.get("Email")
    if not name or not email:
        return error_response_json("InvalidInputException", "Email and AccountName are required", 400)
    with account_creation:
        if is_too_often():
            return refused("TooManyRequestsException", "AWS Organizations can't complete your request right now")
        if in_progress() >= IN_PROGRESS_MAX:
            return constraint("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED")
        there = len(organizations._accounts) + in_progress()
        if wishes.accounts_max is not None and there >= wishes.accounts_max:
            return constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED")
        status = {
            "Id": f"car-{new_uuid().replace('-', '')}",
            "AccountName": name,
            "State": "IN_PROGRESS",
            "RequestedTimestamp": int(time.time()),
        }
        organizations._create_statuses[status["Id"]] = status
    in_background(finish_create_account, status, payload)
    if email.lower() in wishes.loses:
        wishes.loses.discard(email.lower())
        return error_response_json("ServiceException", "the answer is lost", 500)
    return json_response({"CreateAccountStatus": dict(status)})


def finish_create_account(status, payload):
    time.sleep(wishes.seconds)
    with account_creation, request_scope(MANAGEMENT, ORGANIZATION_REGION):
        status = {**status, **outcome(payload), "CompletedTimestamp": int(time.time())}
        organizations._create_statuses[status["Id"]] = status
    emit_create_account_result(status)


def outcome(payload):
    email = payload["Email"].lower()
    if email in wishes.closed:
        wishes.closed.discard(email)
        add_closed_account(payload["Email"])
    emails = {account["Email"].lower() for account in organizations._accounts.values()}
    if email in emails | wishes.foreign:
        return {"State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
    if wishes.fails.get(email):
        return {"State": "FAILED", "FailureReason": wishes.fails[email].pop(0)}
    account_id = str(new_uuid_number())
    tags = {tag["Key"]: tag.get("Value", "") for tag in payload.get("Tags") or []}
    role_name = payload.get("RoleName") or "OrganizationAccountAccessRole"
    add_account(account_id, payload["AccountName"], payload["Email"], tags, role_name)
    return {"State": "SUCCEEDED", "AccountId": account_id}


def add_closed_account(email):
    """Somebody made an account with the address a moment ago, and closed it."""
    account_id = str(new_uuid_number())
    add_account(account_id, "made and closed", email, {}, "OrganizationAccountAccessRole")
    organizations._accounts[account_id] = {
        **organizations._accounts[account_id], "Status": "SUSPENDED", "State": "CLOSED",
    }


def new_uuid_number():
    """Twelve digits that are no account's id yet."""
    while True:
        number = 10**11 + int(new_uuid().replace("-", ""), 16) % (9 * 10**11)
        if str(number) not in member_accounts():
            return number


def list_create_account_status(payload):
    """The requests in the given states, twenty in a page. None shows an e-mail address, as on AWS."""
    states = payload.get("States") or ["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    listed = [dict(it) for it in organizations._create_statuses.values() if it["State"] in states]
    first = int(payload.get("NextToken") or 0)
    page = {"CreateAccountStatuses": listed[first:first + PAGE]}
    if first + PAGE < len(listed):
        page["NextToken"] = str(first + PAGE)
    return json_response(page)


organizations._DISPATCH["CreateAccount"] = create_account
organizations._DISPATCH["ListCreateAccountStatus"] = list_create_account_status
