"""What CloudFormation does that ministack does not."""

import json
import uuid

from support import HUB, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)


class Stacks(BridgeTest):
    def setUp(self):
        self.stacks = self.client("cloudformation", HUB)
        self.stack = f"stack-{uuid.uuid4().hex[:8]}"

    def deploy(self, call, resource_type, **properties):
        """Makes or changes a stack of one resource; answers what its `Ref` is."""
        template = {
            "Resources": {"It": {"Type": resource_type, "Properties": properties}},
            "Outputs": {"Ref": {"Value": {"Ref": "It"}}},
        }
        call(StackName=self.stack, TemplateBody=json.dumps(template))

        def done():
            stack = self.stacks.describe_stacks(StackName=self.stack)["Stacks"][0]
            return stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE") and stack

        return until(done)["Outputs"][0]["OutputValue"]

    def test_a_condition_may_refer_to_the_region(self):
        template = {
            "Conditions": {
                "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
                "There": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
            },
            "Resources": {
                name: {"Type": "AWS::SNS::Topic", "Condition": name} for name in ("Here", "There")
            },
        }
        self.stacks.create_stack(StackName=self.stack, TemplateBody=json.dumps(template))

        def made():
            return self.stacks.describe_stack_resources(StackName=self.stack)["StackResources"]

        self.assertEqual([resource["LogicalResourceId"] for resource in until(made)], ["Here"])

    def test_a_reference_to_a_secret_is_the_arn_that_policies_name(self):
        name = f"a/{self.stack}"
        arn = self.deploy(self.stacks.create_stack, "AWS::SecretsManager::Secret", Name=name, SecretString="s")
        self.assertTrue(arn.startswith(f"arn:aws:secretsmanager:us-east-1:{HUB}:secret:{name}-"))
        reader = self.role(HUB, HUB, allow("secretsmanager:GetSecretValue", arn))
        secrets = self.as_role(reader, "secretsmanager", HUB)
        self.assertEqual(secrets.get_secret_value(SecretId=arn)["SecretString"], "s")
        changed = dict(Name=name, SecretString="s", Description="changed")
        same = self.deploy(self.stacks.update_stack, "AWS::SecretsManager::Secret", **changed)
        self.assertEqual(same, arn)
        known = self.client("secretsmanager", HUB)
        self.assertEqual(known.describe_secret(SecretId=arn)["Description"], "changed")
        self.stacks.delete_stack(StackName=self.stack)
        until(lambda: not known.list_secrets()["SecretList"])
