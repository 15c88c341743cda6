"""People who work in accounts with roles."""

ACCESS_ROLE = "OrganizationAccountAccessRole"
TRAIL = "organization"


def call(cloud, account, region, person, service, operation, arguments):
    """Somebody with the account's administrator role makes a call, such as `ec2`, `delete_route`."""
    client = cloud.client_as(ACCESS_ROLE, service, account, region, person)
    return getattr(client, operation)(**arguments)


def call_with_key(cloud, region, access_key_id, secret_access_key, service, operation, arguments):
    """A pipeline makes a call with an access key of an IAM user."""
    client = cloud.client_with(
        service, region, aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key,
    )
    return getattr(client, operation)(**arguments)


def in_management_account(cloud, region, service, operation, arguments):
    """Somebody makes a call in the management account, whose root may do anything."""
    answer = getattr(cloud.client(service, cloud.management, region), operation)(**arguments)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def organization_trail(cloud, region):
    """The organization's trail, in all Regions, in the management account."""
    trails = cloud.client("cloudtrail", cloud.management, region)
    trails.create_trail(
        Name=TRAIL, S3BucketName=f"{TRAIL}-trail-{cloud.management}", IsMultiRegionTrail=True, IsOrganizationTrail=True,
    )
    trails.start_logging(Name=TRAIL)


def stop_trail(cloud, region):
    cloud.client("cloudtrail", cloud.management, region).stop_logging(Name=TRAIL)


def credentials_of(cloud, account, region, role, by, session):
    """Credentials of a role of an account, which the root of another, or of the same, assumes."""
    keys = cloud.assume(by, f"arn:aws:iam::{account}:role/{role}", region, session)
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def accounts(cloud, region):
    """The accounts of the organization that are open."""
    pages = cloud.client("organizations", cloud.management, region).get_paginator("list_accounts").paginate()
    found = [account for page in pages for account in page["Accounts"]]
    return [{"id": one["Id"], "name": one["Name"]} for one in found if one["Status"] == "ACTIVE"]
