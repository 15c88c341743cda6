"""What a packet lab needs: to be told which networks have changed, and to be given the functions in VPCs."""

import io
import json
import os
import pathlib
import socket
import tempfile
import threading
import urllib.request
import uuid
import zipfile

import support
from support import BridgeTest
from support import tearDownModule  # noqa: F401  (unittest looks for it here)

HERE, THERE, NOWHERE = "333333333333", "444444444444", "555555555555"
FOLDER = tempfile.TemporaryDirectory()
SOCKET = f"{FOLDER.name}/lab"


def setUpModule():
    support.setUpModule(PHONEHOME_LOCAL_LAB=SOCKET)


class Lab:
    """Stands for the lab: answers what it is told to, in turn, and keeps what it was asked."""

    def __init__(self, *answers):
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        self.listener.listen()
        threading.Thread(target=self.serve, args=(answers,), daemon=True).start()

    def serve(self, answers):
        for answer in answers:
            with self.listener.accept()[0] as asking:
                self.asked.append(json.loads(b"".join(iter(lambda: asking.recv(65536), b""))))
                asking.sendall(json.dumps(answer).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(SOCKET)


def ended(outcome, log=""):
    return {"ended": {"outcome": outcome, "log": log}}


class FunctionsInVpcs(BridgeTest):
    def in_vpc(self, **settings):
        """A function whose code would say so if it ran anywhere else."""
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("bootstrap", "#!/bin/sh\nexit 9\n")
            archive.writestr("authorities.pem", "of our own")
        functions, name = self.client("lambda", HERE), f"function-{uuid.uuid4().hex[:8]}"
        functions.create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", MemorySize=256, Timeout=7,
            Role=self.role(HERE, "lambda.amazonaws.com"), Code={"ZipFile": package.getvalue()},
            **{"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}, **settings},
        )

        def invoke(payload):
            answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload))
            return answer.get("FunctionError"), json.load(answer["Payload"])

        return name, invoke

    def test_a_function_in_a_vpc_runs_in_the_lab_as_it_is_deployed(self):
        name, invoke = self.in_vpc(Environment={"Variables": {"OWN": "variable"}})
        with Lab(ended({"response": {"said": "yes"}})) as lab:
            self.assertEqual(invoke({"n": 1}), (None, {"said": "yes"}))
        (run,) = [asked["run"] for asked in lab.asked]
        folder = pathlib.Path(run.pop("folder"))
        self.assertEqual((folder / "authorities.pem").read_text(), "of our own")
        self.assertTrue(os.access(folder / "bootstrap", os.X_OK))
        self.assertRegex(run.pop("request_id"), r"^[0-9a-f-]{36}$")
        self.assertEqual(run, {
            "stack": f"{HERE}/us-east-1", "function": name, "event": {"n": 1}, "timeout_s": 7, "memory_mb": 256,
            "environment": {"OWN": "variable"},
        })

    def test_a_function_that_the_lab_does_not_know_yet_is_asked_for_again(self):
        _, invoke = self.in_vpc()
        unknown = {"refused": {"reason": "unknown_function", "message": "no such function"}}
        with Lab(unknown, unknown, ended({"response": 1})) as lab:
            self.assertEqual(invoke({}), (None, 1))
        self.assertEqual(len(lab.asked), 3)

    def test_failures_are_told_as_lambda_tells_them(self):
        _, invoke = self.in_vpc()
        for answer, kind, message in [
            (ended("timed_out"), "Sandbox.Timedout", "Task timed out after 7.00 seconds"),
            (ended({"exited": "status 3"}), "Runtime.ExitError", "Runtime exited without providing a reason: status 3"),
            (ended({"error": {"errorType": "Own", "errorMessage": "no"}}), "Own", "no"),
            ({"refused": {"reason": "failed", "message": "no room"}}, "Runtime.Unknown", "no room"),
        ]:
            with Lab(answer):
                error, body = invoke({})
            self.assertEqual((error, body["errorType"], body["errorMessage"]), ("Unhandled", kind, message))
        error, body = invoke({})
        self.assertIn(f"the lab at {SOCKET}", body["errorMessage"], "nobody serves there any more")

    def test_a_function_in_no_vpc_runs_on_this_machine(self):
        _, invoke = self.in_vpc(VpcConfig={})
        with Lab() as lab:
            error, body = invoke({})
        self.assertEqual((lab.asked, error), ([], "Unhandled"))
        self.assertNotIn("lab", json.dumps(body))


class Changes(BridgeTest):
    def counts(self):
        with urllib.request.urlopen(f"{self.url}/_phonehome/changes") as answer:
            return json.load(answer)

    def changed_by(self, call, **arguments):
        """By how much each account's count grows."""
        before = self.counts()
        answer = call(**arguments)
        grown = {place: count - before.get(place, 0) for place, count in self.counts().items()}
        return answer, {place: by for place, by in grown.items() if by}

    def test_what_changes_a_network_counts_and_what_looks_at_it_does_not(self):
        ec2 = self.client("ec2", HERE, "eu-central-1")
        made, changed = self.changed_by(ec2.create_vpc, CidrBlock="10.0.0.0/18")
        self.assertEqual(changed, {f"{HERE}/eu-central-1": 1})
        for call in (ec2.describe_vpcs, ec2.describe_route_tables):
            self.assertEqual(self.changed_by(call)[1], {})
        _, changed = self.changed_by(ec2.delete_vpc, VpcId=made["Vpc"]["VpcId"])
        self.assertEqual(changed, {f"{HERE}/eu-central-1": 1})

    def test_what_is_refused_does_not_count(self):
        ec2 = self.client("ec2", NOWHERE)

        def refused():
            self.assert_denied("InvalidVpcID.NotFound", ec2.delete_vpc, VpcId="vpc-1")

        self.assertEqual(self.changed_by(refused)[1], {})

    def test_a_peering_counts_in_both_accounts(self):
        here, there = self.client("ec2", HERE), self.client("ec2", THERE)
        ours, theirs = (ec2.create_vpc(CidrBlock="10.0.0.0/18")["Vpc"]["VpcId"] for ec2 in (here, there))
        both = {f"{HERE}/us-east-1": 1, f"{THERE}/us-east-1": 1}
        made, changed = self.changed_by(
            here.create_vpc_peering_connection, VpcId=ours, PeerVpcId=theirs, PeerOwnerId=THERE
        )
        self.assertEqual(changed, both)
        peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        for call in (there.accept_vpc_peering_connection, here.delete_vpc_peering_connection):
            self.assertEqual(self.changed_by(call, VpcPeeringConnectionId=peering)[1], both)

    def test_a_function_counts_and_its_invocation_does_not(self):
        role = self.role(THERE, "lambda.amazonaws.com")
        (functions, name, _), changed = self.changed_by(self.create_function, account=THERE, role=role)
        self.assertEqual(changed, {f"{THERE}/us-east-1": 1})
        self.assertEqual(self.changed_by(functions.invoke, FunctionName=name, Payload="{}")[1], {})
