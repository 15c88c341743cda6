"""People who work in accounts with roles, and what CloudTrail tells of them."""

import time

ACCESS_ROLE = "OrganizationAccountAccessRole"


def delete_route(cloud, account, region, table, destination, person):
    """Somebody with the account's administrator role deletes a route.

    Answers the `detail` of the event that CloudTrail, where it records the account, puts on the
    account's default bus. On AWS that takes some minutes."""
    caller = cloud.client_as(ACCESS_ROLE, "sts", account, region, person).get_caller_identity()
    ec2 = cloud.client_as(ACCESS_ROLE, "ec2", account, region, person)
    answer = ec2.delete_route(RouteTableId=table, DestinationCidrBlock=destination)
    return call_record(
        "DeleteRoute", caller, region, answer["ResponseMetadata"]["RequestId"],
        {"routeTableId": table, "destinationCidrBlock": destination},
    )


def call_record(name, caller, region, request, parameters):
    """CloudTrail's record of a successful call of EC2 by a session of a role."""
    account, arn, now = caller["Account"], caller["Arn"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    role = arn.split("/")[1]
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": caller["UserId"],
            "arn": arn,
            "accountId": account,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": caller["UserId"].split(":")[0],
                    "arn": f"arn:aws:iam::{account}:role/{role}",
                    "accountId": account,
                    "userName": role,
                },
                "attributes": {"creationDate": now, "mfaAuthenticated": "false"},
            },
        },
        "eventTime": now,
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "EC2ConsoleFrontend, aws-internal/3",
        "requestParameters": parameters,
        "responseElements": {"requestId": request, "_return": True},
        "requestID": request,
        "eventID": request,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "sessionCredentialFromConsole": "true",
    }


def organization_trail(cloud, region):
    """The organization's trail, in all Regions, in the management account."""
    trails = cloud.client("cloudtrail", cloud.management, region)
    name = "organization"
    trails.create_trail(
        Name=name, S3BucketName=f"{name}-trail-{cloud.management}", IsMultiRegionTrail=True, IsOrganizationTrail=True,
    )
    trails.start_logging(Name=name)


def credentials_of(cloud, account, region, role):
    """Credentials of a role of this account, for somebody whom it trusts."""
    keys = cloud.assume(account, f"arn:aws:iam::{account}:role/{role}", region, "somebody")
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
