"""Organizations closes accounts: in the background, a few at a time, and so many in 30 days."""

import threading
import time

from ministack.core.responses import error_response_json, json_response, request_scope
from ministack.services import organizations

from .organization import cloudtrail_time, emit_service_event
from .replacing import in_background
from .settings import CLOSE_EVERY_SECONDS, CLOSE_QUOTA, CLOSE_SECONDS, MANAGEMENT, ORGANIZATION_REGION

IN_PROGRESS_MAX = 3
PERIOD_SECONDS = 30 * 24 * 60 * 60

account_closing = threading.Lock()
taken = []


def refused(code, message, reason=None):
    return error_response_json(code, message, 400, {"Reason": reason} if reason else None, message_key="Message")


def close_account(payload):
    """CloseAccount answers at once; the account is PENDING_CLOSURE then, and a little later closed."""
    account_id = payload.get("AccountId") or ""
    with account_closing:
        refusal = why_not(account_id)
        if refusal:
            return refusal
        taken.append(time.time())
        set_state(account_id, status="PENDING_CLOSURE", state="PENDING_CLOSURE")
    in_background(finish_close_account, account_id, time.time())
    return json_response({})


def why_not(account_id):
    """What AWS refuses, in the order in which its pages name it."""
    account = organizations._accounts.get(account_id)
    if account is None:
        return refused("AccountNotFoundException", f"We can't find an account with the AccountId {account_id}")
    if account_id == MANAGEMENT:
        return refused(
            "ConstraintViolationException", "You can't close the management account.",
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
        )
    if account["Status"] == "SUSPENDED":
        return refused("AccountAlreadyClosedException", f"The account {account_id} is already closed")
    if account["Status"] == "PENDING_CLOSURE":
        return refused("ConflictException", f"The account {account_id} is being closed")
    return limit()


def limit():
    """The limits of all callers together."""
    now = time.time()
    if taken and now < taken[-1] + CLOSE_EVERY_SECONDS:
        return refused("TooManyRequestsException", "You have sent too many requests in too short a period of time.")
    pending = [a for a in organizations._accounts.values() if a["Status"] == "PENDING_CLOSURE"]
    if len(pending) >= IN_PROGRESS_MAX:
        return refused(
            "ConstraintViolationException", "Too many accounts are being closed.",
            "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED",
        )
    if sum(now < at + PERIOD_SECONDS for at in taken) >= CLOSE_QUOTA:
        return refused(
            "ConstraintViolationException", "You have exceeded close account quota for the past 30 days.",
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED",
        )
    return None


def set_state(account_id, status, state):
    organizations._accounts[account_id] = {
        **organizations._accounts[account_id], "Status": status, "State": state,
    }


def finish_close_account(account_id, requested):
    """`State` tells a closed account from one that AWS has suspended; `Status`, which it supersedes, does not."""
    time.sleep(CLOSE_SECONDS)
    with account_closing, request_scope(MANAGEMENT, ORGANIZATION_REGION):
        set_state(account_id, status="SUSPENDED", state="CLOSED")
    emit_service_event("CloseAccountResult", {"closeAccountStatus": {
        "accountId": account_id,
        "state": "SUCCEEDED",
        "requestedTimestamp": cloudtrail_time(requested),
        "completedTimestamp": cloudtrail_time(time.time()),
    }})


organizations._DISPATCH["CloseAccount"] = close_account
