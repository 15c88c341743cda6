"""A function that opens connections, one after the other, until they meet silence: when that began is its answer."""

import http.client
import json
import os
import socket
import time

APART_SECONDS = 0.005
PATIENCE_SECONDS = 0.25


def passes(event):
    with socket.socket() as one:
        one.settimeout(PATIENCE_SECONDS)
        try:
            one.connect((event["address"], event["port"]))
            return True
        except OSError:
            return False


def packets(event):
    """Waits until packets pass, then, where silence is wanted, until they no longer do; at most `seconds`."""
    end = time.time() + event["seconds"]
    first = None
    while time.time() < end:
        now = time.time()
        passed = passes(event)
        first = first or (now if passed else None)
        if first and not passed:
            return {"passed_ms": round(first * 1000), "silent_ms": round(now * 1000)}
        if first and not event["silence"]:
            break
        time.sleep(APART_SECONDS)
    return {"passed_ms": first and round(first * 1000), "silent_ms": None}


def main():
    while True:
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        asked = api.getresponse()
        event, request = json.load(asked), asked.headers["lambda-runtime-aws-request-id"]
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", json.dumps(packets(event)))
        api.getresponse().read()


main()
