//! Whether a webhook comes from whom it should: by a signature over it, or by a secret in a header.
//!
//! Signatures are those of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in
//! `webhook-signature` as `v1,<base 64>`, several apart by spaces. Comparisons take the same time
//! whatever differs. Deliberately absent: where the secret is kept.

use crate::{
    auth::{Secret, hmac_sha256, signing_key},
    http::failure::Failure,
};
use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use signalbox::{graph::WebhookProof, wire::ErrorCode};
use subtle::ConstantTimeEq;

/// The event's id; also what a repetition is known by.
pub const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
/// The signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// A request is as old as this at most, or as young, in seconds.
const AGE_MAX_S: i64 = 5 * 60;
/// Signatures of one request that are looked at.
const SIGNATURES_MAX: usize = 10;

/// Refuses a request that does not prove what it must.
pub fn check(
    proof: &WebhookProof,
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    match proof {
        WebhookProof::Header { header, .. } => {
            let given = text(headers, header).ok_or_else(|| missing(header))?;
            // Hashes are of one length, so that the time does not tell the secret's.
            let (given, secret) = (Secret::hash_of(given), Secret::hash_of(secret));
            match bool::from(given.ct_eq(&secret)) {
                true => Ok(()),
                false => Err(refused(format!("The secret in the header {header} is wrong."))),
            }
        }
        WebhookProof::Signature { .. } => signature(secret, headers, body, now),
    }
}

fn signature(
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let need = |name: &str| text(headers, name).ok_or_else(|| missing(name));
    let (id, timestamp, signatures) = (need(ID)?, need(TIMESTAMP)?, need(SIGNATURE)?);
    let seconds: i64 = timestamp
        .parse()
        .map_err(|_| refused(format!("The header {TIMESTAMP} must be seconds since 1970.")))?;
    let expected =
        hmac_sha256(&signing_key(secret), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    let fits = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        given.is_some_and(|given| bool::from(given.ct_eq(&expected)))
    };
    if !signatures.split(' ').take(SIGNATURES_MAX).any(fits) {
        return Err(refused("The signature does not fit the request."));
    }
    if now.timestamp().abs_diff(seconds) > AGE_MAX_S.unsigned_abs() {
        return Err(refused("The request was signed more than 5 minutes before or after now."));
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

fn missing(header: &str) -> Failure {
    refused(format!("The header {header} is missing."))
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::Unauthenticated, message)
        .help("The workflow's trigger says how the sender must prove who it is.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_614_265_330;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    // The vector that the Standard Webhooks libraries test themselves with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(signature: &str, at: i64, body: &[u8]) -> Result<(), Failure> {
        let proof = WebhookProof::Signature { secret: "s".into() };
        let headers = headers(&[
            (ID, "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            (TIMESTAMP, "1614265330"),
            (SIGNATURE, signature),
        ]);
        check(&proof, SECRET, &headers, body, DateTime::from_timestamp(at, 0).unwrap())
    }

    #[test]
    fn signatures_agree_with_other_implementations() {
        assert!(signed(SIGNED, AT, BODY).is_ok());
        assert!(signed(&format!("v1,AAAA {SIGNED}"), AT, BODY).is_ok(), "one of several");
        for wrong in ["v1,AAAA", "", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1"] {
            assert!(signed(wrong, AT, BODY).is_err(), "{wrong}");
        }
        assert!(signed(SIGNED, AT, br#"{"test": 2432232315}"#).is_err());
        assert!(signed(SIGNED, AT + 300, BODY).is_ok() && signed(SIGNED, AT - 300, BODY).is_ok());
        assert!(signed(SIGNED, AT + 301, BODY).is_err() && signed(SIGNED, AT - 301, BODY).is_err());
    }

    #[test]
    fn a_secret_in_a_header_must_be_the_whole_secret() {
        let proof = WebhookProof::Header { header: "X-Api-Key".into(), secret: "s".into() };
        let ask = |pairs: &[(&'static str, &str)]| {
            check(&proof, "hush", &headers(pairs), b"", Utc::now()).map_err(|f| f.error.code)
        };
        assert_eq!(ask(&[("x-api-key", "hush")]), Ok(()));
        for wrong in
            [&[][..], &[("x-api-key", "")], &[("x-api-key", "hus")], &[("x-api-key", "hushh")]]
        {
            assert_eq!(ask(wrong), Err(ErrorCode::Unauthenticated), "{wrong:?}");
        }
    }
}
