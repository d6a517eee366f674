//! What an HTTP server answers: all of it, or the reason why there is nothing to judge.
//!
//! Whoever asks a server something over HTTP (for a signature, for a token, to publish) sends the request
//! through here, so that no server decides how much is read of it, and so that a failure has one word
//! whoever meets it. Nothing here judges a status or reads a body, or tries again.

use std::borrow::Cow;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};

/// The longest answer that is read, in bytes. What this program asks for has a few hundred.
pub const LONGEST: usize = 256 * 1024;

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most [`LONGEST`].
    pub body: Vec<u8>,
}

/// Why there is no answer. None of these texts holds the address, which may be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The server can't be reached, or the connection broke; the innermost cause, which says something.
    #[error("{0}")]
    Unreachable(String),
    /// There is more of it than anybody asked for.
    #[error("its answer is longer than {} KiB", LONGEST / 1024)]
    TooLong {
        /// Its status.
        status: StatusCode,
    },
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let error = error.without_url();
        Self::Unreachable(innermost(&error).to_string())
    }
}

/// What went wrong at the bottom: the layers above it repeat the address and say little else.
pub fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

impl Answer {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// No answer came, or one that is too long.
    pub async fn to(request: RequestBuilder) -> Result<Self, Error> {
        let mut response = request.send().await?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await? {
            if body.len() + part.len() > LONGEST {
                return Err(Error::TooLong { status });
            }
            body.extend_from_slice(&part);
        }
        Ok(Self { status, headers, body })
    }

    /// The body as text; what is no UTF-8 is marked.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// A header's text, where it is one.
    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::tls;

    /// The answer to a request, from a server that says this and closes.
    async fn answer(head: &str, body: usize) -> Result<Answer, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/?secret", listener.local_addr().expect("an address"));
        let text = format!("{head}\r\n\r\n{}", "x".repeat(body));
        let serve = async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut asked = [0; 1024];
            let _ = socket.read(&mut asked).await.expect("a request");
            // Whoever has read enough hangs up.
            let _ = socket.write_all(text.as_bytes()).await;
        };
        let http = tls::http_client(None).expect("a client");
        tokio::join!(serve, Answer::to(http.get(url))).1
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_limit_and_no_further_whether_or_not_it_says_how_long_it_is() {
        for head in [
            "HTTP/1.0 201 Created\r\nX-Name: value",
            "HTTP/1.1 201 Created\r\nX-Name: value\r\nConnection: close",
        ] {
            for (length, fits) in [(0, true), (LONGEST, true), (LONGEST + 1, false), (LONGEST * 4, false)] {
                let counted = format!("{head}\r\nContent-Length: {length}");
                for head in [head, &counted] {
                    match answer(head, length).await {
                        Ok(answer) => {
                            assert!(fits, "{head}");
                            assert_eq!((answer.body.len(), answer.header("x-name")), (length, Some("value")));
                        }
                        Err(error) => {
                            assert!(!fits, "{head}: {error}");
                            assert_eq!(error, Error::TooLong { status: StatusCode::CREATED });
                        }
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn a_failure_says_what_failed_and_not_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/?secret", listener.local_addr().expect("an address"));
        drop(listener);
        let http = tls::http_client(None).expect("a client");
        let refused = Answer::to(http.get(url)).await.expect_err("nobody is there").to_string();
        assert!(refused.contains("refused") && !refused.contains("secret"), "{refused}");
        let broken = answer("HTTP/1.1 200 OK\r\nContent-Length: 9", 3).await.expect_err("half").to_string();
        assert!(!broken.is_empty() && !broken.contains("secret"), "{broken}");
    }
}
