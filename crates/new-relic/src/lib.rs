//! New Relic, by NerdGraph, its GraphQL API: accounts of the organization, ingest keys, and links to AWS accounts.
//!
//! Each call is made once: none has a token, so that whoever asks twice may have two. What a failed one may have done says
//! [`VendorErrorKind`](phonehome_observability::VendorErrorKind).

mod answer;
mod call;
mod graphql;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use phonehome_cloud::endpoint::{Cloud, EndpointError, environment, require_loopback};
use phonehome_observability::{
    DataCenter, IngestKey, IngestKeyId, Link, NewIngestKey, NewLink, Vendor, VendorAccount, VendorAccountId,
    VendorError, VendorText,
};
use serde_json::{Value, json};

use crate::call::{ACCOUNTS, CREATE_ACCOUNT, CREATE_KEYS, Call, DELETE_KEYS, KEYS, LINK, LINKS};
use crate::graphql::NerdGraph;

/// Overrides the API's address, for a stand-in.
const URL_VARIABLE: &str = "NEW_RELIC_API_URL";

/// How many pages of keys are read. An account has 1,000 ingest keys of a kind at most
/// (<https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys/>).
const PAGES_MAX: usize = 50;

/// Where an account's API is
/// (<https://docs.newrelic.com/docs/apis/nerdgraph/get-started/introduction-new-relic-nerdgraph/>).
const fn url(data_center: DataCenter) -> &'static str {
    match data_center {
        DataCenter::Us => "https://api.newrelic.com/graphql",
        DataCenter::Eu => "https://api.eu.newrelic.com/graphql",
    }
}

/// What the API calls a data center.
const fn region_code(data_center: DataCenter) -> &'static str {
    match data_center {
        DataCenter::Us => "us01",
        DataCenter::Eu => "eu01",
    }
}

/// An organization at New Relic.
#[derive(Debug, Clone)]
pub struct NewRelic(NerdGraph);

impl NewRelic {
    /// With the key of a user (`NRAK-…`) who may manage the organization's accounts.
    ///
    /// # Errors
    /// [`EndpointError`] when the environment says `local` and names no loopback address for New Relic.
    pub fn new(data_center: DataCenter, user_key: String) -> Result<Self, EndpointError> {
        Ok(Self::at(address(&environment(), data_center)?, user_key))
    }

    /// New Relic at this address.
    pub fn at(url: String, user_key: String) -> Self {
        Self(NerdGraph::at(url, user_key))
    }
}

/// Where it is, by environment variables.
fn address(variables: &BTreeMap<String, String>, data_center: DataCenter) -> Result<String, EndpointError> {
    let url = variables.get(URL_VARIABLE).cloned().unwrap_or_else(|| url(data_center).to_owned());
    if matches!(Cloud::from_variables(variables)?, Cloud::Local(_)) {
        require_loopback(URL_VARIABLE, &url)?;
    }
    Ok(url)
}

/// Both kinds are asked for by name: without the argument the API shows what is not cancelled, as far as is said.
const ACCOUNTS_QUERY: &str = "query { actor { organization { accountManagement { \
     live: managedAccounts(isCanceled: false) { id name regionCode isCanceled } \
     canceled: managedAccounts(isCanceled: true) { id name regionCode isCanceled } } } } }";
const CREATE_ACCOUNT_QUERY: &str = "mutation($managedAccount: AccountManagementCreateInput!) { \
     accountManagementCreateAccount(managedAccount: $managedAccount) { managedAccount { id } } }";
/// Without `key`: no value is read again.
const KEYS_QUERY: &str = "query($query: ApiAccessKeySearchQuery!, $cursor: String) { actor { apiAccess { \
     keySearch(query: $query, cursor: $cursor) { nextCursor keys { id name } } } } }";
const CREATE_KEYS_QUERY: &str = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { \
     createdKeys { id key } errors { message ... on ApiAccessIngestKeyError { errorType } } } }";
const DELETE_KEYS_QUERY: &str = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { \
     deletedKeys { id } errors { message ... on ApiAccessIngestKeyError { errorType } } } }";
const LINKS_QUERY: &str = "query($id: Int!) { actor { account(id: $id) { cloud { linkedAccounts { name authLabel metricCollectionMode } } } } }";
const LINK_QUERY: &str = "mutation($accountId: Int!, $accounts: CloudLinkCloudAccountsInput!) { \
     cloudLinkAccount(accountId: $accountId, accounts: $accounts) { linkedAccounts { id } errors { type message } } }";

impl Vendor for NewRelic {
    const TEXT: VendorText = VendorText {
        name: "New Relic",
        parameter: "NewRelicUserKeySecretArn",
        right: "a user key of a user who may manage the organization's accounts",
    };

    async fn accounts(&self) -> Result<Vec<VendorAccount>, VendorError> {
        let call = Call { operation: ACCOUNTS, subject: "the organization", query: ACCOUNTS_QUERY };
        let data = self.0.ask(&call, json!({})).await?;
        let management = &data["actor"]["organization"]["accountManagement"];
        let lists = ["live", "canceled"].map(|kind| read::accounts(&management[kind]));
        let [live, canceled] = lists.map(|list| list.map_err(|problem| call.unclear(problem)));
        Ok([live?, canceled?].concat())
    }

    async fn create_account(
        &self,
        name: &str,
        data_center: DataCenter,
    ) -> Result<VendorAccountId, VendorError> {
        let call = Call { operation: CREATE_ACCOUNT, subject: name, query: CREATE_ACCOUNT_QUERY };
        let new = json!({ "name": name, "regionCode": region_code(data_center) });
        let answer = self.0.change(&call, json!({ "managedAccount": new })).await?;
        match read::account_id(&answer.of(&call)["managedAccount"]["id"]) {
            Some(id) => Ok(id),
            None => Err(answer.error(&call)),
        }
    }

    async fn keys(&self, account: VendorAccountId) -> Result<Vec<IngestKey>, VendorError> {
        let subject = account.to_string();
        let call = Call { operation: KEYS, subject: &subject, query: KEYS_QUERY };
        let scope = json!({ "accountIds": [account.number()], "ingestTypes": ["LICENSE"] });
        let query = json!({ "types": ["INGEST"], "scope": scope });
        let (mut keys, mut cursor) = (vec![], Value::Null);
        for _ in 0..PAGES_MAX {
            let data = self.0.ask(&call, json!({ "query": query, "cursor": cursor })).await?;
            let page = &data["actor"]["apiAccess"]["keySearch"];
            keys.extend(read::keys(&page["keys"]).map_err(|problem| call.unclear(problem))?);
            match page["nextCursor"].as_str().filter(|next| !next.is_empty()) {
                None => return Ok(keys),
                Some(next) => cursor = next.into(),
            }
        }
        Err(call.unclear("the list has no end"))
    }

    async fn create_key(&self, account: VendorAccountId, name: &str) -> Result<NewIngestKey, VendorError> {
        let subject = account.to_string();
        let call = Call { operation: CREATE_KEYS, subject: &subject, query: CREATE_KEYS_QUERY };
        let new = json!({ "accountId": account.number(), "ingestType": "LICENSE", "name": name });
        let answer = self.0.change(&call, json!({ "keys": { "ingest": [new] } })).await?;
        match read::new_key(&answer.of(&call)["createdKeys"][0]) {
            Some(key) => Ok(key),
            None => Err(answer.error(&call)),
        }
    }

    async fn delete_key(&self, key: &IngestKeyId) -> Result<(), VendorError> {
        let call = Call { operation: DELETE_KEYS, subject: key.as_ref(), query: DELETE_KEYS_QUERY };
        let answer = self.0.change(&call, json!({ "keys": { "ingestKeyIds": [key.as_ref()] } })).await?;
        let shown = answer.of(&call);
        let is_gone =
            shown["deletedKeys"][0]["id"] == key.as_ref() || shown["errors"][0]["errorType"] == "NOT_FOUND";
        if is_gone { Ok(()) } else { Err(answer.error(&call)) }
    }

    async fn links(&self, account: VendorAccountId) -> Result<Vec<Link>, VendorError> {
        let subject = account.to_string();
        let call = Call { operation: LINKS, subject: &subject, query: LINKS_QUERY };
        let data = self.0.ask(&call, json!({ "id": account.number() })).await?;
        let linked = &data["actor"]["account"]["cloud"]["linkedAccounts"];
        read::links(linked).map_err(|problem| call.unclear(problem))
    }

    async fn link(&self, account: VendorAccountId, link: &NewLink<'_>) -> Result<(), VendorError> {
        let call = Call { operation: LINK, subject: link.role_arn, query: LINK_QUERY };
        let mode = if link.is_streamed { read::PUSH } else { "PULL" };
        let new = json!({ "arn": link.role_arn, "name": link.name, "metricCollectionMode": mode });
        let variables = json!({ "accountId": account.number(), "accounts": { "aws": [new] } });
        let answer = self.0.change(&call, variables).await?;
        match answer.of(&call)["linkedAccounts"][0]["id"].is_null() {
            false => Ok(()),
            true => Err(answer.error(&call)),
        }
    }
}
