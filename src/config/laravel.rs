//! What a Laravel application's own variables say: where it broadcasts, with which app, and in which zone.
//!
//! The variables come from a `.env` file and from the environment, the environment before the file, as
//! Laravel itself takes them. Pusher's family (`PUSHER_*`) and Reverb's (`REVERB_*`) name the same things;
//! where both are there, `BROADCAST_CONNECTION` (or the older `BROADCAST_DRIVER`) chooses. An empty variable
//! is as none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::layer::{Address, Layer};
use super::{Error, read_text, value};

/// Variables by name, each with the place that said it last.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, (String, Option<Place>)>);

/// A line of a file; the environment has none.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    line: usize,
}

impl Variables {
    /// The environment's.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        let filled = environment.iter().filter(|(_, value)| !value.is_empty());
        Self(filled.map(|(name, value)| (name.clone(), (value.clone(), None))).collect())
    }

    /// A `.env` file's.
    ///
    /// # Errors
    /// The file can't be read, or a line of it is no assignment.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = read_text(".env file", path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let fault = |line| Error::File {
            path: path.to_owned(),
            line,
            expected: "expected NAME=value, with quotes around a value that has spaces".to_owned(),
        };
        let mut variables = BTreeMap::new();
        for entry in dotenvy::from_read_iter(literal_dollars(text).as_bytes()) {
            let (name, value) = entry.map_err(|error| fault(line_at_fault(text, &error)))?;
            let line = 1 + text.lines().position(|line| names(line, &name)).unwrap_or(0);
            if !value.is_empty() {
                variables.insert(name, (value, Some(Place { path: path.to_owned(), line })));
            }
        }
        Ok(Self(variables))
    }

    /// These, and below them weaker ones.
    #[must_use]
    pub fn over(mut self, weaker: Self) -> Self {
        for (name, said) in weaker.0 {
            self.0.entry(name).or_insert(said);
        }
        self
    }

    /// What the variables say.
    ///
    /// # Errors
    /// A variable holds what its setting can't be.
    pub fn layer(&self) -> Result<Layer, Error> {
        let family = self.family();
        let own = |name: &str| self.text(&format!("{family}_{name}"));
        let cluster = self.parse("PUSHER_APP_CLUSTER", value::cluster)?.filter(|_| family == "PUSHER");
        Ok(Layer {
            address: self.host(family)?.map(Address::Url).or(cluster.map(Address::Cluster)),
            key: own("APP_KEY"),
            app_id: own("APP_ID"),
            secret: own("APP_SECRET").map(Into::into),
            backend_url: self.parse("APP_URL", value::web)?,
            backend_timezone: self.parse("APP_TIMEZONE", value::zone)?,
            ..Layer::default()
        })
    }

    /// Which of the two families speaks.
    fn family(&self) -> &'static str {
        let there = |family| ["APP_KEY", "APP_ID", "HOST"].iter().any(|name| self.has(family, name));
        let chosen = self.text("BROADCAST_CONNECTION").or_else(|| self.text("BROADCAST_DRIVER"));
        match (there("PUSHER"), there("REVERB")) {
            (false, true) => "REVERB",
            (true, true) if chosen.as_deref() == Some("reverb") => "REVERB",
            (_, _) => "PUSHER",
        }
    }

    /// The family's server, with Laravel's own defaults for scheme and port.
    fn host(&self, family: &str) -> Result<Option<Url>, Error> {
        let host_name = format!("{family}_HOST");
        let Some(host) = self.text(&host_name) else { return Ok(None) };
        let port = self.parse(&format!("{family}_PORT"), |text| {
            text.parse::<u16>().map_err(|_| "expected a port, 1 to 65535".to_owned())
        })?;
        let scheme = self.parse(&format!("{family}_SCHEME"), |text| match text {
            "http" => Ok("ws"),
            "https" => Ok("wss"),
            _ => Err("expected http or https".to_owned()),
        })?;
        let path = self.text("REVERB_SERVER_PATH").filter(|_| family == "REVERB").unwrap_or_default();
        let path = path.trim_matches('/');
        // A bare IPv6 address is written with brackets in an address, and without them in a variable.
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let text = format!("{}://{host}:{}/{path}", scheme.unwrap_or("wss"), port.unwrap_or(443));
        let url = value::server(&text).map_err(|_| {
            self.fault(&host_name, "expected a host's name without scheme or port".to_owned())
        })?;
        Ok(Some(url))
    }

    fn has(&self, family: &str, name: &str) -> bool {
        self.0.contains_key(&format!("{family}_{name}"))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|(value, _)| value.clone())
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, value::Expected>,
    ) -> Result<Option<T>, Error> {
        let parsed = self.0.get(name).map(|(value, _)| parse(value)).transpose();
        parsed.map_err(|expected| self.fault(name, expected))
    }

    fn fault(&self, name: &str, expected: value::Expected) -> Error {
        match self.0.get(name).and_then(|(_, place)| place.clone()) {
            Some(Place { path, line }) => Error::File { path, line, expected: format!("{name}: {expected}") },
            None => Error::Variable { name: name.to_owned(), expected },
        }
    }
}

/// Whether the line assigns `name`.
fn names(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Laravel substitutes `${NAME}` and leaves a bare `$` as it is; the parser would take `$NAME` too, and a
/// secret may well have a `$`.
fn literal_dollars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let single = line.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with('\''));
        let mut before = '\0';
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '$' && !single && before != '\\' && rest.peek() != Some(&'{') {
                out.push('\\');
            }
            out.push(c);
            before = c;
        }
        out.push('\n');
    }
    out
}

/// The line, from 1, that the parser gave up on. Its own message would quote the line, secret and all.
fn line_at_fault(text: &str, error: &dotenvy::Error) -> usize {
    let dotenvy::Error::LineParse(quoted, _) = error else { return 1 };
    let first = quoted.lines().next().unwrap_or_default().trim_end();
    let literal = literal_dollars(text);
    literal.lines().position(|line| line.trim_end().ends_with(first)).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(text: &str) -> Result<Layer, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        std::fs::write(&path, text).expect("a file");
        Variables::from_file(&path)?.layer()
    }

    fn address(text: &str) -> String {
        match read(text).expect(text).address {
            Some(Address::Url(url)) => url.to_string(),
            Some(Address::Cluster(cluster)) => cluster,
            None => "none".to_owned(),
        }
    }

    #[test]
    fn a_host_goes_before_a_cluster_and_has_laravels_defaults() {
        let cases = [
            ("", "none"),
            ("PUSHER_HOST=\nPUSHER_APP_CLUSTER=\n", "none"),
            ("PUSHER_APP_KEY=k\nPUSHER_HOST=\nPUSHER_PORT=443\nPUSHER_APP_CLUSTER=mt1\n", "mt1"),
            (
                "PUSHER_HOST=127.0.0.1\nPUSHER_PORT=6001\nPUSHER_SCHEME=http\nPUSHER_APP_CLUSTER=mt1\n",
                "ws://127.0.0.1:6001/",
            ),
            ("PUSHER_HOST=ws.example.test\n", "wss://ws.example.test/"),
            ("PUSHER_HOST=::1\nPUSHER_PORT=6001\nPUSHER_SCHEME=http\n", "ws://[::1]:6001/"),
            (
                "REVERB_APP_KEY=k\nREVERB_HOST=\"localhost\"\nREVERB_PORT=8080\nREVERB_SCHEME=http\n",
                "ws://localhost:8080/",
            ),
            ("REVERB_HOST=a\nREVERB_PORT=80\nREVERB_SCHEME=http\nREVERB_SERVER_PATH=/ws\n", "ws://a/ws"),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text), expected, "{text}");
        }
    }

    #[test]
    fn of_two_families_the_broadcast_connection_chooses() {
        let both = "PUSHER_APP_KEY=pusher\nREVERB_APP_KEY=reverb\n";
        let cases = [
            ("", "pusher"),
            ("BROADCAST_DRIVER=pusher\n", "pusher"),
            ("BROADCAST_DRIVER=reverb\n", "reverb"),
            ("BROADCAST_CONNECTION=reverb\nBROADCAST_DRIVER=pusher\n", "reverb"),
            ("BROADCAST_CONNECTION=\nBROADCAST_DRIVER=reverb\n", "reverb"),
            ("BROADCAST_CONNECTION=log\n", "pusher"),
        ];
        for (choice, expected) in cases {
            let layer = read(&format!("{both}{choice}")).expect(choice);
            assert_eq!(layer.key.as_deref(), Some(expected), "{choice}");
        }
        let alone = read("REVERB_APP_KEY=reverb\nBROADCAST_CONNECTION=pusher\n").expect("one family");
        assert_eq!(alone.key.as_deref(), Some("reverb"));
    }

    #[test]
    fn values_are_quoted_escaped_substituted_and_commented_as_laravel_has_them() {
        let cases = [
            ("PUSHER_APP_SECRET=plain\r\n", "plain"),
            ("PUSHER_APP_SECRET=\"with space\" # why\n", "with space"),
            ("PUSHER_APP_SECRET='a$b\"c'\n", "a$b\"c"),
            ("PUSHER_APP_SECRET=a$b\n", "a$b"),
            ("PUSHER_APP_SECRET=\"a$b\\\"c\"\n", "a$b\"c"),
            ("FOO_BAR=x\nPUSHER_APP_SECRET=\"${FOO_BAR}-y\"\n", "x-y"),
            ("export PUSHER_APP_SECRET=plain\n", "plain"),
            ("\u{feff}PUSHER_APP_SECRET=plain\n", "plain"),
            ("# PUSHER_APP_SECRET=no\nPUSHER_APP_SECRET=plain\n", "plain"),
        ];
        for (text, expected) in cases {
            let secret = read(text).expect(text).secret.expect(text);
            assert_eq!(secret.expose_secret(), expected, "{text}");
        }
    }

    #[test]
    fn every_fault_names_its_line_and_quotes_nothing() {
        let cases = [
            ("A=1\nPUSHER_APP_SECRET=hunter2 hunter2\n", 2, "expected NAME=value"),
            ("A=1\n\nhunter2\n", 3, "expected NAME=value"),
            ("PUSHER_HOST=a\nPUSHER_PORT=many\n", 2, "PUSHER_PORT: expected a port"),
            ("PUSHER_HOST=http://a\n", 1, "PUSHER_HOST: expected a host's name"),
            ("A=1\nPUSHER_HOST=a\nPUSHER_SCHEME=tcp\n", 3, "PUSHER_SCHEME: expected http or https"),
            ("APP_TIMEZONE=Mars\n", 1, "APP_TIMEZONE: expected a time zone"),
            ("APP_URL=localhost\n", 1, "APP_URL: expected http"),
        ];
        for (text, expected_line, words) in cases {
            match read(text).expect_err(text) {
                Error::File { line, expected, .. } => {
                    assert_eq!(line, expected_line, "{text}");
                    assert!(expected.contains(words) && !expected.contains("hunter2"), "{text}: {expected}");
                }
                other => panic!("{text}: {other}"),
            }
        }
    }

    #[test]
    fn the_environment_goes_before_the_file_and_an_empty_variable_is_as_none() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Variables::from_environment(&pairs.collect())
        };
        let file = environment(&[("PUSHER_APP_KEY", "file"), ("PUSHER_APP_ID", "1")]);
        let laid = environment(&[("PUSHER_APP_KEY", "environment"), ("PUSHER_APP_ID", "")]).over(file);
        let layer = laid.layer().expect("a layer");
        assert_eq!((layer.key.as_deref(), layer.app_id.as_deref()), (Some("environment"), Some("1")));
    }
}
