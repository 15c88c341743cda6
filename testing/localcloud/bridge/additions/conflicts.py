"""DynamoDB: an item is in one transaction at a time."""

import asyncio
import itertools
import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb

from .replacing import log, replaces
from .settings import CONFLICT_EVERY

# How long a transaction takes here.
TRANSACTION_SECONDS = 0.01
SINGLE_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
ONGOING = "Transaction is ongoing for the item"
in_transactions = set()
writes = itertools.count(1)


@replaces(dynamodb, "handle_request")
async def dynamodb_request(original, method, path, headers, body, query):
    """A write to an item that is in a transaction is refused, a single one as well as another transaction."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in (*SINGLE_WRITES, "TransactWriteItems"):
        return await original(method, path, headers, body, query)
    items = written(operation, json.loads(body))
    conflicts = [item in in_transactions for item in items]
    if CONFLICT_EVERY and next(writes) % CONFLICT_EVERY == 0:
        conflicts[0] = True
    if any(conflicts):
        log.info("%s meets a transaction", operation)
        return conflict() if operation in SINGLE_WRITES else cancelled(conflicts)
    if operation in SINGLE_WRITES:
        return await original(method, path, headers, body, query)
    in_transactions.update(items)
    try:
        answer = await original(method, path, headers, body, query)
        await asyncio.sleep(TRANSACTION_SECONDS)
        return answer
    finally:
        in_transactions.difference_update(items)


def written(operation, request):
    """The items that a request writes or checks, one for each of its parts."""
    parts = [request]
    if operation == "TransactWriteItems":
        parts = [next(iter(part.values())) for part in request.get("TransactItems", [])]
    return [item_of(part) for part in parts]


def item_of(part):
    name = part.get("TableName", "").rsplit("/", 1)[-1]
    table = dynamodb._tables.get(name) or {}
    given = part.get("Key") or part.get("Item") or {}
    keys = (table.get("pk_name"), table.get("sk_name"))
    return (get_account_id(), get_region(), name, json.dumps([given.get(key) for key in keys], sort_keys=True))


def conflict():
    return refusal("TransactionConflictException", {"message": ONGOING})


def cancelled(conflicts):
    reasons = [
        {"Code": "TransactionConflict", "Message": ONGOING} if one else {"Code": "None"} for one in conflicts
    ]
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return refusal("TransactionCanceledException", {"message": message, "CancellationReasons": reasons})


def refusal(code, body):
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}
    return 400, headers, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **body}).encode()
