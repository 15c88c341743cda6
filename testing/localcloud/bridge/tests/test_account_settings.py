"""Settings of accounts, as S3 and EC2 have them."""

from support import MANAGEMENT, BridgeTest, allow
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ALL = dict.fromkeys(BLOCKS, True)
NONE = dict.fromkeys(BLOCKS, False)
ACCOUNT, ENCRYPTED, KEYED, PREFERRED, RULED = (digit * 12 for digit in "45678")
OTHER = "888888888889"


def at_one_address(client):
    """boto3 writes the account's id before the host's name, as AWS has it."""

    def strip(request, **_):
        scheme, _, rest = request.url.partition("://")
        account, dot, host = rest.partition(".")
        if dot and account.isdigit() and len(account) == 12:
            request.url = f"{scheme}://{host}"

    client.meta.events.register("before-sign.s3-control.*", strip)
    return client


class AccountSettings(BridgeTest):
    def tearDown(self):
        self.wish(s3_policy=None, metadata_policy=None)

    def s3(self, account):
        return at_one_address(self.client("s3control", account))

    def test_of_an_account_that_never_blocked_there_is_no_block_and_others_have_their_own(self):
        s3, other = self.s3(ACCOUNT), self.s3(OTHER)
        self.assert_denied("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, AccountId=ACCOUNT)
        some = {"BlockPublicAcls": True}
        s3.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=some)
        shown = s3.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
        self.assertEqual(shown, {**NONE, **some})
        s3.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=ALL)
        shown = s3.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
        self.assertEqual(shown, ALL)
        self.assert_denied("NoSuchPublicAccessBlockConfiguration", other.get_public_access_block, AccountId=OTHER)
        self.assert_denied("AccessDenied", other.get_public_access_block, AccountId=ACCOUNT)

    def test_the_block_is_read_and_set_by_who_may(self):
        may_read = self.role(ACCOUNT, ACCOUNT, allow("s3:GetAccountPublicAccessBlock"))
        reader = at_one_address(self.as_role(may_read, "s3control", ACCOUNT))
        put = {"AccountId": ACCOUNT, "PublicAccessBlockConfiguration": ALL}
        self.assert_denied("AccessDenied", reader.put_public_access_block, **put)
        may_set = self.role(ACCOUNT, ACCOUNT, allow("s3:PutAccountPublicAccessBlock"))
        setter = at_one_address(self.as_role(may_set, "s3control", ACCOUNT))
        setter.put_public_access_block(**put)
        self.assert_denied("AccessDenied", setter.get_public_access_block, AccountId=ACCOUNT)
        reader.get_public_access_block(AccountId=ACCOUNT)

    def test_a_policy_of_the_organization_is_above_the_account(self):
        s3 = self.s3(MANAGEMENT)
        for policy, shown in (("none", NONE), ("all", ALL)):
            self.wish(s3_policy=policy)
            seen = s3.get_public_access_block(AccountId=MANAGEMENT)["PublicAccessBlockConfiguration"]
            self.assertEqual(seen, shown)
            put = {"AccountId": MANAGEMENT, "PublicAccessBlockConfiguration": ALL}
            self.assert_denied("AccessDenied", s3.put_public_access_block, **put)

    def test_encryption_by_default_is_the_accounts_in_a_region(self):
        here, there = self.client("ec2", ENCRYPTED), self.client("ec2", ENCRYPTED, "eu-west-1")
        self.assertFalse(here.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
        here.enable_ebs_encryption_by_default()
        here.enable_ebs_encryption_by_default()
        self.assertTrue(here.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
        self.assertFalse(there.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
        here.disable_ebs_encryption_by_default()
        self.assertFalse(here.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])

    def test_the_default_key_is_awss_own_until_one_that_is_there_is_chosen(self):
        ec2, kms = self.client("ec2", KEYED), self.client("kms", KEYED)
        self.assertEqual(ec2.get_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")
        self.assert_denied("InvalidParameterValue", ec2.modify_ebs_default_kms_key_id, KmsKeyId="alias/none")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName="alias/volumes", TargetKeyId=arn)
        for named in ("alias/volumes", arn):
            self.assertEqual(ec2.modify_ebs_default_kms_key_id(KmsKeyId=named)["KmsKeyId"], arn)
            self.assertEqual(ec2.get_ebs_default_kms_key_id()["KmsKeyId"], arn)
        ec2.reset_ebs_default_kms_key_id()
        self.assertEqual(ec2.get_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")

    def test_a_key_is_described_by_its_alias_by_who_may_on_the_key(self):
        kms = self.client("kms", KEYED)
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName="alias/described", TargetKeyId=arn)
        role = self.role(KEYED, KEYED, allow("kms:DescribeKey", f"arn:aws:kms:*:{KEYED}:key/*"))
        may = self.as_role(role, "kms", KEYED)
        self.assertEqual(may.describe_key(KeyId="alias/described")["KeyMetadata"]["Arn"], arn)
        role = self.role(KEYED, KEYED, allow("kms:DescribeKey", f"arn:aws:kms:*:{KEYED}:alias/*"))
        describe = self.as_role(role, "kms", KEYED).describe_key
        self.assert_denied("AccessDeniedException", describe, KeyId="alias/described")

    def test_of_defaults_of_metadata_what_is_not_named_stays(self):
        ec2 = self.client("ec2", PREFERRED)
        ec2.modify_instance_metadata_defaults(HttpPutResponseHopLimit=2)
        ec2.modify_instance_metadata_defaults(HttpTokens="required")
        shown = ec2.get_instance_metadata_defaults()["AccountLevel"]
        self.assertEqual(shown, {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "ManagedBy": "account"})
        ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
        self.assertEqual(ec2.get_instance_metadata_defaults()["AccountLevel"], {"ManagedBy": "account"})

    def test_a_declarative_policy_sets_defaults_that_the_account_cannot_change(self):
        self.wish(metadata_policy="optional")
        ec2 = self.client("ec2", RULED)
        shown = ec2.get_instance_metadata_defaults()["AccountLevel"]
        self.assertEqual((shown["HttpTokens"], shown["ManagedBy"]), ("optional", "declarative-policy"))
        self.assert_denied("UnauthorizedOperation", ec2.modify_instance_metadata_defaults, HttpTokens="required")

    def test_settings_of_ec2_are_set_by_who_may(self):
        role = self.role(ACCOUNT, ACCOUNT, allow("ec2:GetEbsEncryptionByDefault"))
        reader = self.as_role(role, "ec2", ACCOUNT)
        reader.get_ebs_encryption_by_default()
        for call, arguments in (
            (reader.enable_ebs_encryption_by_default, {}),
            (reader.modify_ebs_default_kms_key_id, {"KmsKeyId": "alias/volumes"}),
            (reader.modify_instance_metadata_defaults, {"HttpTokens": "required"}),
        ):
            self.assert_denied("UnauthorizedOperation", call, **arguments)
