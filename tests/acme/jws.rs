//! Signed requests (RFC 8555 section 6.2), as a server reads them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

/// A request whose signature was verified.
pub struct Signed {
    pub nonce: String,
    pub url: String,
    /// The thumbprint of the key that signed it.
    pub thumbprint: String,
    pub key: Value,
    pub payload: Value,
}

pub fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

/// Verifies a body; `known` finds the key of an account.
pub fn verify(body: &[u8], known: impl Fn(&str) -> Option<Value>) -> Result<Signed, &'static str> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "malformed")?;
    let header: Value = serde_json::from_slice(&decode(&body["protected"])).map_err(|_| "malformed")?;
    let key = match (&header["jwk"], &header["kid"]) {
        (Value::Null, Value::String(account)) => known(account).ok_or("accountDoesNotExist")?,
        (key @ Value::Object(_), Value::Null) => key.clone(),
        _ => return Err("malformed"),
    };
    let point = [vec![4], decode(&key["x"]), decode(&key["y"])].concat();
    let [protected, payload] = ["protected", "payload"].map(|name| body[name].as_str().expect("text"));
    let signed = format!("{protected}.{payload}");
    if header["alg"] != "ES256" {
        return Err("badSignatureAlgorithm");
    }
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    verifier.verify(signed.as_bytes(), &decode(&body["signature"])).map_err(|_| "unauthorized")?;
    let payload = if payload.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&decode(&body["payload"])).map_err(|_| "malformed")?
    };
    let text = |name: &str| header[name].as_str().unwrap_or_default().to_owned();
    Ok(Signed { nonce: text("nonce"), url: text("url"), thumbprint: thumbprint(&key), key, payload })
}

/// RFC 7638.
fn thumbprint(key: &Value) -> String {
    let members = json!({ "crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"] });
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.to_string().as_bytes()))
}
