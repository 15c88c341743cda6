//! A stand-in of GitHub's comments and identities, as far as its documentation says how they behave.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};

use serde_json::{Value, json};

/// Whose comments a workflow's token writes.
pub(crate) const BOT: &str = "github-actions[bot]";
/// GitHub's limit for a body, in characters.
const BODY_MAX: usize = 65_536;

/// How the next request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// As it is asked for.
    Ok,
    /// Not at all.
    HangUp,
    /// It is done, and then not answered.
    DoneAndHangUp,
    /// It is done, and somebody in between answers this.
    DoneAndStatus(u16),
    /// The comment is deleted just before.
    Deleted,
    /// With this, and nothing is done.
    Refused(u16, Vec<(String, String)>),
}

impl Answer {
    pub(crate) fn ok() -> Self {
        Self::Ok
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Refused(status, vec![])
    }

    pub(crate) fn limited(status: u16, headers: &[(&str, &str)]) -> Self {
        Self::Refused(
            status,
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }
}

#[derive(Default)]
struct State {
    comments: Vec<(u64, String, String)>,
    last_id: u64,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
    tokens: Vec<String>,
    /// How many lists wait for each other.
    held: usize,
}

pub(crate) struct StandIn {
    address: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    body: Value,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, both) = (Arc::new(Mutex::new(State::default())), Arc::new(Barrier::new(2)));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, both, stream) = (Arc::clone(&shared), Arc::clone(&both), stream.unwrap());
                std::thread::spawn(move || serve(stream, &state, &both));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn add(&self, author: &str, body: &str) {
        self.locked().add(author, body);
    }

    /// How the next requests are answered; those after them as they ask.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.locked().answers.extend(answers);
    }

    pub(crate) fn always(&self, answer: Answer) {
        self.locked().always = Some(answer);
    }

    pub(crate) fn hold_first_two_lists(&self) {
        self.locked().held = 2;
    }

    /// Every comment: its id, who wrote it, and what.
    pub(crate) fn comments(&self) -> Vec<(u64, String, String)> {
        self.locked().comments.clone()
    }

    /// How many comments were ever made.
    pub(crate) fn made(&self) -> u64 {
        self.locked().last_id
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.locked().tokens.clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.locked().tokens.len()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, both: &Barrier) {
    let Some((request, token)) = read(&stream) else { return };
    let answer = {
        let mut state = state.lock().unwrap();
        state.tokens.push(token);
        let always = state.always.clone();
        always.or_else(|| state.answers.pop_front()).unwrap_or(Answer::Ok)
    };
    let (status, headers, body) = match answer {
        Answer::HangUp => return,
        Answer::Refused(status, headers) => (status, headers, json!({"message": "refused"})),
        Answer::DoneAndHangUp => return drop(state.lock().unwrap().done(&request)),
        Answer::DoneAndStatus(status) => {
            state.lock().unwrap().done(&request);
            (status, vec![], json!({"message": "bad gateway"}))
        }
        Answer::Deleted => {
            let mut state = state.lock().unwrap();
            state.comments.clear();
            let (status, body) = state.done(&request);
            (status, vec![], body)
        }
        Answer::Ok => {
            let (answered, is_held) = {
                let mut state = state.lock().unwrap();
                let is_held = request.method == "GET" && state.held > 0;
                state.held = state.held.saturating_sub(usize::from(is_held));
                (state.done(&request), is_held)
            };
            if is_held {
                both.wait();
            }
            (answered.0, vec![], answered.1)
        }
    };
    let body = if status == 204 { String::new() } else { body.to_string() };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may be gone.
    drop(stream.write_all(format!("{head}{body}").as_bytes()));
}

fn read(stream: &TcpStream) -> Option<(Request, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.clone_into(&mut token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Request { method, path, body: serde_json::from_slice(&body).unwrap_or_default() }, token))
}

impl State {
    fn add(&mut self, author: &str, body: &str) -> u64 {
        self.last_id += 1;
        self.comments.push((self.last_id, author.to_owned(), body.to_owned()));
        self.last_id
    }

    fn done(&mut self, request: &Request) -> (u16, Value) {
        if let Some(audience) = request.path.strip_prefix("/identity?api-version=2.0&audience=") {
            return (200, json!({"value": format!("identity for {audience}")}));
        }
        let path = request.path.strip_prefix("/repos/acme/network/issues/").unwrap_or_default();
        let body = request.body["body"].as_str().unwrap_or_default();
        if matches!(request.method.as_str(), "POST" | "PATCH") && body.chars().count() > BODY_MAX {
            return (
                422,
                json!({"message": "Validation Failed: body is too long (maximum is 65536 characters)"}),
            );
        }
        match (request.method.as_str(), path.split_once('/')) {
            ("GET", Some(("7", list))) => (200, self.page(list)),
            ("POST", Some(("7", "comments"))) => {
                let id = self.add(BOT, body);
                (201, json!({"id": id}))
            }
            ("PATCH", Some(("comments", id))) => {
                match self.comments.iter_mut().find(|it| it.0.to_string() == id) {
                    Some(comment) => {
                        body.clone_into(&mut comment.2);
                        (200, json!({"id": comment.0}))
                    }
                    None => (404, json!({"message": "Not Found"})),
                }
            }
            ("DELETE", Some(("comments", id))) => {
                self.comments.retain(|it| it.0.to_string() != id);
                (204, Value::Null)
            }
            _ => (404, json!({"message": "Not Found"})),
        }
    }

    /// A hundred comments at most.
    fn page(&self, list: &str) -> Value {
        let number = |name: &str| {
            let value = list.split(['?', '&']).find_map(|it| it.strip_prefix(name)?.parse::<usize>().ok());
            value.unwrap_or(1)
        };
        let (size, page) = (number("per_page=").min(100), number("page=").max(1));
        let comments = self.comments.iter().skip((page - 1) * size).take(size);
        comments.map(|(id, login, body)| json!({"id": id, "user": {"login": login}, "body": body})).collect()
    }
}
