"""Lambda: a chain of a function's own invocations is stopped at about the sixteenth."""

import contextlib
import contextvars
import hashlib
import re
import secrets
import time

from ministack.services import lambda_svc, sns, sqs

from .replacing import log, replaces
from .settings import CHAIN

lambda_svc.MAX_INVOKE_DEPTH = CHAIN

# The trace header of the request, or the message, that is being worked on. Invocations, messages and
# notifications that come of it carry its lineage on.
inbound = contextvars.ContextVar("inbound_trace", default="")
fanning_out = contextvars.ContextVar("fanning_out", default=False)


@contextlib.contextmanager
def lineage_of(header):
    token = inbound.set(header or "")
    try:
        yield
    finally:
        inbound.reset(token)


def lineage(header):
    """How often each function was invoked in this chain: `Lineage=1:68fd508a:5,c512fbe3:2`."""
    found = re.search(r"(?:^|;)\s*Lineage=(?:1:)?([0-9a-f:,]+)", header or "")
    steps = (step.rpartition(":") for step in found.group(1).split(",")) if found else ()
    return {function: int(count) for function, _, count in steps if function and count.isdigit()}


def mark(config):
    """What a function is called in a lineage: eight hexadecimal digits."""
    unqualified = ":".join(config.get("FunctionArn", "").split(":")[:7])
    return hashlib.sha256(unqualified.encode()).hexdigest()[:8]


def invoked_before(config):
    return lineage(inbound.get()).get(mark(config), 0)


@replaces(lambda_svc, "_xray_trace_id_for_invocation")
def trace_header(_original, config, _inbound_trace_header=None):
    """Every invocation has a trace header; runtimes and SDKs carry it to SQS, SNS and Lambda."""
    counts = lineage(inbound.get())
    counts[mark(config)] = counts.get(mark(config), 0) + 1
    root = re.search(r"Root=([^;]+)", inbound.get())
    root = root.group(1) if root else f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    steps = ",".join(f"{function}:{count}" for function, count in counts.items())
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;Lineage=1:{steps}"


@replaces(lambda_svc, "_execute_function_dispatch")
def execute_function_dispatch(original, function, config, *arguments):
    """Where `RecursiveLoop` is not `Allow`, what would be one too many, usually the seventeenth, is dropped and counted."""
    name = config.get("FunctionName")
    record = lambda_svc._functions.get(name) or function
    before = invoked_before(config)
    if before:
        log.info("%s is invoked for time %d in a chain of its own", name, before + 1)
    if not lambda_svc._recursive_loop_drop(name, record, before + 1):
        return original(function, config, *arguments)
    error = {"errorType": "RecursiveInvocationException", "errorMessage": f"{name} invokes itself"}
    return {"body": error, "error": True, "recursive": True, "log": ""}


@replaces(lambda_svc, "_run_sqs_batch")
def run_sqs_batch(original, mapping, function, event, *arguments):
    """A batch is as deep in a chain as the deepest of its messages.

    A refused message stays in its queue, so that it ends as the queue's redrive policy says."""
    config = function.get("config") or function
    headers = [record["attributes"].get("AWSTraceHeader") or "" for record in event["Records"]]
    with lineage_of(max(headers, key=lambda header: lineage(header).get(mark(config), 0))):
        return original(mapping, function, event, *arguments)


@replaces(sqs, "_build_send_sys_attrs")
def build_send_sys_attrs(original, now, given):
    """A sender's trace header becomes the message's AWSTraceHeader."""
    attributes = original(now, given)
    if inbound.get():
        attributes.setdefault("AWSTraceHeader", inbound.get())
    return attributes


@replaces(sns, "_deliver_to_sqs")
def deliver_to_sqs(original, *arguments, **more):
    token = fanning_out.set(True)
    try:
        return original(*arguments, **more)
    finally:
        fanning_out.reset(token)


@replaces(sqs, "_ensure_msg_fields")
def ensure_msg_fields(original, message):
    """A publisher's trace header goes with the notification into the queues that get it."""
    original(message)
    if fanning_out.get() and inbound.get():
        message["sys"].setdefault("AWSTraceHeader", inbound.get())


def takes_the_trace_header(original, method, path, headers, *arguments):
    inbound.set(headers.get("x-amzn-trace-id") or "")
    return original(method, path, headers, *arguments)


for service in (lambda_svc, sns, sqs):
    replaces(service, "handle_request")(takes_the_trace_header)
