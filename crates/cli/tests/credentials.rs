//! Credentials come from everywhere the AWS CLI takes them, an SSO or `credential_process` profile among
//! them.
//!
//! The command runs as people run it, without `PHONEHOME_CLOUD`. That it cannot reach real AWS is seen to
//! by its environment: nothing of this process's is passed on, every service's endpoint is on this
//! machine, and whatever leaves it by HTTPS would go to a proxy that nobody listens at.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

/// AWS, as far as a command needs it to say who it is: keeps each request's text, and refuses it.
struct Aws {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = answer(stream);
                seen.lock().unwrap().push(request);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The head of one request, which gets the answer that its path asks for.
fn answer(mut stream: TcpStream) -> String {
    let mut request = vec![];
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).unwrap_or_default() {
            0 => break,
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let (status, body) = if request.starts_with("GET /federation/credentials") {
        let until_ms = 4_102_444_800_000_u64;
        let keys = r#""accessKeyId":"ASIASSO","secretAccessKey":"secret","sessionToken":"token""#;
        ("200 OK", format!(r#"{{"roleCredentials":{{{keys},"expiration":{until_ms}}}}}"#))
    } else {
        (
            "400 Bad Request",
            r#"{"__type":"com.amazonaws#ResourceNotFoundException","message":"none"}"#.to_owned(),
        )
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
    request
}

/// `phonehome status` with this profile, in a home folder of its own.
fn status(aws: &Aws, home: &Path, profile: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phonehome"))
        .arg("status")
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_CONFIG_FILE", home.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("no-credentials"))
        .env("AWS_PROFILE", profile)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", &aws.url)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .output()
        .unwrap()
}

/// The access key ids with which DynamoDB was called.
fn keys_used(aws: &Aws) -> Vec<String> {
    let requests = aws.requests();
    let signed = requests.iter().filter(|request| request.to_lowercase().contains("x-amz-target: dynamodb"));
    signed
        .filter_map(|request| {
            let (_, credential) = request.split_once("Credential=")?;
            Some(credential.split('/').next()?.to_owned())
        })
        .collect()
}

#[test]
fn a_credential_process_profile_is_taken() {
    let (aws, home) = (Aws::start(), tempfile::tempdir().unwrap());
    let script = home.path().join("credentials.sh");
    let answer =
        r#"{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"secret","SessionToken":"token"}"#;
    fs::write(&script, format!("echo '{answer}'\n")).unwrap();
    let config = format!("[profile process]\ncredential_process = /bin/sh {}\n", script.display());
    fs::write(home.path().join("config"), config).unwrap();
    let output = status(&aws, home.path(), "process");
    let keys = keys_used(&aws);
    assert!(!keys.is_empty() && keys.iter().all(|key| key == "AKIAPROCESS"), "{keys:?}: {output:?}");
}

#[test]
fn an_sso_profile_is_taken_with_the_token_that_aws_sso_login_left() {
    let (aws, home) = (Aws::start(), tempfile::tempdir().unwrap());
    let config = "[profile sso]\nsso_session = work\nsso_account_id = 222222222222\nsso_role_name = Operator\n\
                  [sso-session work]\nsso_region = us-east-1\nsso_start_url = https://example.invalid/start\n\
                  sso_registration_scopes = sso:account:access\n";
    fs::write(home.path().join("config"), config).unwrap();
    let cache = home.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    // `aws sso login` names it after the SHA-1 of the session's name.
    let token = r#"{"accessToken":"sso-token","expiresAt":"2099-12-31T23:59:59Z","region":"us-east-1"}"#;
    fs::write(cache.join("e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json"), token).unwrap();
    let output = status(&aws, home.path(), "sso");
    let keys = keys_used(&aws);
    assert!(!keys.is_empty() && keys.iter().all(|key| key == "ASIASSO"), "{keys:?}: {output:?}");
    assert!(aws.requests().iter().any(|request| request.contains("sso-token")));
}
