"""Organizations makes accounts within its limits, and what goes wrong is wished for."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from support import HUB, MANAGEMENT, BridgeTest, allow, until
from support import setUpModule as start
from support import tearDownModule  # noqa: F401  (unittest looks for it here)


def setUpModule():
    start(PHONEHOME_LOCAL_ACCOUNT_SECONDS="0.5")


class Vending(BridgeTest):
    def setUp(self):
        self.organization = self.client("organizations", MANAGEMENT)

    def ask(self, name, **more):
        email = f"{name}@vending.example"
        return self.organization.create_account(Email=email, AccountName=name, **more)["CreateAccountStatus"]

    def ended(self, request):
        describe = self.organization.describe_create_account_status

        def done():
            status = describe(CreateAccountRequestId=request)["CreateAccountStatus"]
            return status["State"] != "IN_PROGRESS" and status

        return until(done)

    def refused(self, call):
        with self.assertRaises(ClientError) as refused:
            call()
        return refused.exception.response

    def test_a_reason_that_was_wished_for_fails_one_request(self):
        self.wish(email="fails@vending.example", fail="INTERNAL_FAILURE")
        first, second = (self.ended(self.ask("fails")["Id"]) for _ in range(2))
        self.assertEqual([first["State"], first["FailureReason"]], ["FAILED", "INTERNAL_FAILURE"])
        self.assertEqual(second["State"], "SUCCEEDED")

    def test_a_policy_may_be_for_accounts_and_for_some_of_them(self):
        one, other = (self.ended(self.ask(name)["Id"])["AccountId"] for name in ("one", "other"))
        look = ["organizations:DescribeAccount", "organizations:ListTagsForResource"]
        for resource, accounts in (("account/o-*/*", [one, other]), (f"account/o-*/{one}", [one])):
            statement = allow(look, f"arn:aws:organizations::{MANAGEMENT}:{resource}")
            role = self.as_role(self.role(MANAGEMENT, MANAGEMENT, statement), "organizations", MANAGEMENT)
            for account in (one, other):
                for call, named in ((role.describe_account, "AccountId"), (role.list_tags_for_resource, "ResourceId")):
                    if account in accounts:
                        call(**{named: account})
                    else:
                        self.assert_denied("AccessDeniedException", call, **{named: account})

    def test_an_address_that_an_account_elsewhere_has_is_taken(self):
        self.wish(email="elsewhere@vending.example", foreign=True)
        self.assertEqual(self.ended(self.ask("elsewhere")["Id"])["FailureReason"], "EMAIL_ALREADY_EXISTS")

    def test_an_address_may_be_that_of_an_account_that_was_just_closed(self):
        self.wish(email="closed@vending.example", closed=True)
        self.assertEqual(self.ended(self.ask("closed")["Id"])["FailureReason"], "EMAIL_ALREADY_EXISTS")
        pages = self.organization.get_paginator("list_accounts").paginate()
        listed = [it for page in pages for it in page["Accounts"] if it["Email"] == "closed@vending.example"]
        self.assertEqual([it["State"] for it in listed], ["CLOSED"])

    def test_what_was_asked_is_made_though_its_answer_is_lost_and_is_in_the_list(self):
        self.wish(email="lost@vending.example", lose=True)
        client = boto3.client(
            "organizations", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=MANAGEMENT,
            aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}),
        )
        response = self.refused(lambda: client.create_account(Email="lost@vending.example", AccountName="lost"))
        self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], 500)

        def listed():
            made = self.organization.list_create_account_status(States=["SUCCEEDED"])["CreateAccountStatuses"]
            return [it for it in made if it["AccountName"] == "lost"]

        (status,) = until(listed)
        account = self.client("organizations", HUB).describe_account(AccountId=status["AccountId"])["Account"]
        self.assertEqual(account["Email"], "lost@vending.example")
        self.assertNotIn("Email", status)

    def test_five_are_made_at_a_time_and_the_sixth_is_refused_with_its_reason(self):
        requests = [self.ask(f"many-{number}")["Id"] for number in range(5)]
        response = self.refused(lambda: self.ask("many-5"))
        self.assertEqual(response["Error"]["Code"], "ConstraintViolationException")
        self.assertEqual(response["Reason"], "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED")
        for request in requests:
            self.ended(request)
        self.ended(self.ask("many-5")["Id"])

    def test_an_organization_has_only_so_many_accounts(self):
        there = len(self.organization.list_accounts()["Accounts"])
        self.wish(accounts_max=there)
        response = self.refused(lambda: self.ask("too-many"))
        self.assertEqual(response["Reason"], "ACCOUNT_NUMBER_LIMIT_EXCEEDED")
        self.wish(accounts_max=None)
        self.assertEqual(self.ended(self.ask("too-many")["Id"])["State"], "SUCCEEDED")

    def test_three_may_be_asked_for_at_once_and_then_one_every_so_often(self):
        self.wish(every_seconds=1, seconds=0.1)
        requests = [self.ask(f"often-{number}")["Id"] for number in range(3)]
        self.assertEqual(self.refused(lambda: self.ask("often-3"))["Error"]["Code"], "TooManyRequestsException")
        self.wish(every_seconds=0)
        for request in requests:
            self.assertEqual(self.ended(request)["State"], "SUCCEEDED")
