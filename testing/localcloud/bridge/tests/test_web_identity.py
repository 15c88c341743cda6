"""Tokens of workflows: who is let in by which role, and what that may do then."""

import json
import pathlib
import sys
import time
import urllib.request
import uuid

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from support import HUB, OUTSIDER, BridgeTest, allow
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from forgeries import FORGERIES, forgeries  # noqa: E402
from issuer import AUDIENCE, GITHUB, Issuer, Job  # noqa: E402

HOST = GITHUB.removeprefix("https://")
SHOP = Job("acme/shop", 1317716765, 252500266)
SUBJECT = "repo:acme@252500266/shop@1317716765:ref:refs/heads/main"
# As a starter pack's role says it.
EXACTLY = {"StringEquals": {f"{HOST}:aud": AUDIENCE, f"{HOST}:sub": [SUBJECT], f"{HOST}:repository_id": "1317716765"}}


class WebIdentityTest(BridgeTest):
    @classmethod
    def setUpClass(cls):
        cls.issuer = Issuer()
        cls.addClassCleanup(cls.issuer.close)
        introduce(cls.url, cls.issuer)
        cls.provider = cls().provide(HUB)

    def provide(self, account, url=GITHUB, audiences=(AUDIENCE,)):
        """An identity provider of the account."""
        providers = self.client("iam", account)
        try:
            providers.create_open_id_connect_provider(
                Url=url, ClientIDList=list(audiences), ThumbprintList=["0" * 40])
        except providers.exceptions.EntityAlreadyExistsException:
            pass
        return f"arn:aws:iam::{account}:oidc-provider/{url.removeprefix('https://')}"

    def deploy_role(self, condition, *statements, account=HUB, provider=None, **arguments):
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition,
            "Principal": {"Federated": provider or f"arn:aws:iam::{account}:oidc-provider/{HOST}"}}]}
        name, roles = f"role-{uuid.uuid4().hex[:8]}", self.client("iam", account)
        made = roles.create_role(
            RoleName=name, Path="/phonehome/", AssumeRolePolicyDocument=json.dumps(trust), **arguments)
        for number, statement in enumerate(statements):
            roles.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=statement)
        return made["Role"]["Arn"]

    def assume(self, role, token, **arguments):
        sts = boto3.client(
            "sts", endpoint_url=self.url, region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}))
        return sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="deploy", WebIdentityToken=token, **arguments)

    def refused(self, code, role, token, **arguments):
        return self.assert_denied(code, lambda: self.assume(role, token, **arguments))

    def acting(self, role, service, **arguments):
        keys = self.assume(role, self.issuer.token(SHOP), **arguments)["Credentials"]
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])


def introduce(url, issuer, address=None):
    body = json.dumps({"issuer": issuer.url, "address": address or issuer.address}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_phonehome/issuers", body)).close()


class Tokens(WebIdentityTest):
    def test_a_good_token_is_let_in_and_told_who_it_is(self):
        role = self.deploy_role(EXACTLY)
        got = self.assume(role, self.issuer.token(SHOP))
        self.assertEqual(got["SubjectFromWebIdentityToken"], SUBJECT)
        self.assertEqual((got["Audience"], got["Provider"]), (AUDIENCE, self.provider))
        name = role.rsplit("/", 1)[-1]
        self.assertEqual(got["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{HUB}:assumed-role/{name}/deploy")

    def test_every_forged_token_is_refused_with_its_error(self):
        role, tried = self.deploy_role(EXACTLY), 0
        for name, code, token in forgeries(self.issuer, SHOP):
            with self.subTest(name):
                self.refused(code, role, token)
            tried += 1
        self.assertEqual(tried, len(FORGERIES))
        self.assertGreater(tried, 45)
        self.assume(role, self.issuer.token(SHOP))

    def test_what_a_pack_lets_in_has_the_form_that_is_declared(self):
        names = Job("acme/shop", 1317716765, 252500266, subject="names")
        prod = Job("acme/shop", 1317716765, 252500266, environment="prod")
        for job, subject in (
            (names, "repo:acme/shop:ref:refs/heads/main"),
            (prod, SUBJECT.replace("ref:refs/heads/main", "environment:prod")),
        ):
            equal = {**EXACTLY["StringEquals"], f"{HOST}:sub": [subject]}
            role = self.deploy_role({"StringEquals": equal})
            self.assume(role, self.issuer.token(job))
            self.refused("AccessDenied", role, self.issuer.token(SHOP))

    def test_an_hour_is_given_as_the_role_says_and_five_minutes_of_skew(self):
        role = self.deploy_role(EXACTLY)
        claims = self.issuer.claims(SHOP)
        self.assume(role, self.issuer.signed({**claims, "exp": int(time.time()) - 240}))
        said = self.refused("ExpiredTokenException", role, self.issuer.signed({**claims, "exp": int(time.time()) - 301}))
        self.assertIn("Token expired", said)
        self.refused("ValidationError", role, self.issuer.token(SHOP), DurationSeconds=3601)
        longer = self.deploy_role(EXACTLY, MaxSessionDuration=7200)
        self.assume(longer, self.issuer.token(SHOP), DurationSeconds=7200)

    def test_a_path_that_is_not_the_roles_is_no_role(self):
        role = self.deploy_role(EXACTLY)
        self.refused("AccessDenied", role.replace("/phonehome/", "/"), self.issuer.token(SHOP))
        self.refused("AccessDenied", role[:-1], self.issuer.token(SHOP))


class Providers(WebIdentityTest):
    def test_the_provider_is_the_one_of_the_roles_account(self):
        elsewhere = self.deploy_role(EXACTLY, account=OUTSIDER, provider=self.provider)
        said = self.refused("InvalidIdentityToken", elsewhere, self.issuer.token(SHOP))
        self.assertEqual(said, f"No OpenIDConnect provider found in your account for {GITHUB}")
        # With one of its own the role still trusts another account's.
        self.provide(OUTSIDER)
        self.refused("AccessDenied", elsewhere, self.issuer.token(SHOP))
        self.assume(self.deploy_role(EXACTLY, account=OUTSIDER), self.issuer.token(SHOP))

    def test_an_audience_has_to_be_known_to_the_provider_and_to_the_role(self):
        other, provider = self.another("acme", "somebody-else")
        role = self.deploy_role(self.of(other), provider=provider)
        self.assertEqual(self.refused("InvalidIdentityToken", role, other.token(SHOP)), "Incorrect token audience")
        other, provider = self.another("acme-2", "somebody-else", AUDIENCE)
        self.assume(self.deploy_role(self.of(other), provider=provider), other.token(SHOP))
        condition = self.of(other, aud="somebody-else")
        self.refused("AccessDenied", self.deploy_role(condition, provider=provider), other.token(SHOP))

    def test_another_issuer_is_not_githubs_and_has_not_its_claims(self):
        other, provider = self.another("acme-3", AUDIENCE)
        self.refused("AccessDenied", self.deploy_role(EXACTLY), other.token(SHOP))
        condition = self.of(other, repository_id="1317716765")
        self.refused("AccessDenied", self.deploy_role(condition, provider=provider), other.token(SHOP))

    def another(self, path, *audiences):
        """An issuer and its provider."""
        issuer = Issuer(f"https://issuer.example/{path}")
        self.addCleanup(issuer.close)
        introduce(self.url, issuer)
        return issuer, self.provide(HUB, issuer.url, audiences)

    @staticmethod
    def of(issuer, **claims):
        host = issuer.url.removeprefix("https://")
        return {"StringEquals": {f"{host}:{name}": value for name, value in {"sub": SUBJECT, **claims}.items()}}

    def test_an_issuer_is_compared_as_it_stands(self):
        role, claims = self.deploy_role(EXACTLY), self.issuer.claims(SHOP)
        for url in (HOST, f"{GITHUB}/", GITHUB.upper(), f"http://{HOST}", ""):
            said = self.refused("InvalidIdentityToken", role, self.issuer.signed({**claims, "iss": url}))
            self.assertIn("No OpenIDConnect provider found", said, url)

    def test_without_a_provider_nobody_is_let_in_and_with_it_again_everybody_as_before(self):
        account, iam = "666666666666", self.client("iam", "666666666666")
        provider, role = self.provide(account), self.deploy_role(EXACTLY, account=account)
        self.assume(role, self.issuer.token(SHOP))
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
        self.refused("InvalidIdentityToken", role, self.issuer.token(SHOP))
        self.provide(account)
        self.assume(role, self.issuer.token(SHOP))

    def test_a_key_that_was_taken_back_is_none(self):
        role, token = self.deploy_role(EXACTLY), self.issuer.token(SHOP)
        self.assume(role, token)
        other = Issuer()
        self.addCleanup(other.close)
        self.refused("InvalidIdentityToken", role, other.token(SHOP))
        introduce(self.url, other)
        self.addCleanup(introduce, self.url, self.issuer)
        self.assume(role, other.token(SHOP))
        self.refused("InvalidIdentityToken", role, token)

    def test_an_issuer_that_cannot_be_asked_or_says_that_it_is_another_lets_nobody_in(self):
        role = self.deploy_role(EXACTLY)
        another = self.saying(issuer="https://issuer.example")
        elsewhere = self.saying(jwks_uri="https://issuer.example/jwks")
        gone = self.saying(jwks_uri=f"{GITHUB}/gone")
        self.addCleanup(introduce, self.url, self.issuer)
        for address in (another, elsewhere, gone, "http://127.0.0.1:9"):
            introduce(self.url, self.issuer, address)
            said = self.refused("InvalidIdentityToken", role, self.issuer.token(SHOP))
            self.assertIn("Couldn't retrieve verification key", said)
        introduce(self.url, self.issuer, self.saying())
        self.assume(role, self.issuer.token(SHOP))

    def saying(self, **changed):
        """Where the same issuer, with its key, says something else of itself."""
        other = Issuer()
        other.key, other.kid, told = self.issuer.key, self.issuer.kid, other.documents
        where = "/.well-known/openid-configuration"
        other.documents = lambda: {**told(), where: {**told()[where], **changed}}
        self.addCleanup(other.close)
        return other.address

    def test_an_issuer_is_on_this_machine(self):
        for address in ("http://10.0.0.1:80", "https://127.0.0.1:1", "http://127.0.0.1.example:1", "http://127.0.0.1:1/x"):
            with self.assertRaises(OSError, msg=address):
                introduce(self.url, self.issuer, address)


class Conditions(WebIdentityTest):
    def test_only_claims_that_aws_has_keys_for_are_compared(self):
        claims = self.issuer.claims(SHOP)
        for claim in ("repository", "repository_id", "ref", "actor", "actor_id", "workflow", "job_workflow_ref"):
            self.assume(self.when(StringEquals={claim: claims[claim]}), self.issuer.token(SHOP))
        for claim in ("repository_owner", "repository_owner_id", "event_name", "ref_type", "runner_environment", "jti"):
            role = self.when(StringEquals={claim: claims[claim]})
            self.refused("AccessDenied", role, self.issuer.token(SHOP))

    def when(self, **operators):
        """A role with these conditions beside the audience."""
        blocks = {operator: {f"{HOST}:{key}": value for key, value in keys.items()} for operator, keys in operators.items()}
        return self.deploy_role(blocks)

    def test_operators_compare_as_in_every_policy(self):
        token = self.issuer.token(SHOP)
        for allowed, operators in (
            (True, {"StringLike": {"sub": "repo:acme@*/shop@*:ref:refs/heads/main"}}),
            (True, {"StringLike": {"sub": "repo:acme@252500266/shop@1317716765:*"}}),
            (False, {"StringLike": {"sub": "repo:acme/*"}}),
            (False, {"StringEquals": {"sub": "repo:acme@252500266/*"}}),
            (True, {"StringEqualsIgnoreCase": {"sub": SUBJECT.upper()}}),
            (False, {"StringEquals": {"sub": SUBJECT.upper()}}),
            (False, {"StringEquals": {"sub": []}}),
            (False, {"StringNotEquals": {"sub": SUBJECT}}),
            (False, {"StringEquals": {"sub": SUBJECT, "environment": "prod"}}),
            (True, {"StringEquals": {"sub": SUBJECT}, "Null": {"environment": "true"}}),
            # What lets in whoever has no such claim: the trap that AWS warns of.
            (True, {"ForAllValues:StringEquals": {"environment": "prod"}}),
            (True, {"StringEqualsIfExists": {"environment": "prod"}}),
            (False, {"ForAnyValue:StringEquals": {"environment": "prod"}}),
        ):
            role = self.when(**operators)
            with self.subTest(operators):
                if allowed:
                    self.assume(role, token)
                else:
                    self.refused("AccessDenied", role, token)

    def test_assume_role_is_another_right(self):
        role = self.deploy_role(EXACTLY)
        self.assert_denied(
            "AccessDenied", self.client("sts", HUB).assume_role, RoleArn=role, RoleSessionName="deploy")


class Sessions(WebIdentityTest):
    def test_it_acts_with_the_roles_policies_in_its_account_alone(self):
        sqs = self.acting(self.deploy_role(EXACTLY, allow("sqs:CreateQueue")), "sqs")
        name = f"queue-{uuid.uuid4().hex[:8]}"
        self.assertIn(f"/{HUB}/", sqs.create_queue(QueueName=name)["QueueUrl"])
        self.assert_denied("AccessDenied", sqs.list_queues)

    def test_within_the_boundary_and_what_the_session_says(self):
        everything = allow("*")
        boundary = self.client("iam", HUB).create_policy(
            PolicyName=f"boundary-{uuid.uuid4().hex[:8]}", PolicyDocument=allow("sqs:*"))["Policy"]["Arn"]
        role = self.deploy_role(EXACTLY, everything, PermissionsBoundary=boundary)
        self.acting(role, "sqs").list_queues()
        self.assert_denied("AuthorizationError", self.acting(role, "sns").list_topics)
        iam = self.acting(role, "iam")
        name = role.rsplit("/", 1)[-1]
        self.assert_denied("AccessDenied", iam.delete_role_permissions_boundary, RoleName=name)
        narrow = self.acting(role, "sqs", Policy=allow("sqs:CreateQueue"))
        self.assert_denied("AccessDenied", narrow.list_queues)

    def test_a_key_is_used_with_the_rights_of_whoever_writes_and_may_be_named_by_its_alias(self):
        kms, s3 = self.client("kms", HUB), self.client("s3", HUB)
        bucket, alias, other = (f"{begin}{uuid.uuid4().hex[:8]}" for begin in ("bucket-", "alias/", "alias/"))
        key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName=alias, TargetKeyId=key)
        kms.create_alias(AliasName=other, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        s3.create_bucket(Bucket=bucket)
        by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_key}]}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
        objects, calls = allow(["s3:PutObject", "s3:GetObject"]), ["kms:GenerateDataKey"]
        use = allow(calls, **{"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}})
        another = allow(calls, **{"ForAnyValue:StringEquals": {"kms:ResourceAliases": other}})
        writer = self.acting(self.deploy_role(EXACTLY, objects, use), "s3")
        writer.put_object(Bucket=bucket, Key="state", Body=b"1")
        self.assert_denied("AccessDenied", writer.get_object, Bucket=bucket, Key="state")
        for statements in ((objects,), (objects, another)):
            refused = self.acting(self.deploy_role(EXACTLY, *statements), "s3")
            said = self.assert_denied("AccessDenied", refused.put_object, Bucket=bucket, Key="a")
            self.assertIn("kms:GenerateDataKey", said)
        may, may_not = (self.acting(self.deploy_role(EXACTLY, it), "kms") for it in (use, another))
        may.generate_data_key(KeyId=key, KeySpec="AES_256")
        self.assert_denied("AccessDeniedException", may_not.generate_data_key, KeyId=key, KeySpec="AES_256")

    def test_a_boundary_bounds_the_use_of_a_key_as_well(self):
        kms, s3, bucket = self.client("kms", HUB), self.client("s3", HUB), f"bucket-{uuid.uuid4().hex[:8]}"
        by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms.create_key()["KeyMetadata"]["Arn"]}
        s3.create_bucket(Bucket=bucket)
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_key}]}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
        boundary = self.client("iam", HUB).create_policy(
            PolicyName=f"boundary-{uuid.uuid4().hex[:8]}", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
        bounded = self.acting(self.deploy_role(EXACTLY, allow("*"), PermissionsBoundary=boundary), "s3")
        self.assert_denied("AccessDenied", bounded.put_object, Bucket=bucket, Key="state", Body=b"1")
        self.acting(self.deploy_role(EXACTLY, allow("*")), "s3").put_object(Bucket=bucket, Key="state", Body=b"1")
