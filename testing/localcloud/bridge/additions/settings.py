"""The environment: checked, completed, and as constants. To be imported before ministack."""

import importlib.metadata
import os
import re
import sys

MINISTACK_VERSION = "1.5.33"
ORGANIZATION_REGION = "us-east-1"


def refuse(message):
    sys.exit(f"bridge: {message}")


def check_version():
    """The replaced functions are ministack's internals: any other version may differ."""
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != MINISTACK_VERSION:
        refuse(f"needs ministack {MINISTACK_VERSION}, found {found}; install xtask/requirements/localcloud.txt")


def prepare_environment():
    """Loopback only, and functions whose SDK calls come back here instead of reaching AWS."""
    port = os.environ.setdefault("GATEWAY_PORT", "4566")
    for name, value in {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        os.environ.setdefault(name, value)
    if os.environ["BIND_HOST"] != "127.0.0.1":
        refuse("BIND_HOST must be 127.0.0.1: the event entrance has no authentication")


def setting(name, pattern, default=None):
    value = os.environ.get(name) or default
    if value is None or not re.fullmatch(pattern, value):
        refuse(f"{name} must match {pattern}, got {value!r}")
    return value


check_version()
prepare_environment()
MANAGEMENT = setting("PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT", r"\d{12}")
HUB = setting("PHONEHOME_LOCAL_HUB_ACCOUNT", r"\d{12}", MANAGEMENT)
ORGANIZATION = setting("PHONEHOME_LOCAL_ORGANIZATION_ID", r"o-[a-z0-9]{10,32}")
SCHEDULE_SECONDS = int(setting("PHONEHOME_LOCAL_SCHEDULE_SECONDS", r"[1-9]\d?", "60"))
CONCURRENCY = int(setting("PHONEHOME_LOCAL_CONCURRENCY", r"[1-9]\d{0,3}", "10"))
CHAIN = int(setting("PHONEHOME_LOCAL_CHAIN", r"[1-9]\d?", "16"))
FRESH_ROLE_SECONDS = float(setting("PHONEHOME_LOCAL_FRESH_ROLE_SECONDS", r"\d(\.\d+)?", "0.5"))
CONFLICT_EVERY = int(setting("PHONEHOME_LOCAL_CONFLICT_EVERY", r"\d{1,4}", "0"))
REGIONS = set(filter(None, setting("PHONEHOME_LOCAL_REGIONS", r"[a-z0-9,-]*", "").split(",")))
LAB = setting("PHONEHOME_LOCAL_LAB", r"/.+|", "")
ACCOUNT_SECONDS = float(setting("PHONEHOME_LOCAL_ACCOUNT_SECONDS", r"\d{1,2}(\.\d+)?", "0.2"))
STOP_WITH_STDIN = setting("PHONEHOME_LOCAL_STOP_WITH_STDIN", "[01]", "0") == "1"
