//! A backend's auth endpoint in the smallest form: what Laravel answers to good and bad tokens, and the ways in
//! which such an endpoint is misconfigured. It signs for the app of [`crate::server`].

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use frontdesk::protocol::sign;
use serde_json::{Value, json};

use crate::server::{ADMIN, KEY, SECRET, STAFF};

/// Listens on a free port for as long as the tests run; returns the origin.
pub(crate) fn listen() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    origin
}

struct Request {
    method: String,
    path: String,
    token: Option<String>,
    json: bool,
    body: String,
}

fn serve(mut stream: TcpStream) {
    // A peer that goes away in the middle is no failure of the test.
    let Some(request) = read(&stream) else { return };
    let (status, headers, body) = answer(&request);
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\
         Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: authorization, content-type, x-socket-id\r\n\
         \r\n{body}",
        body.len()
    );
    let _ = stream.write_all(text.as_bytes());
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut request = Request { method, path, token: None, json: false, body: String::new() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "authorization" => request.token = value.strip_prefix("Bearer ").map(str::to_owned),
            "content-type" => request.json = value.starts_with("application/json"),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    reader.take(length).read_to_string(&mut request.body).ok()?;
    Some(request)
}

/// Status line, further headers, body.
fn answer(request: &Request) -> (&'static str, &'static str, String) {
    match (request.method.as_str(), request.path.as_str()) {
        ("OPTIONS", _) => ("204 No Content", "", String::new()),
        ("POST", "/api/broadcasting/auth") => authorize(request),
        ("POST", "/redirect") => ("302 Found", "Location: /login\r\n", String::new()),
        _ => ("404 Not Found", "", json!({"message": "The route could not be found."}).to_string()),
    }
}

fn authorize(request: &Request) -> (&'static str, &'static str, String) {
    let field = |name: &str| {
        if request.json {
            return serde_json::from_str::<Value>(&request.body).ok()?[name].as_str().map(str::to_owned);
        }
        url::form_urlencoded::parse(request.body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let channel = field("channel_name").unwrap_or_default();
    let allowed = match request.token.as_deref() {
        Some(ADMIN) => true,
        Some(STAFF) => {
            ["private-availability", "private-staff", "private-booking.1"].contains(&channel.as_str())
        }
        _ => return ("401 Unauthorized", "", json!({"message": "Unauthenticated."}).to_string()),
    };
    let Some(socket) = field("socket_id").filter(|_| allowed) else {
        return ("403 Forbidden", "", json!({"message": ""}).to_string());
    };
    let text = sign::channel_text(&socket, &channel, None);
    ("200 OK", "", json!({"auth": sign::auth(KEY, SECRET, &text)}).to_string())
}
