"""Days that pass, for what happens once in many of them: clocks are this machine's, so what is known becomes older instead."""

import gzip
import json
import time

from botocore.exceptions import ClientError

DAY_MS = 24 * 3600 * 1000
SECONDS = 5
WRITTEN_MEANWHILE = {"ConditionalCheckFailedException", "TransactionConflictException"}


def days_pass(cloud, account, region, days, hub, table):
    """For an account: IAM's dates of its access keys, and when phonehome last looked at those of its machine users and at an
    identity provider of the team's, as its table has it."""
    cloud.post("days", {"account": account, "days": days})
    client, deadline = cloud.client("dynamodb", hub, region), time.monotonic() + SECONDS
    key = {"pk": {"S": "packs"}, "sk": {"S": f"{account}/{region}"}}
    while True:
        item = client.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
        try:
            client.put_item(
                TableName=table, Item=aged(item, days), ConditionExpression="version = :read",
                ExpressionAttributeValues={":read": item["version"]},
            )
            return
        except ClientError as problem:
            if problem.response["Error"]["Code"] not in WRITTEN_MEANWHILE or time.monotonic() > deadline:
                raise


def aged(item, days):
    """The document with those times so many days earlier; a long one is compressed (crates/aws)."""
    body = item["body"]
    record = json.loads(gzip.decompress(body["B"]) if "B" in body else body["S"])
    for user in record.get("users", {}).values():
        user["rotation"] = earlier(user["rotation"], days * DAY_MS)
    if "provider" in record:
        record["provider"] = earlier(record["provider"], days * DAY_MS)
    version = str(int(item["version"]["N"]) + 1)
    return {**item, "version": {"N": version}, "body": {"S": json.dumps(record)}}


def earlier(known, ms):
    """0 is no time."""
    if not isinstance(known, dict):
        return known
    return {
        name: max(value - ms, 0) if name.endswith("at_ms") else earlier(value, ms) for name, value in known.items()
    }
