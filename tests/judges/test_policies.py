"""The judges' own tests: an evaluator that allows too much would find nothing wrong."""

import importlib.util
import unittest
from pathlib import Path

from authorize import Mutation, Request, Thing, requests
from models import complaints
from policies import holds, is_allowed
from recorded import Call, read

ALLOW = {"Effect": "Allow", "Action": "ec2:Delete*", "Resource": "arn:aws:ec2:*:111111111111:vpc/*"}
ENTRY = "NetworkAclId=acl-1&Egress=false&Protocol=6&RuleAction=allow"
REQUEST = Request("ec2:DeleteVpc", "arn:aws:ec2:us-east-1:111111111111:vpc/vpc-1", {})


class Policies(unittest.TestCase):
    def test_nothing_is_allowed_that_no_statement_allows(self):
        self.assertTrue(is_allowed([ALLOW], REQUEST))
        for other in ({"Action": "ec2:DeleteSubnet"}, {"Resource": "arn:aws:ec2:*:222222222222:vpc/*"}):
            self.assertFalse(is_allowed([ALLOW | other], REQUEST), other)

    def test_a_deny_is_stronger(self):
        self.assertFalse(is_allowed([ALLOW, ALLOW | {"Effect": "Deny"}], REQUEST))

    def test_what_not_resource_names_is_left_out(self):
        deny = {"Effect": "Deny", "Action": "ec2:*", "NotResource": ALLOW["Resource"]}
        self.assertTrue(is_allowed([ALLOW, deny], REQUEST))
        elsewhere = deny | {"NotResource": "arn:aws:ec2:*:222222222222:vpc/*"}
        self.assertFalse(is_allowed([ALLOW, elsewhere], REQUEST))

    def test_conditions_hold_as_iam_has_it(self):
        tag = "aws:ResourceTag/a"
        for operator, context, wanted in (
            ("StringEquals", {tag: "b"}, True),
            ("StringEquals", {tag: "c"}, False),
            ("StringEquals", {}, False),
            ("StringEqualsIfExists", {}, True),
            ("StringEqualsIfExists", {tag: "c"}, False),
            ("StringNotEquals", {}, True),
            ("StringNotEquals", {tag: "b"}, False),
            ("StringNotEqualsIfExists", {tag: "c"}, True),
            ("ForAllValues:StringEquals", {tag: ["b", "b"]}, True),
            ("ForAllValues:StringEquals", {tag: ["b", "c"]}, False),
            ("ForAllValues:StringEquals", {}, True),
            ("ForAnyValue:StringEquals", {tag: ["b", "c"]}, True),
            ("ForAnyValue:StringEquals", {}, False),
        ):
            self.assertEqual(holds(operator, tag, "b", context), wanted, (operator, context))
        self.assertTrue(holds("Null", tag, "true", {}))
        self.assertFalse(holds("Null", tag, "true", {tag: "b"}))
        self.assertTrue(holds("Null", tag, "false", {tag: "b"}))
        with self.assertRaises(ValueError):
            holds("NumericLessThan", tag, "1", {tag: "2"})


def judges():
    """The program itself, whose name a test runner has taken."""
    path = Path(__file__).with_name("__main__.py")
    spec = importlib.util.spec_from_file_location("judges", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Versions(unittest.TestCase):
    def test_what_is_recorded_of_the_present_version_is_the_present_template(self):
        run = judges()
        newest = run.VERSIONS[max(run.VERSIONS)]
        self.assertEqual(run.member("111111111111", newest), run.member("111111111111"))

    def test_a_call_needs_the_first_version_from_which_on_it_is_allowed(self):
        run = judges()
        vpc = Thing("vpc-1", "111111111111", tags={"phonehome:managed-by": "phonehome"})
        mutation = Mutation(Call("111111111111", "ec2", "ModifyVpcAttribute", {}), (vpc,))
        self.assertEqual(run.first_version(mutation), 1)
        statements = run.member
        for denied, first in (((1,), 2), ((2,), 3), ((3,), None), ((), 1)):
            run.member = lambda account, path, denied=denied: (
                [] if int(path.stem) in denied else statements(account, path)
            )
            self.assertEqual(run.first_version(mutation), first, denied)


class Calls(unittest.TestCase):
    def form(self, operation, body):
        line = {"account": "111111111111", "operation": f"ec2:{operation}", "status": 200, "answer": None}
        return read(line | {"body": f"Action={operation}&Version=2016-11-15&{body}"})

    def test_a_form_is_read_as_the_model_has_it(self):
        call = self.form("CreateSubnet", "VpcId=vpc-1&TagSpecification.1.ResourceType=subnet"
                         "&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b")  # fmt: skip
        specification = {"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}
        self.assertEqual(call.parameters, {"VpcId": "vpc-1", "TagSpecifications": [specification]})
        self.assertEqual(complaints(call), [])

    def test_what_the_model_does_not_know_is_told(self):
        for operation, body, part in (
            ("CreateSubnet", "VpcId=vpc-1&Vpc=vpc-1", "not in the model: Vpc"),
            ("CreateSubnet", "CidrBlock=10.0.0.0%2F24", "VpcId"),
            ("CreateVpcEndpoint", "VpcId=v&VpcEndpointType=Door", "none of"),
            ("CreateNetworkAclEntry", f"{ENTRY}&RuleNumber=x", "RuleNumber"),
            ("DeleteEverything", "", "no operation"),
        ):
            told = "; ".join(complaints(self.form(operation, body)))
            self.assertIn(part, told, operation)

    def test_every_resource_of_a_call_is_asked_about(self):
        call = Call("111111111111", "ec2", "CreateNatGateway", {"TagSpecifications": [{"Tags": [{"Key": "a"}]}]})
        ours = {"phonehome:managed-by": "phonehome"}
        things = (Thing("subnet-1", "111111111111", tags=ours), Thing("eipalloc-1", "111111111111"))
        asked = requests(Mutation(call, things, "natgateway"))
        kinds = [(it.action, it.resource.split(":")[5].partition("/")[0]) for it in asked]
        self.assertEqual(kinds, [
            ("ec2:CreateNatGateway", "subnet"),
            ("ec2:CreateNatGateway", "elastic-ip"),
            ("ec2:CreateNatGateway", "natgateway"),
            ("ec2:CreateTags", "natgateway"),
        ])  # fmt: skip
        self.assertEqual(asked[0].context["aws:ResourceTag/phonehome:managed-by"], "phonehome")
        self.assertEqual(asked[2].context, {"aws:RequestTag/a": "", "aws:TagKeys": ["a"]})

    def test_a_call_whose_resources_are_not_known_is_no_proof(self):
        with self.assertRaises(ValueError):
            requests(Mutation(Call("111111111111", "ec2", "DeleteVpc", {}), ()))


if __name__ == "__main__":
    unittest.main()
