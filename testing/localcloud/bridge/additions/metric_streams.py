"""CloudFormation: metric streams, which ministack lacks, and delivery streams of Firehose to an HTTP endpoint with a secret.
Nothing is streamed and nothing is sent: what is here is that they are made of what is there, changed, and taken away."""

import json

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import firehose, iam, s3, secretsmanager
from ministack.services.cloudformation import drift, provisioners

from .pack_kinds import refuses

STREAM, DELIVERY = "AWS::CloudWatch::MetricStream", "AWS::KinesisFirehose::DeliveryStream"
FORMATS = ("json", "opentelemetry0.7", "opentelemetry1.0")

provisioners._REPLACING_PROPERTIES.update({STREAM: ("Name",), DELIVERY: ("DeliveryStreamName", "DeliveryStreamType")})
provisioners._STACK_TAG_PROPERTY[STREAM] = ("Tags", "list")
provisioners._STACK_TAG_PROPERTY[DELIVERY] = ("Tags", "list")

_streams = AccountRegionScopedDict()


def must_be_assumed_by(role_arn, service):
    """A service refuses a role that it may not assume when a stream is made with it."""
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    statements = json.loads(role["AssumeRolePolicyDocument"])["Statement"] if role else []
    if not any((it.get("Principal") or {}).get("Service") == service for it in statements):
        raise ValueError(f"{service} is unable to assume role {role_arn}")


def check_stream(props):
    """What PutMetricStream refuses."""
    if props.get("OutputFormat") not in FORMATS:
        raise ValueError(f"OutputFormat is none of {', '.join(FORMATS)}")
    if props.get("IncludeFilters") and props.get("ExcludeFilters"):
        raise ValueError("IncludeFilters and ExcludeFilters cannot be used together")
    must_be_assumed_by(props["RoleArn"], "streams.metrics.cloudwatch.amazonaws.com")
    name = props["FirehoseArn"].rsplit("/", 1)[-1]
    if props["FirehoseArn"] != firehose._stream_arn(name) or name not in firehose._streams:
        raise ValueError(f"The delivery stream {props['FirehoseArn']} does not exist")


def stream_arn(name):
    return f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:metric-stream/{name}"


def stream_create(_logical_id, props, _stack_name):
    if props["Name"] in _streams:
        raise ValueError(f"Metric stream {props['Name']} already exists")
    check_stream(props)
    _streams[props["Name"]] = dict(props)
    return props["Name"], {"Arn": stream_arn(props["Name"]), "State": "running"}


def stream_update(name, _old, props, _stack_name):
    check_stream(props)
    _streams[name] = dict(props)
    return name, {"Arn": stream_arn(name), "State": "running"}


def stream_delete(name, _props):
    _streams.pop(name, None)


provisioners._RESOURCE_HANDLERS[STREAM] = {"create": stream_create, "update": stream_update, "delete": stream_delete}


@refuses(DELIVERY)
def check_destination(props):
    """What Firehose asks of an HTTP endpoint's key and role, and of the bucket for what could not be sent."""
    destination = props.get("HttpEndpointDestinationConfiguration")
    if not destination:
        return
    must_be_assumed_by(destination["RoleARN"], "firehose.amazonaws.com")
    key = destination.get("SecretsManagerConfiguration") or {}
    if key.get("Enabled"):
        _name_of, secret = secretsmanager._resolve(key["SecretARN"])
        if not secret or not secret.get("Versions"):
            raise ValueError(f"The secret {key['SecretARN']} does not exist or is empty")
    bucket = destination["S3Configuration"]["BucketARN"].removeprefix("arn:aws:s3:::")
    if bucket not in s3._buckets:
        raise ValueError(f"The bucket {bucket} does not exist")


def read_stream(name, _props):
    """What drift shows of a metric stream."""
    return _streams.get(name)


SHOWN = frozenset({"FirehoseArn", "IncludeFilters", "Name", "OutputFormat", "RoleArn"})
drift._DRIFT_READERS[STREAM] = (read_stream, SHOWN)
