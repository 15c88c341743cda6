"""Lambda: every event source mapping of a table's stream is read on its own."""

import contextvars
import threading

from ministack.core.concurrency import esm_wake
from ministack.services import lambda_svc

from .replacing import in_background, replaces

# The mapping that the thread reads, as ministack lists them; None: the thread that looks at all.
read_here = contextvars.ContextVar("read_here", default=None)
being_read = set()
being_read_lock = threading.Lock()


@replaces(lambda_svc, "_iter_all_esms")
def iter_all_esms(original):
    one = read_here.get()
    return original() if one is None else iter([one])


@replaces(lambda_svc, "_poll_dynamodb_streams")
def poll_dynamodb_streams(original):
    """A function that takes its time holds up no other one: ministack has one thread for all mappings, of
    queues too, which waits for what a stream has invoked."""
    for mapping in lambda_svc._iter_all_esms():
        _, _, settings = mapping
        with being_read_lock:
            if ":dynamodb:" not in settings.get("EventSourceArn", "") or settings["UUID"] in being_read:
                continue
            being_read.add(settings["UUID"])
        in_background(read, original, mapping)
    return False


def read(original, mapping):
    """Reads a mapping until nothing is left, and has all looked at again: something may have come since."""
    _, _, settings = mapping
    read_here.set(mapping)
    has_read = False
    try:
        while original():
            has_read = True
    finally:
        with being_read_lock:
            being_read.discard(settings["UUID"])
        if has_read:
            esm_wake.set()
