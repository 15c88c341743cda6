"""What `sam deploy` does: packages to S3, their addresses into the template, the stack, its end."""

import hashlib
import pathlib
import re
import time

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEPLOY_SECONDS = 120
FAILED = re.compile(r"FAILED|ROLLBACK")


def deploy(cloud, account, region, stack, template, parameters, artifacts):
    """Create or update a stack and answer its outputs; what is up to date already is no error."""
    bucket = f"phonehome-artifacts-{account}-{region}"
    s3 = cloud.client("s3", account, region)
    s3.create_bucket(Bucket=bucket)
    addresses = artifacts and upload(s3, bucket, artifacts)
    body = with_artifacts(pathlib.Path(template).read_text(), addresses)
    formation = cloud.client("cloudformation", account, region)
    arguments = {
        "StackName": stack,
        "TemplateURL": stored(s3, bucket, body),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": CAPABILITIES,
    }
    if find_stack(formation, stack) is None:
        formation.create_stack(**arguments)
    elif not update(formation, arguments):
        return outputs(find_stack(formation, stack))
    return outputs(wait(formation, account, stack))


def upload(s3, bucket, artifacts):
    """Under a name made of the content, as `sam package` does: a new build is a new address."""
    addresses = {}
    for code_uri, path in artifacts.items():
        content = pathlib.Path(path).read_bytes()
        key = f"{pathlib.Path(path).stem}/{hashlib.sha256(content).hexdigest()}.zip"
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        addresses[code_uri] = f"s3://{bucket}/{key}"
    return addresses


def stored(s3, bucket, body):
    """Where the template is then: in a request CloudFormation takes 51,200 bytes, in a bucket a million."""
    key = f"templates/{hashlib.sha256(body.encode()).hexdigest()}.yaml"
    s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    return f"https://s3.amazonaws.com/{bucket}/{key}"


def with_artifacts(template, addresses):
    for code_uri, address in addresses.items():
        pattern = rf"(?m)^(\s*CodeUri:\s*){re.escape(code_uri)}\s*$"
        template, found = re.subn(pattern, rf"\g<1>{address}", template)
        if not found:
            raise ValueError(f"the template has no `CodeUri: {code_uri}`")
    missing = re.findall(r"(?m)^\s*CodeUri:\s*(?!s3://)(\S+)\s*$", template)
    if missing:
        raise ValueError(f"no artifact is given for `CodeUri: {missing[0]}`")
    return template


def find_stack(formation, stack):
    try:
        return formation.describe_stacks(StackName=stack)["Stacks"][0]
    except formation.exceptions.ClientError as problem:
        if "does not exist" in str(problem):
            return None
        raise


def update(formation, arguments):
    """Whether there was anything to update."""
    try:
        formation.update_stack(**arguments)
        return True
    except formation.exceptions.ClientError as problem:
        if "No updates are to be performed" in str(problem):
            return False
        raise


def wait(formation, account, stack):
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        seen = find_stack(formation, stack) or {"StackStatus": "DELETED"}
        status = seen["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return seen
        if not status.endswith(("IN_PROGRESS", "CLEANUP_IN_PROGRESS")):
            reasons = "; ".join(failures(formation, stack)) or "no reason given"
            raise RuntimeError(f"stack {stack} in {account} is {status}: {reasons}")
        time.sleep(0.1)
    raise TimeoutError(f"stack {stack} in {account} is still {status} after {DEPLOY_SECONDS} s")


def failures(formation, stack):
    return [
        f"{event['resource']} ({event['kind']}): {event['reason']}"
        for event in events(formation, stack)
        if FAILED.search(event["status"]) and event["reason"]
    ]


def outputs(stack):
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def events(formation, stack):
    found = formation.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        {
            "resource": event["LogicalResourceId"],
            "kind": event["ResourceType"],
            "status": event["ResourceStatus"],
            "reason": event.get("ResourceStatusReason", ""),
        }
        # Newest first, and several have the same second.
        for event in reversed(found)
    ]


def stack_events(cloud, account, region, stack):
    """What happened to a stack, oldest first."""
    return events(cloud.client("cloudformation", account, region), stack)
