//! An identity provider of an account, which says whose tokens its roles may take.

use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;

const GET: &str = "iam:GetOpenIDConnectProvider";

/// The audiences that the provider with this ARN takes, at most 100 (IAM's quota). `None`: there is no such provider.
///
/// # Errors
/// [`CloudError`] when IAM does not answer or refuses to.
pub async fn provider_audiences(session: &Session, arn: &str) -> Result<Option<Vec<String>>, CloudError> {
    let iam = aws_sdk_iam::Client::new(session.config());
    let answer = iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
    match answer.map_err(|error| CloudError::of(GET, arn, &error)) {
        Err(error) if error.says_missing() => Ok(None),
        Err(error) => Err(error),
        Ok(provider) => Ok(Some(provider.client_id_list.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::always;

    const ARN: &str = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";

    #[tokio::test]
    async fn a_provider_is_seen_with_its_audiences() {
        let shown = "<GetOpenIDConnectProviderResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
                     <GetOpenIDConnectProviderResult><ClientIDList><member>sts.amazonaws.com</member>\
                     <member>other</member></ClientIDList></GetOpenIDConnectProviderResult>\
                     </GetOpenIDConnectProviderResponse>";
        let (session, requests) = always(200, shown).await;
        let audiences = provider_audiences(&session, ARN).await.unwrap();
        assert_eq!(audiences.unwrap(), ["sts.amazonaws.com", "other"]);
        let asked = requests.lock().unwrap().join("");
        assert!(asked.contains("oidc-provider%2Ftoken.actions.githubusercontent.com"), "{asked}");
    }

    #[tokio::test]
    async fn only_one_that_iam_does_not_know_is_missing() {
        let error = |code: &'static str| {
            format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>")
        };
        let (session, _) = always(404, error("NoSuchEntity").leak()).await;
        assert_eq!(provider_audiences(&session, ARN).await.unwrap(), None);
        let (session, _) = always(403, error("AccessDenied").leak()).await;
        assert!(provider_audiences(&session, ARN).await.is_err());
    }
}
