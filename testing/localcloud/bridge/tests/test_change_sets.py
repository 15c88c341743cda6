"""Change sets and execution roles, as starter packs use them."""

import json
import pathlib
import uuid

from botocore.exceptions import ClientError
from support import HUB, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}}
STAYS = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
OURS = {"Key": "phonehome:managed-by", "Value": "phonehome"}
BUS = f"arn:aws:events:us-east-1:{HUB}:event-bus/phonehome"


def template(**resources):
    return json.dumps({"Resources": resources})


def topic(name):
    return template(It={**TOPIC, "Properties": {"DisplayName": name}})


def bucket(name, versioning="Suspended", **properties):
    properties = {"BucketName": name, "VersioningConfiguration": {"Status": versioning}, **properties}
    return {"Type": "AWS::S3::Bucket", "Properties": properties, **STAYS}


class StackTest(BridgeTest):
    def setUp(self):
        self.stacks = self.client("cloudformation", HUB)
        self.stack = f"stack-{uuid.uuid4().hex[:8]}"

    def create(self, body, name="one", kind="CREATE", stacks=None, **arguments):
        create = (stacks or self.stacks).create_change_set
        return create(
            StackName=self.stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body,
            Capabilities=["CAPABILITY_NAMED_IAM"], **arguments,
        )

    def refused(self, code, *arguments, **keys):
        return self.assert_denied(code, lambda: self.create(*arguments, **keys))

    def shown(self):
        return self.stacks.describe_stacks(StackName=self.stack)["Stacks"][0]

    def execute(self, name="one", **arguments):
        self.stacks.execute_change_set(StackName=self.stack, ChangeSetName=name, **arguments)
        return until(lambda: not self.shown()["StackStatus"].endswith("IN_PROGRESS") and self.shown())

    def change(self, name):
        shown = self.stacks.describe_change_set(StackName=self.stack, ChangeSetName=name)
        (change,) = shown["Changes"]
        return change["ResourceChange"]["Replacement"], change["ResourceChange"].get("PolicyAction")

    def reasons(self):
        events = self.stacks.describe_stack_events(StackName=self.stack)["StackEvents"]
        return "; ".join(event.get("ResourceStatusReason", "") for event in events)


class ChangeSets(StackTest):
    def test_a_change_set_asked_for_twice_with_one_token_is_one(self):
        first = self.create(topic("a"), ClientToken="t")
        again = self.create(topic("a"), ClientToken="t")
        self.assertEqual((first["Id"], first["StackId"]), (again["Id"], again["StackId"]))
        self.refused("AlreadyExistsException", topic("a"), ClientToken="other")
        self.refused("AlreadyExistsException", topic("a"))

    def test_a_change_set_leaves_a_stack_that_nothing_is_made_of_and_the_next_is_of_the_same(self):
        first = self.create(topic("a"))
        self.assertEqual(self.shown()["StackStatus"], "REVIEW_IN_PROGRESS")
        self.assertEqual(self.create(topic("b"), name="two")["StackId"], first["StackId"])
        self.assertEqual(self.shown()["StackId"], first["StackId"])
        self.refused("ValidationError", "no template", name="three")
        self.assertEqual(self.shown()["StackId"], first["StackId"])
        self.refused("ValidationError", topic("c"), name="three", kind="UPDATE")

    def test_executing_one_deletes_the_others_and_a_stack_that_is_there_is_not_made_again(self):
        self.create(topic("a"))
        self.create(topic("b"), name="two")
        self.assertEqual(self.execute("two")["StackStatus"], "CREATE_COMPLETE")
        with self.assertRaises(ClientError):
            self.stacks.describe_change_set(StackName=self.stack, ChangeSetName="one")
        self.refused("ValidationError", topic("c"), name="three")

    def test_only_what_cannot_be_changed_is_replaced(self):
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        self.create(template(It=bucket(name)))
        self.execute()
        self.create(template(It=bucket(name, "Enabled")), name="in-place", kind="UPDATE")
        self.create(template(It=bucket(f"{name}-2")), name="anew", kind="UPDATE")
        self.assertEqual(self.change("in-place"), ("False", None))
        self.assertEqual(self.change("anew"), ("True", "ReplaceAndRetain"))

    def test_a_role_is_passed_trusted_kept_and_the_only_one_that_a_condition_lets_through(self):
        service = "cloudformation.amazonaws.com"
        execution, other = (self.role(HUB, service, allow("sns:*")) for _ in range(2))
        untrusted = self.role(HUB, "lambda.amazonaws.com", allow("sns:*"))
        condition = {"ArnEquals": {"cloudformation:RoleArn": execution}}
        create, passes = allow("cloudformation:CreateChangeSet", **condition), allow("iam:PassRole", execution)
        cannot = self.as_role(self.role(HUB, HUB, create), "cloudformation", HUB)
        can = self.as_role(self.role(HUB, HUB, create, passes), "cloudformation", HUB)
        said = self.refused("AccessDenied", topic("a"), stacks=cannot, RoleARN=execution)
        self.assertIn("iam:PassRole", said)
        self.refused("AccessDenied", topic("a"), stacks=can, RoleARN=other)
        self.refused("AccessDenied", topic("a"), stacks=can)
        self.refused("ValidationError", topic("a"), RoleARN=untrusted)
        self.create(topic("a"), stacks=can, RoleARN=execution)
        self.assertEqual(self.execute()["RoleARN"], execution)

    def test_a_resource_that_the_role_may_not_make_fails_and_what_was_made_goes(self):
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        calls = ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketVersioning"]
        role = self.role(HUB, "cloudformation.amazonaws.com", allow(calls))
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}}, "DependsOn": "It", **STAYS}
        self.create(template(It=bucket(name), Key=key), RoleARN=role)
        self.assertEqual(self.execute(RetainExceptOnCreate=True)["StackStatus"], "ROLLBACK_COMPLETE")
        self.assertIn("not authorized to perform: kms:CreateKey", self.reasons())
        self.assertNotIn(name, [it["Name"] for it in self.client("s3", HUB).list_buckets()["Buckets"]])
        self.refused("ValidationError", topic("a"), name="two")
        self.refused("ValidationError", topic("a"), name="two", kind="UPDATE")

    def test_a_change_that_the_kept_role_may_not_make_is_undone(self):
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        calls = ["s3:CreateBucket", "s3:PutBucketVersioning"]
        role = self.role(HUB, "cloudformation.amazonaws.com", allow(calls))
        self.create(template(It=bucket(name)), RoleARN=role)
        self.execute()
        tls = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
        self.create(template(It=bucket(name, **tls)), name="two", kind="UPDATE")
        self.assertEqual(self.execute("two")["StackStatus"], "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("s3:PutBucketOwnershipControls", self.reasons())


class Packs(StackTest):
    """With the role of infra/member-role.yaml."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        body = (pathlib.Path(__file__).parents[4] / "infra" / "member-role.yaml").read_text()
        given = {"HubAccountId": HUB, "HubBusArn": BUS, "StarterPack": "true"}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        stacks = cls().client("cloudformation", HUB)
        stacks.create_stack(
            StackName="member", TemplateBody=body, Parameters=parameters, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        until(lambda: stacks.describe_stacks(StackName="member")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        cls.execution = f"arn:aws:iam::{HUB}:role/phonehome-starter-pack"
        cls.boundary = cls().client("iam", HUB).create_policy(
            PolicyName="phonehome-boundary", PolicyDocument=allow("s3:*")
        )["Policy"]["Arn"]

    def make(self, **resources):
        self.create(template(**resources), RoleARN=self.execution, Tags=[OURS])
        return self.execute(RetainExceptOnCreate=True)["StackStatus"]

    def pack_role(self, **properties):
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s3.amazonaws.com"}}]}
        name = f"role-{uuid.uuid4().hex[:8]}"
        properties = {"RoleName": name, "Path": "/phonehome/", "AssumeRolePolicyDocument": trust, **properties}
        return {"Type": "AWS::IAM::Role", "Properties": properties, **STAYS}

    def test_a_role_is_made_within_the_boundary_alone(self):
        self.assertEqual(self.make(It=self.pack_role()), "ROLLBACK_COMPLETE")
        self.assertIn("iam:CreateRole", self.reasons())
        for properties, status in (
            ({"PermissionsBoundary": self.boundary}, "CREATE_COMPLETE"),
            ({"PermissionsBoundary": f"arn:aws:iam::{HUB}:policy/another"}, "ROLLBACK_COMPLETE"),
            ({"PermissionsBoundary": self.boundary, "Path": "/"}, "ROLLBACK_COMPLETE"),
        ):
            self.setUp()
            self.assertEqual(self.make(It=self.pack_role(**properties)), status, properties)

    def test_a_boundary_is_there_before_the_role(self):
        properties = self.pack_role(PermissionsBoundary=f"arn:aws:iam::{HUB}:policy/gone")
        self.create(template(It=properties))
        self.assertEqual(self.execute()["StackStatus"], "ROLLBACK_COMPLETE")
        self.assertIn("does not exist or is not attachable", self.reasons())

    def test_a_user_is_made_within_the_boundary_alone_and_a_secret_by_its_name_and_empty(self):
        name = f"user-{uuid.uuid4().hex[:8]}"

        def user(**properties):
            properties = {"UserName": name, "Path": "/phonehome/", **properties}
            return {"Type": "AWS::IAM::User", "Properties": properties, **STAYS}

        def secret(name, **properties):
            properties = {"Name": name, **properties}
            return {"Type": "AWS::SecretsManager::Secret", "Properties": properties, **STAYS}

        within = {"PermissionsBoundary": self.boundary}
        for made, status in (
            (user(), "ROLLBACK_COMPLETE"),
            (user(**within, Path="/"), "ROLLBACK_COMPLETE"),
            (user(**within), "CREATE_COMPLETE"),
            (secret(f"somebodys/{name}"), "ROLLBACK_COMPLETE"),
            (secret(f"phonehome/machine-users/{name}", SecretString="x"), "ROLLBACK_COMPLETE"),
            (secret(f"phonehome/machine-users/{name}"), "CREATE_COMPLETE"),
        ):
            self.setUp()
            self.assertEqual(self.make(It=made), status, made)
        described = self.client("secretsmanager", HUB).describe_secret(SecretId=f"phonehome/machine-users/{name}")
        self.assertFalse(described.get("VersionIdsToStages"))

    def test_a_user_has_two_access_keys_at_most(self):
        iam = self.client("iam", HUB)
        name = f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        first = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        iam.create_access_key(UserName=name)
        self.assert_denied("LimitExceeded", iam.create_access_key, UserName=name)
        iam.delete_access_key(UserName=name, AccessKeyId=first)
        iam.create_access_key(UserName=name)

    def test_a_user_is_known_by_its_path_also_by_its_keys(self):
        iam, users = self.client("iam", HUB), f"arn:aws:iam::{HUB}:user/phonehome/*"
        may = allow(["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"], users)
        calls = self.as_role(self.role(HUB, f"arn:aws:iam::{HUB}:root", may), "iam", HUB)
        for path, is_allowed in (("/phonehome/", True), ("/", False)):
            name = f"user-{uuid.uuid4().hex[:8]}"
            iam.create_user(UserName=name, Path=path)
            key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            if is_allowed:
                calls.list_access_keys(UserName=name)
                calls.get_access_key_last_used(AccessKeyId=key)
            else:
                self.assert_denied("AccessDenied", calls.list_access_keys, UserName=name)
                self.assert_denied("AccessDenied", calls.get_access_key_last_used, AccessKeyId=key)

    def test_only_buckets_of_the_account_are_made_and_named_as_what_they_are(self):
        ours = f"b-{uuid.uuid4().hex[:8]}-{HUB}-us-east-1-an"
        regional = {"BucketNamespace": "account-regional"}
        for made, status in (
            (bucket(ours, **regional), "CREATE_COMPLETE"),
            (bucket(ours.replace("us-east-1", "eu-west-1"), **regional), "ROLLBACK_COMPLETE"),
            (bucket("b-anybodys"), "ROLLBACK_COMPLETE"),
            (bucket(f"c-{ours}"), "ROLLBACK_COMPLETE"),
        ):
            self.setUp()
            self.assertEqual(self.make(It=made), status, made)

    def test_the_key_of_a_creation_that_failed_is_given_up(self):
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}, "PendingWindowInDays": 30}, **STAYS}
        self.assertEqual(self.make(Key=key, It={**self.pack_role(), "DependsOn": "Key"}), "ROLLBACK_COMPLETE")

    def test_a_provider_is_one_for_each_url_and_that_somebody_deleted_it_is_drift(self):
        url = "https://token.actions.githubusercontent.com"
        properties = {"Url": url, "ClientIdList": ["sts.amazonaws.com"]}
        provider = {"Type": "AWS::IAM::OIDCProvider", "Properties": properties, **STAYS}
        self.assertEqual(self.make(It=provider), "CREATE_COMPLETE")
        ours = self.stack
        self.setUp()
        self.assertEqual(self.make(It=provider), "ROLLBACK_COMPLETE")
        self.assertIn("already exists", self.reasons())
        self.stack = ours
        self.assertEqual(self.drift(), ("IN_SYNC", []))
        arn = f"arn:aws:iam::{HUB}:oidc-provider/{url.removeprefix('https://')}"
        self.client("iam", HUB).delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        self.assertEqual(self.drift(), ("DELETED", []))

    def streaming(self, name="phonehome-metrics", passed="phonehome-metric-delivery"):
        """A metric stream with what it needs, as a pack has it."""
        arn = {"Fn::GetAtt": ["DeliveryRole", "Arn"]}
        secret = f"phonehome/observability/{uuid.uuid4().hex[:8]}"
        destination = {
            "EndpointConfiguration": {"Url": "https://aws-api.eu01.nr-data.net/cloudwatch-metrics/v1"},
            "SecretsManagerConfiguration": {"Enabled": True, "SecretARN": {"Ref": "Secret"}, "RoleARN": arn},
            "RoleARN": arn, "S3BackupMode": "FailedDataOnly",
            "S3Configuration": {"BucketARN": {"Fn::GetAtt": ["Bucket", "Arn"]}, "RoleARN": arn},
        }
        delivery = {
            "DeliveryStreamName": name, "DeliveryStreamType": "DirectPut",
            "HttpEndpointDestinationConfiguration": destination,
        }
        stream = {
            "Name": name, "OutputFormat": "opentelemetry1.0", "IncludeFilters": [{"Namespace": "AWS/EC2"}],
            "FirehoseArn": {"Fn::GetAtt": ["Delivery", "Arn"]}, "RoleArn": {"Fn::GetAtt": ["StreamRole", "Arn"]},
        }

        def role(role, service):
            trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
            document = {"Version": "2012-10-17", "Statement": [trusted]}
            within = {"PermissionsBoundary": self.boundary, "AssumeRolePolicyDocument": document}
            return self.pack_role(RoleName=role, **within)

        of_account = f"phonehome-metrics-{HUB}-us-east-1-an"
        return {
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": secret}, **STAYS},
            "Bucket": bucket(of_account, BucketNamespace="account-regional"),
            "DeliveryRole": role(passed, "firehose.amazonaws.com"),
            "StreamRole": role("phonehome-metric-stream", "streams.metrics.cloudwatch.amazonaws.com"),
            "Delivery": {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": delivery, **STAYS},
            "Stream": {"Type": "AWS::CloudWatch::MetricStream", "Properties": stream, **STAYS},
        }

    def test_a_metric_stream_is_made_by_its_name_once_there_is_a_key_and_changed_in_place(self):
        for made, why in (
            (self.streaming(name="somebodys"), "firehose:CreateDeliveryStream"),
            (self.streaming(passed=f"role-{uuid.uuid4().hex[:8]}"), "iam:PassRole"),
        ):
            self.assertEqual(self.make(**made), "ROLLBACK_COMPLETE")
            self.assertIn(f"not authorized to perform: {why}", self.reasons())
            self.setUp()
        whole = self.streaming()
        secret = {"Secret": whole["Secret"]}
        self.assertEqual(self.make(**secret), "CREATE_COMPLETE")

        def update(name, resources):
            self.create(template(**resources), name=name, kind="UPDATE", RoleARN=self.execution, Tags=[OURS])
            return self.execute(name, RetainExceptOnCreate=True)["StackStatus"]

        self.assertEqual(update("early", whole), "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("does not exist or is empty", self.reasons())
        self.client("secretsmanager", HUB).put_secret_value(
            SecretId=whole["Secret"]["Properties"]["Name"], SecretString='{"api_key": "x"}'
        )
        self.assertEqual(update("whole", whole), "UPDATE_COMPLETE", self.reasons())
        stream = whole["Stream"]["Properties"]
        other = {**stream, "IncludeFilters": [{"Namespace": "AWS/RDS"}]}
        more = {**whole, "Stream": {**whole["Stream"], "Properties": other}}
        self.create(template(**more), name="other", kind="UPDATE", RoleARN=self.execution, Tags=[OURS])
        self.assertEqual(self.change("other")[0], "False")
        self.assertEqual(self.execute("other")["StackStatus"], "UPDATE_COMPLETE")
        named = {**whole, "Stream": {**whole["Stream"], "Properties": {**stream, "Name": "another"}}}
        self.create(template(**named), name="named", kind="UPDATE", RoleARN=self.execution, Tags=[OURS])
        self.assertEqual(self.change("named")[0], "True")

    def test_what_somebody_changes_of_a_key_is_drift(self):
        key = {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}, "EnableKeyRotation": True}
        self.assertEqual(self.make(It={"Type": "AWS::KMS::Key", "Properties": key, **STAYS}), "CREATE_COMPLETE")
        id = self.stacks.describe_stack_resources(StackName=self.stack)["StackResources"][0]["PhysicalResourceId"]
        self.client("kms", HUB).disable_key_rotation(KeyId=id)
        self.assertEqual(self.drift(), ("MODIFIED", ["/EnableKeyRotation"]))

    def drift(self):
        """Of the stack's only resource."""
        self.stacks.detect_stack_drift(StackName=self.stack)
        (found,) = self.stacks.describe_stack_resource_drifts(StackName=self.stack)["StackResourceDrifts"]
        return found["StackResourceDriftStatus"], [it["PropertyPath"] for it in found.get("PropertyDifferences", [])]
