//! What is asked of the backend about a token: one for an e-mail and a password, and whose one is.
//!
//! Laravel fixes neither address nor shape, so both are read tolerantly: the token under any of the names
//! that Sanctum's and Passport's recipes use, the user bare or under `user` or `data`. The token travels to
//! the address that was named and along no redirect.

use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::{Login, parse_token};
use crate::answer::{self, Answer};
use crate::tls;

/// How this program calls itself where Sanctum asks for a device's name.
const DEVICE: &str = "frontdesk";

/// Whose a token is, as far as the backend says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The person's name, else the e-mail address, else the id.
    pub name: Option<String>,
    /// `staff`, `admin`, or what else the backend calls it.
    pub role: Option<String>,
}

/// Why the backend did not tell. Its words are as they came: make them safe before showing them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The password or the token would travel in the open.
    #[error(
        "{url} is plain http on another machine, where a token or password could be read on the way; use https, or set insecure_auth = true under [auth] in the settings file"
    )]
    Unsafe {
        /// The address.
        url: Url,
    },
    /// No answer came.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The address.
        url: Url,
        /// The innermost cause.
        reason: String,
    },
    /// 401: the token is not known there.
    #[error("{url} does not accept this token (401); run `frontdesk login` with another one")]
    BadToken {
        /// The address.
        url: Url,
    },
    /// 422, or 401 and 403 at the login: the backend explains it itself.
    #[error("{words}")]
    Refused {
        /// The backend's words.
        words: String,
    },
    /// 404 or 405: nothing of that kind is there.
    #[error("{url} is not there ({status})")]
    NoRoute {
        /// The address.
        url: Url,
        /// The status.
        status: u16,
    },
    /// Any other answer.
    #[error("{url} gave no usable answer ({status}): {reason}")]
    Odd {
        /// The address.
        url: Url,
        /// The status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
}

/// The backend, as far as tokens go.
#[derive(Clone, Debug)]
pub struct Backend {
    http: reqwest::Client,
    insecure: bool,
}

impl Backend {
    /// A backend behind `http` that may (`insecure`) be spoken to over plain http on another machine.
    pub fn new(http: reqwest::Client, insecure: bool) -> Self {
        Self { http, insecure }
    }

    /// Exchanges an e-mail address and a password for a token at `url`.
    ///
    /// # Errors
    /// The backend can't be reached, or gives none.
    pub async fn exchange(&self, url: &Url, email: &str, password: &SecretString) -> Result<Login, Error> {
        self.check(url)?;
        let body = json!({ "email": email, "password": password.expose_secret(), "device_name": DEVICE });
        let request = self.http.post(url.clone()).header(ACCEPT, "application/json").json(&body);
        let answer = send(url, request).await?;
        read_login(url, answer.status, &answer.text())
    }

    /// Asks at `url` whose a token is.
    ///
    /// # Errors
    /// The backend can't be reached, does not accept the token, or has no such page.
    pub async fn user(&self, url: &Url, token: &SecretString) -> Result<User, Error> {
        self.check(url)?;
        let request = self.http.get(url.clone()).header(ACCEPT, "application/json");
        let answer = send(url, request.bearer_auth(token.expose_secret())).await?;
        read_user(url, answer.status, &answer.text())
    }

    fn check(&self, url: &Url) -> Result<(), Error> {
        if tls::is_safe(url) || self.insecure { Ok(()) } else { Err(Error::Unsafe { url: url.clone() }) }
    }
}

async fn send(url: &Url, request: reqwest::RequestBuilder) -> Result<Answer, Error> {
    Answer::to(request).await.map_err(|error| match error {
        answer::Error::TimedOut | answer::Error::Unreachable(_) => {
            Error::Unreachable { url: url.clone(), reason: error.to_string() }
        }
        answer::Error::TooLong { status } => {
            Error::Odd { url: url.clone(), status: status.as_u16(), reason: error.to_string() }
        }
    })
}

/// The token in an answer to a login.
fn read_login(url: &Url, status: StatusCode, text: &str) -> Result<Login, Error> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let odd =
        |reason: &str| Error::Odd { url: url.clone(), status: status.as_u16(), reason: reason.to_owned() };
    match status.as_u16() {
        200..=299 => {
            let within = [&answer, &answer["data"]];
            let mut named = within
                .iter()
                .flat_map(|at| ["token", "access_token", "plainTextToken"].map(|name| &at[name]));
            let token = named.find_map(Value::as_str).ok_or_else(|| odd("it holds no token"))?;
            let token = parse_token(token).map_err(|_| odd("its token can't be used"))?;
            let user =
                within.into_iter().map(read_person).find(|user| *user != User::default()).unwrap_or_default();
            Ok(Login { token, name: user.name, role: user.role })
        }
        401 | 403 | 422 | 429 => Err(Error::Refused { words: words(&answer, status) }),
        404 | 405 => Err(Error::NoRoute { url: url.clone(), status: status.as_u16() }),
        300..=399 => Err(odd("it redirects elsewhere, and a password does not follow")),
        _ => Err(odd(&words(&answer, status))),
    }
}

/// The person in an answer to "whose is this token".
fn read_user(url: &Url, status: StatusCode, text: &str) -> Result<User, Error> {
    let odd =
        |reason: &str| Error::Odd { url: url.clone(), status: status.as_u16(), reason: reason.to_owned() };
    let answer: Result<Value, _> = serde_json::from_str(text);
    match status.as_u16() {
        200..=299 => {
            let answer = answer.map_err(|_| odd("it is not JSON"))?;
            let bare = read_person(&answer);
            Ok(if bare == User::default() { read_person(&answer["data"]) } else { bare })
        }
        401 => Err(Error::BadToken { url: url.clone() }),
        404 | 405 => Err(Error::NoRoute { url: url.clone(), status: status.as_u16() }),
        300..=399 => Err(odd("it redirects elsewhere, and the token does not follow")),
        _ => Err(odd(&words(&answer.unwrap_or_default(), status))),
    }
}

/// A person, as they stand in an object or under its `user`.
fn read_person(at: &Value) -> User {
    let person = if at["user"].is_object() { &at["user"] } else { at };
    let name = ["name", "email", "id"].iter().find_map(|field| text(&person[*field]));
    let role =
        text(&person["role"]).or_else(|| text(&person["role"]["name"])).or_else(|| text(&person["roles"][0]));
    User { name, role }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What the backend says for itself: each of Laravel's validation errors, else its message.
fn words(answer: &Value, status: StatusCode) -> String {
    let errors = answer["errors"].as_object().into_iter().flat_map(|fields| fields.values());
    let each: Vec<&str> =
        errors.flat_map(|list| list.as_array().into_iter().flatten()).filter_map(Value::as_str).collect();
    if !each.is_empty() {
        return each.join(" ");
    }
    let message = answer["message"].as_str().filter(|message| !message.is_empty());
    message.map_or_else(|| format!("the server says {status}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        "https://venue.test/api/login".parse().expect("an address")
    }

    fn login(status: u16, text: &str) -> Result<(String, Option<String>, Option<String>), String> {
        read_login(&url(), StatusCode::from_u16(status).expect("a status"), text)
            .map(|login| (login.token.expose_secret().to_owned(), login.name, login.role))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_found_under_every_name_that_laravels_recipes_use() {
        let captured = r#"{"token":"7|r52","token_type":"Bearer","user":{"id":2,"name":"Ayu Lestari","email":"a@x.test","role":"admin"}}"#;
        assert_eq!(
            login(200, captured),
            Ok(("7|r52".into(), Some("Ayu Lestari".into()), Some("admin".into())))
        );
        for (body, name) in [
            (r#"{"access_token":"t"}"#, None),
            (r#"{"plainTextToken":"t"}"#, None),
            (r#"{"data":{"token":"t","user":{"email":"a@x.test"}}}"#, Some("a@x.test")),
            (r#"{"data":{"access_token":"t","name":"Sari"}}"#, Some("Sari")),
            (r#"{"token":"t","user":{"id":5}}"#, Some("5")),
        ] {
            assert_eq!(login(201, body), Ok(("t".into(), name.map(str::to_owned), None)), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_in_the_servers_words() {
        for (status, body, expected) in [
            (
                422,
                r#"{"message":"The email field is required. (and 1 more error)","errors":{"email":["The email field is required."],"password":["The password field is required."]}}"#,
                "The email field is required. The password field is required.",
            ),
            (
                422,
                r#"{"message":"The provided credentials are incorrect."}"#,
                "The provided credentials are incorrect.",
            ),
            (401, r#"{"message":"Unauthenticated."}"#, "Unauthenticated."),
            (404, "<html>", "is not there (404)"),
            (302, "<html>", "redirects elsewhere"),
            (200, "{}", "holds no token"),
            (200, r#"{"token":"two words"}"#, "can't be used"),
            (500, "", "the server says 500"),
        ] {
            let error = login(status, body).expect_err(body);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_person_is_read_bare_or_wrapped() {
        let cases = [
            (r#"{"id":3,"name":"Budi","role":"staff"}"#, Some("Budi"), Some("staff")),
            (r#"{"data":{"name":"Budi","roles":["admin","x"]}}"#, Some("Budi"), Some("admin")),
            (r#"{"user":{"email":"b@x.test","role":{"name":"staff"}}}"#, Some("b@x.test"), Some("staff")),
            ("{}", None, None),
            ("[]", None, None),
        ];
        for (body, name, role) in cases {
            let user = read_user(&url(), StatusCode::OK, body).expect(body);
            assert_eq!((user.name.as_deref(), user.role.as_deref()), (name, role), "{body}");
        }
        assert!(matches!(read_user(&url(), StatusCode::UNAUTHORIZED, ""), Err(Error::BadToken { .. })));
        assert!(matches!(read_user(&url(), StatusCode::NOT_FOUND, ""), Err(Error::NoRoute { .. })));
    }

    #[test]
    fn nothing_secret_goes_over_plain_http_to_another_machine() {
        let backend = |insecure| Backend::new(tls::http_client(None).expect("a client"), insecure);
        for (url, safe) in [
            ("http://localhost:8000/x", true),
            ("https://venue.test/x", true),
            ("http://venue.test/x", false),
        ] {
            let url: Url = url.parse().expect(url);
            assert_eq!(backend(false).check(&url).is_ok(), safe, "{url}");
            assert!(backend(true).check(&url).is_ok(), "{url}");
        }
    }
}
