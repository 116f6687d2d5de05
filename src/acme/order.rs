//! One order, from the account to the certificate (RFC 8555 section 7.1).
//!
//! In: what is wanted, and where accounts lie. Out: a certificate with its chain and key, or why there is none. It must
//! not keep the certificate, nor try twice.

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};

use super::challenges::{ChallengeError, Challenges, Expected};
use super::storage::{Storage, StorageError};
use super::transport::Transport;
use super::{Challenge, Wanted};
use crate::http::client::HttpClient;
use crate::limits::{ACME_ORDER_WAIT, ACME_POLL};

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("the authority at {directory} did not go along")]
    Authority {
        directory: String,
        #[source]
        source: Error,
    },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    #[error("the authority offers no {offered:?} for {domain}")]
    NotOffered { domain: String, offered: ChallengeType },
    #[error("{domain} could not be shown to be ours: {reason}")]
    NotOurs { domain: String, reason: String },
    #[error("the authority gave the order up without a reason")]
    GivenUp,
}

/// Orders a certificate. Out: its key and its chain, in PEM.
///
/// # Errors
/// [`OrderError`]; nothing of the order is left then.
pub async fn issue(
    wanted: &Wanted,
    storage: &Storage,
    client: &HttpClient,
    challenges: &Challenges,
) -> Result<String, OrderError> {
    let of = |source| OrderError::Authority { directory: wanted.directory.clone(), source };
    let polling = RetryPolicy::new().initial_delay(ACME_POLL).timeout(ACME_ORDER_WAIT);
    let account = account(wanted, storage, client).await?;
    let identifiers: Vec<Identifier> = wanted.domains.iter().cloned().map(Identifier::Dns).collect();
    let order = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = order.inspect_err(|error| forget_unknown(error, storage)).map_err(of)?;
    let expected = prove(&mut order, wanted, challenges).await?;
    let status = order.poll_ready(&polling).await;
    if !matches!(status, Ok(OrderStatus::Ready)) {
        why_not(&mut order, wanted).await?;
        return Err(status.map_or_else(of, |_| OrderError::GivenUp));
    }
    drop(expected);
    let key = order.finalize().await.map_err(of)?;
    let chain = order.poll_certificate(&polling).await.map_err(of)?;
    Ok(key + &chain)
}

/// The account that is kept, or a new one. Its terms are agreed to by whoever wrote the authority's name into the settings.
async fn account(wanted: &Wanted, storage: &Storage, client: &HttpClient) -> Result<Account, OrderError> {
    let of = |source| OrderError::Authority { directory: wanted.directory.clone(), source };
    let builder = Account::builder_with_http(Box::new(Transport(client.clone())));
    if let Some(kept) = storage.account()? {
        return builder.from_credentials(kept).await.map_err(of);
    }
    let contact: Vec<&str> = wanted.contact.as_deref().into_iter().collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, wanted.directory.clone(), None).await.map_err(of)?;
    storage.save_account(&credentials)?;
    tracing::info!(directory = wanted.directory, "an account was opened");
    Ok(account)
}

/// An account that the authority has forgotten is opened anew by the next try.
fn forget_unknown(error: &Error, storage: &Storage) {
    if let Error::Api(problem) = error
        && problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    {
        storage.forget_account();
    }
}

/// Sets up what the authority is to find for each domain, and tells it to look.
async fn prove(order: &mut Order, wanted: &Wanted, challenges: &Challenges) -> Result<Vec<Expected>, OrderError> {
    let of = |source| OrderError::Authority { directory: wanted.directory.clone(), source };
    let mut expected = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(of)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let domain = authorization.identifier().to_string();
        let offered = match wanted.challenge {
            Challenge::Http01 => ChallengeType::Http01,
            Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let Some(mut challenge) = authorization.challenge(offered.clone()) else {
            return Err(OrderError::NotOffered { domain, offered });
        };
        let proof = challenge.key_authorization();
        expected.push(match wanted.challenge {
            Challenge::Http01 => challenges.expect_http(&challenge.token, &proof),
            Challenge::TlsAlpn01 => challenges.expect_tls(&domain, &proof)?,
        });
        challenge.set_ready().await.map_err(of)?;
    }
    Ok(expected)
}

/// Why an order was given up, where a challenge of it says so.
async fn why_not(order: &mut Order, wanted: &Wanted) -> Result<(), OrderError> {
    let of = |source| OrderError::Authority { directory: wanted.directory.clone(), source };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(of)?;
        let domain = authorization.identifier().to_string();
        let state = authorization.refresh().await.map_err(of)?;
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Err(OrderError::NotOurs { domain, reason: problem.to_string() });
        }
    }
    Ok(())
}
