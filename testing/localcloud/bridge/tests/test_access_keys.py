"""Access keys of users: how they are used, and how old they are."""

import uuid
from datetime import datetime, timedelta, timezone

import boto3
from support import HUB, MANAGEMENT, BridgeTest
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

SOON = timedelta(seconds=5)


class AccessKeys(BridgeTest):
    def setUp(self):
        self.iam, self.name = self.client("iam", HUB), f"user-{uuid.uuid4().hex[:8]}"
        self.iam.create_user(UserName=self.name)
        self.key = self.iam.create_access_key(UserName=self.name)["AccessKey"]

    def theirs(self, service):
        """What works with the key."""
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
        )

    def last_use(self):
        return self.iam.get_access_key_last_used(AccessKeyId=self.key["AccessKeyId"])["AccessKeyLastUsed"]

    def assert_at(self, time, expected):
        self.assertLess(abs(time - expected), SOON)

    def made(self):
        (key,) = self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        return key["CreateDate"]

    def test_a_keys_last_use_is_shown_also_where_the_user_may_not_do_it(self):
        self.assertNotIn("LastUsedDate", self.last_use())
        self.assert_denied("AccessDenied", self.theirs("iam").list_users)
        self.assert_at(self.last_use()["LastUsedDate"], datetime.now(timezone.utc))
        self.assertEqual((self.last_use()["ServiceName"], self.last_use()["Region"]), ("iam", "us-east-1"))

    def test_a_key_that_is_switched_off_is_not_used(self):
        self.iam.update_access_key(UserName=self.name, AccessKeyId=self.key["AccessKeyId"], Status="Inactive")
        self.assert_denied("InvalidClientTokenId", self.theirs("iam").list_users)
        self.assertNotIn("LastUsedDate", self.last_use())

    def test_days_that_pass_make_the_keys_of_that_account_older(self):
        self.assert_denied("AccessDenied", self.theirs("iam").list_users)
        now = datetime.now(timezone.utc)
        self.enter("days", {"account": MANAGEMENT, "days": 31})
        self.assert_at(self.made(), now)
        self.enter("days", {"account": HUB, "days": 31})
        self.assert_at(self.made(), now - timedelta(days=31))
        self.assert_at(self.last_use()["LastUsedDate"], now - timedelta(days=31))
