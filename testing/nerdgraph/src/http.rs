//! The server.

use std::net::TcpListener;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::execute::execute;
use crate::fault::Fault;
use crate::state::{Shared, locked};

/// Operations by the field that they have in a query. A link's answer has linked accounts, too, so that it comes first.
const OPERATIONS: [&str; 7] = [
    "managedAccounts",
    "accountManagementCreateAccount",
    "keySearch",
    "apiAccessCreateKeys",
    "apiAccessDeleteKeys",
    "cloudLinkAccount",
    "linkedAccounts",
];

/// Longer than the adapter reads.
const TOO_LONG: usize = 9 * 1024 * 1024;

/// What is written back, word for word; nothing where the connection breaks.
type Answer = Option<(u16, Vec<(&'static str, String)>, Vec<u8>)>;

#[derive(Clone)]
struct Server {
    state: Shared,
    user_key: Arc<str>,
}

pub(crate) async fn serve(listener: TcpListener, state: Shared, user_key: String) {
    let server = Server { state, user_key: user_key.into() };
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let server = server.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { server.answer(request).await }
            });
            // One that breaks is nobody's business: some are to.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HangUp {}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, HangUp> {
        let is_known =
            request.headers().get("api-key").is_some_and(|key| key.as_bytes() == self.user_key.as_bytes());
        let body = request.into_body().collect().await.map_err(|_| HangUp)?.to_bytes();
        let asked: Value = serde_json::from_slice(&body).map_err(|_| HangUp)?;
        let (status, headers, body) = self.answered(is_known, &asked).ok_or(HangUp)?;
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Full::new(body.into())).map_err(|_| HangUp)
    }

    fn answered(&self, is_known: bool, asked: &Value) -> Answer {
        let query = asked["query"].as_str().unwrap_or_default();
        let operation = operation(query);
        let fault = {
            let mut state = locked(&self.state);
            state.calls.push(operation.to_owned());
            state.fault_of(operation)
        };
        if !is_known {
            let error = json!({ "message": "Invalid key", "extensions": { "error_code": "BAD_API_KEY" } });
            return Some(json_answer(401, &json!({ "data": null, "errors": [error] })));
        }
        let answer = match &fault {
            Some(fault) if !fault.is_done() => Value::Null,
            _ => execute(&mut locked(&self.state), query, &asked["variables"]),
        };
        match fault {
            None => Some(json_answer(200, &answer)),
            Some(fault) => faulty(&fault, answer),
        }
    }
}

fn operation(query: &str) -> &'static str {
    OPERATIONS.into_iter().find(|name| query.contains(name)).unwrap_or("unknown")
}

fn json_answer(status: u16, body: &Value) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
    (status, vec![("content-type", "application/json".to_owned())], body.to_string().into_bytes())
}

fn faulty(fault: &Fault, mut answer: Value) -> Answer {
    let error = |class: &str| json!([{ "message": "oh no", "extensions": { "errorClass": class } }]);
    match fault {
        Fault::Status(status) => Some((*status, vec![], b"a page".to_vec())),
        Fault::Redirect(to) => Some((307, vec![("location", to.clone())], vec![])),
        Fault::Class { class, .. } => {
            Some(json_answer(200, &json!({ "data": null, "errors": error(class) })))
        }
        Fault::AnswerAndClass(class) => {
            answer["errors"] = error(class);
            Some(json_answer(200, &answer))
        }
        Fault::HangsUp { .. } => None,
        Fault::HalfAnAnswer => {
            let (status, headers, mut body) = json_answer(200, &answer);
            body.truncate(body.len() / 2);
            Some((status, headers, body))
        }
        Fault::TooLong => Some((200, vec![], vec![b' '; TOO_LONG])),
        Fault::Empty => Some(json_answer(200, &json!({ "data": {} }))),
        Fault::WithoutValue => {
            answer["data"]["apiAccessCreateKeys"]["createdKeys"][0]["key"] = Value::Null;
            Some(json_answer(200, &answer))
        }
    }
}
