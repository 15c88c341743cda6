"""The local cloud: ministack with the AWS behaviour it lacks.

    python bridge.py

starts ministack's own server with some of its functions replaced. Every
replacement names the AWS behaviour it stands for. The environment is
ministack's (GATEWAY_PORT, AUTH, ...) and:

    PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT  the account that owns the organization
    PHONEHOME_LOCAL_ORGANIZATION_ID     the organization's id, such as o-phonehome1
    PHONEHOME_LOCAL_HUB_ACCOUNT         an account of it that may read it (optional)
    PHONEHOME_LOCAL_SCHEDULE_SECONDS    how often schedules of rate(1 minute) fire (optional)
    PHONEHOME_LOCAL_REGIONS             the only Regions that accounts have, by commas (optional)
    PHONEHOME_LOCAL_CONCURRENCY         Lambda's quota of an account and Region (optional: a fresh account's, 10)
    PHONEHOME_LOCAL_CHAIN               how often a function may be invoked in a chain of its own (optional: 16)
    PHONEHOME_LOCAL_FRESH_ROLE_SECONDS  how long a service does not know a fresh role (optional: 0.5)
    PHONEHOME_LOCAL_CLOSE_SECONDS       how long an account takes to be closed (optional: 0.2; AWS takes minutes)
    PHONEHOME_LOCAL_CLOSE_EVERY_SECONDS how soon another one may be asked for (optional: 0; AWS has 20)
    PHONEHOME_LOCAL_CLOSE_QUOTA         how many may be closed in 30 days (optional: 250)
    PHONEHOME_LOCAL_CONFLICT_EVERY      which write to DynamoDB meets a transaction: each Nth (optional: none)
    PHONEHOME_LOCAL_LAB                 the socket of a packet lab, which runs the functions in VPCs (optional: they
                                        run on this machine, as all others)
    PHONEHOME_LOCAL_ACCOUNT_SECONDS     how long Organizations takes to make an account (optional: 0.2)
    PHONEHOME_LOCAL_STOP_WITH_STDIN     end, with the functions, when standard input ends (optional)

Events of AWS services enter by POST /_phonehome/events with
{"account", "region", "event": {"source", "detail-type", "detail", "resources"?, "time"?, "id"?}}.
Where an issuer of tokens is on this machine is told by POST /_phonehome/issuers with {"issuer", "address"}.
GET /_phonehome/changes says how often the network of each account and Region has changed.
"""

import os
import signal
import threading

from additions import settings  # before ministack, which reads the environment when imported

import ministack.app as gateway
# Importing these puts their functions in place.
from additions import (  # noqa: F401
    access_keys,
    account_settings,
    buses,
    calls,
    change_sets,
    changes,
    closing,
    concurrency,
    conflicts,
    entrance,
    execution_role,
    fresh_roles,
    invocations,
    key_use,
    lab,
    metric_streams,
    networks,
    organization,
    pack_kinds,
    permissions,
    properties,
    recursion,
    refusals,
    schedules,
    stacks,
    streams,
    vending,
    web_identity,
)


def stop_with_stdin():
    """Whoever started the bridge holds its standard input open; it ends however they end."""
    # Not sys.stdin: its lock, held by a thread that waits, would keep Python from ending.
    while os.read(0, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def main():
    organization.build_organization()
    schedules.start()
    if settings.STOP_WITH_STDIN:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    gateway.main()


if __name__ == "__main__":
    main()
