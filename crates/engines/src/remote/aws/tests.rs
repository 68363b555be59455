//! Signatures against AWS's published vectors, and against another signer's for Bedrock's paths.

use freehold_vocabulary::FixedClock;

use super::*;

fn keys(token: Option<&str>) -> AwsKeys {
    AwsKeys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: token.map(Secret::new),
    }
}

/// The signature over a request of AWS's test suite.
#[track_caller]
fn check(method: &str, path: &str, token: Option<&str>, signed: &str, expected: &str) {
    let at = Timestamp::parse("2015-08-30T12:36:00Z").unwrap();
    let address = format!("https://example.amazonaws.com{path}");
    let request = Unsigned { method, address: &address, headers: &[], body: b"" };
    let headers = signature(&keys(token), "us-east-1", "service", at, &request).unwrap();
    let value = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
    let credential =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    let expected = format!("{credential}, SignedHeaders={signed}, Signature={expected}");
    assert_eq!(value("authorization"), Some(expected.as_str()), "{method} {path}");
    assert_eq!(value("x-amz-date"), Some("20150830T123600Z"));
    assert_eq!(value("x-amz-security-token"), token);
}

#[test]
fn the_published_vectors_hold() {
    let signed = "host;x-amz-date";
    for (method, path, expected) in [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ] {
        check(method, path, None, signed, expected);
    }
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    check(
        "GET",
        "/",
        Some(token),
        "host;x-amz-date;x-amz-security-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    );
}

/// Made with botocore 1.44.8: the path is encoded once to be sent, and again to be signed.
#[test]
fn a_path_with_a_colon_is_signed_as_another_signer_does() {
    let at = Timestamp::parse("2026-11-24T18:30:00Z").unwrap();
    let request = Unsigned {
        method: "POST",
        address: "https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
        headers: &[("content-type", "application/json")],
        body: b"{\"messages\":[]}",
    };
    let access =
        AwsAccess::new("eu-central-1", AwsSource::Keys(keys(None)), Arc::new(FixedClock::at(at)));
    let headers = access.signed("bedrock", &request).unwrap();
    let authorization = headers.iter().find(|it| it.0 == "authorization").unwrap();
    let expected = "1422301a3b315ca4c7b437ae0f19ef8fc1ae81eaa9e2ed7477b0b028919c08d2";
    assert!(authorization.1.ends_with(expected), "{authorization:?}");
    assert!(!format!("{access:?} {:?}", keys(Some("t-1234"))).contains("1234"));
}

#[test]
fn a_file_is_read_again_after_a_while() {
    let path = std::env::temp_dir().join(format!("freehold-aws-{}", std::process::id()));
    let write = |id: &str| {
        let text = format!("[p]\naws_access_key_id={id}\naws_secret_access_key=s\n");
        std::fs::write(&path, text).unwrap();
    };
    let clock = Arc::new(FixedClock::at(Timestamp::from_micros(0)));
    let source = AwsSource::File { path: path.clone(), profile: "p".to_owned() };
    let access = AwsAccess::new("eu-west-1", source, Arc::clone(&clock) as _);
    write("old");
    assert_eq!(access.keys().unwrap().access_key_id, "old");
    write("new");
    assert_eq!(access.keys().unwrap().access_key_id, "old");
    clock.advance_micros(READ_AGAIN_AFTER_MICROS);
    assert_eq!(access.keys().unwrap().access_key_id, "new");
    std::fs::remove_file(&path).unwrap();
}
