"""Organizations closes accounts as AWS does: not at once, a few at a time, and so many in 30 days."""

import support
from botocore.exceptions import ClientError
from support import HUB, MANAGEMENT, BridgeTest, until
from support import tearDownModule  # noqa: F401  (unittest looks for it here)

# Long enough for a slow machine to ask for three accounts meanwhile.
CLOSE_SECONDS = 10


def setUpModule():
    support.setUpModule(
        PHONEHOME_LOCAL_CLOSE_SECONDS=str(CLOSE_SECONDS),
        PHONEHOME_LOCAL_CLOSE_EVERY_SECONDS="1.5",
        PHONEHOME_LOCAL_CLOSE_QUOTA="5",
    )


class Closing(BridgeTest):
    def create(self, name):
        organization = self.client("organizations", MANAGEMENT)
        request = organization.create_account(Email=f"{name}@phonehome.example", AccountName=name)

        def made():
            id = request["CreateAccountStatus"]["Id"]
            status = organization.describe_create_account_status(CreateAccountRequestId=id)
            return status["CreateAccountStatus"].get("AccountId")

        return until(made)

    def close(self, account):
        """The refusal and its reason, or None, once it may be asked for."""
        answers = []

        def is_answered():
            answers.append(self.close_at_once(account))
            return answers[-1] != ("TooManyRequestsException", None)

        until(is_answered)
        return answers[-1]

    def close_at_once(self, account):
        try:
            self.client("organizations", MANAGEMENT).close_account(AccountId=account)
            return None
        except ClientError as problem:
            return problem.response["Error"]["Code"], problem.response.get("Reason")

    def state(self, account):
        described = self.client("organizations", HUB).describe_account(AccountId=account)["Account"]
        return described["Status"], described["State"]

    def test_the_life_of_a_closing_and_its_limits(self):
        accounts = [self.create(f"account-{number}") for number in range(6)]
        self.assertEqual(self.close_at_once(accounts[0]), None)
        self.assertEqual(self.close_at_once(accounts[1]), ("TooManyRequestsException", None))
        self.assertEqual(self.state(accounts[0]), ("PENDING_CLOSURE", "PENDING_CLOSURE"))
        self.assertEqual(self.close(accounts[0]), ("ConflictException", None))
        self.assertEqual([self.close(account) for account in accounts[1:3]], [None, None])
        limit = ("ConstraintViolationException", "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")
        self.assertEqual(self.close(accounts[3]), limit)
        for account in accounts[:3]:
            until(lambda account=account: self.state(account) == ("SUSPENDED", "CLOSED"))
        self.assertEqual(self.close(accounts[0]), ("AccountAlreadyClosedException", None))
        self.assertEqual([self.close(account) for account in accounts[3:5]], [None, None])
        quota = ("ConstraintViolationException", "CLOSE_ACCOUNT_QUOTA_EXCEEDED")
        self.assertEqual(self.close(accounts[5]), quota)
        management = ("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
        self.assertEqual(self.close(MANAGEMENT), management)
        self.assertEqual(self.close("999999999999"), ("AccountNotFoundException", None))
