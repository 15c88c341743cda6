"""What accounts bear: units, tags, contacts and support plans, as Organizations, Account Management and Support have them."""

from support import MANAGEMENT, ORGANIZATION, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

CONTACT = {"Name": "Security", "Title": "CISO", "EmailAddress": "security@example.com", "PhoneNumber": "+1 555 0102"}


class Properties(BridgeTest):
    def setUp(self):
        self.organization = self.client("organizations", MANAGEMENT)
        self.root = self.organization.list_roots()["Roots"][0]["Id"]

    def account(self, name):
        request = self.organization.create_account(Email=f"{name}@properties.example", AccountName=name)
        describe = self.organization.describe_create_account_status
        id_ = request["CreateAccountStatus"]["Id"]
        return until(lambda: describe(CreateAccountRequestId=id_)["CreateAccountStatus"].get("AccountId"))

    def unit(self, name, parent=None):
        create = self.organization.create_organizational_unit
        return create(ParentId=parent or self.root, Name=name)["OrganizationalUnit"]["Id"]

    def role_that(self, service, *statements):
        return self.as_role(self.role(MANAGEMENT, MANAGEMENT, *statements), service, MANAGEMENT)

    def test_of_one_name_there_is_one_unit_in_a_parent_that_is_there(self):
        unit = self.unit("Workloads")
        self.unit("Workloads", unit)
        create = self.organization.create_organizational_unit
        self.assert_denied("DuplicateOrganizationalUnitException", create, ParentId=unit, Name="Workloads")
        self.assert_denied("ParentNotFoundException", create, ParentId="ou-none-00000000", Name="Workloads")

    def test_a_move_takes_the_right_on_the_account_and_on_both_parents(self):
        account, unit = self.account("moved"), self.unit("Elsewhere")
        arn = f"arn:aws:organizations::{MANAGEMENT}"
        ours = [f"{arn}:account/{ORGANIZATION}/{account}", f"{arn}:root/{ORGANIZATION}/{self.root}",
                f"{arn}:ou/{ORGANIZATION}/{unit}"]
        move = {"AccountId": account, "SourceParentId": self.root, "DestinationParentId": unit}
        for missing in ours:
            rest = [one for one in ours if one != missing]
            role = self.role_that("organizations", allow("organizations:MoveAccount", rest))
            self.assert_denied("AccessDeniedException", role.move_account, **move)
        self.role_that("organizations", allow("organizations:MoveAccount", ours)).move_account(**move)
        self.assertEqual(self.organization.list_parents(ChildId=account)["Parents"][0]["Id"], unit)

    def test_a_unit_is_made_by_who_may_in_that_parent(self):
        unit = self.unit("Parent")
        arn = f"arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION}/{unit}"
        role = self.role_that("organizations", allow("organizations:CreateOrganizationalUnit", arn))
        role.create_organizational_unit(ParentId=unit, Name="Child")
        create = role.create_organizational_unit
        self.assert_denied("AccessDeniedException", create, ParentId=self.root, Name="Child")

    def test_a_contact_is_there_once_it_is_put_and_only_for_who_may(self):
        one, other = self.account("with-contact"), self.account("without")
        arn = f"arn:aws:account::{MANAGEMENT}:account/{ORGANIZATION}/{one}"
        role = self.role_that("account", allow(["account:GetAlternateContact", "account:PutAlternateContact"], arn))
        of = {"AccountId": one, "AlternateContactType": "SECURITY"}
        self.assert_denied("ResourceNotFoundException", role.get_alternate_contact, **of)
        role.put_alternate_contact(**of, **CONTACT)
        self.assertEqual(
            role.get_alternate_contact(**of)["AlternateContact"], {**CONTACT, "AlternateContactType": "SECURITY"}
        )
        self.assert_denied("AccessDeniedException", role.put_alternate_contact, **{**of, "AccountId": other}, **CONTACT)
        self.assert_denied("AccessDeniedException", role.delete_alternate_contact, **of)
        own = self.client("account", one)
        own.delete_alternate_contact(AlternateContactType="SECURITY")
        self.assert_denied("ResourceNotFoundException", own.get_alternate_contact, AlternateContactType="SECURITY")

    def test_support_answers_where_there_is_a_plan_with_its_api_and_who_may(self):
        support = self.client("support", MANAGEMENT)
        self.assert_denied("SubscriptionRequiredException", support.describe_cases)
        self.wish(support_api=True)
        case = support.create_case(subject="a plan", communicationBody="please")["caseId"]
        support.create_case(subject="another", communicationBody="please")
        shown = support.describe_cases(caseIdList=[case])["cases"]
        self.assertEqual([(it["subject"], it["status"]) for it in shown], [("a plan", "opened")])
        self.assertEqual(len(support.describe_cases()["cases"]), 2)
        role = self.role_that("support", allow("support:DescribeCases"))
        self.assertEqual(len(role.describe_cases()["cases"]), 2)
        self.assert_denied("AccessDeniedException", role.create_case, subject="a", communicationBody="b")
