//! What the settings file says of a webhook: `[[app.webhook]]`.
//!
//! Each part is judged where it stands, so that an error has its line. None quotes what it judged: an address
//! and a header's value may carry a secret.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::secret::Secret;
use super::value::Expected;
use crate::relay::Webhook;
use crate::relay::webhooks::{BadWebhook, Headers, Kind};

/// `[[app.webhook]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookFile {
    url: Address,
    #[serde(default)]
    events: Vec<EventName>,
    #[serde(default)]
    headers: HeaderTable,
}

impl WebhookFile {
    /// The webhook that it describes.
    pub(super) fn webhook(&self) -> Webhook {
        let events = self.events.iter().map(|name| name.0).collect();
        self.url.0.clone().only(events).with_headers(self.headers.0.clone())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Address(Webhook);

impl TryFrom<String> for Address {
    type Error = BadWebhook;

    fn try_from(text: String) -> Result<Self, BadWebhook> {
        Webhook::new(&text).map(Self)
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct EventName(Kind);

impl TryFrom<String> for EventName {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let names = || Kind::ALL.map(Kind::name).join(", ");
        Kind::parse(&text).map(Self).ok_or_else(|| format!("expected a webhook's event: {}", names()))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Secret>")]
struct HeaderTable(Headers);

impl TryFrom<BTreeMap<String, Secret>> for HeaderTable {
    type Error = BadWebhook;

    fn try_from(table: BTreeMap<String, Secret>) -> Result<Self, BadWebhook> {
        let mut headers = Headers::default();
        table.iter().try_for_each(|(name, value)| headers.add(name, &value.0))?;
        Ok(Self(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::File;

    const APP: &str = "[[app]]\nid = \"1\"\nkey = \"k\"\nsecret = \"sixteen-bytes-xx\"\n";

    fn webhooks(text: &str) -> Result<Vec<Webhook>, (usize, String)> {
        let file = File::parse(&format!("{APP}{text}"))?;
        Ok(file.relay().apps.remove(0).webhooks)
    }

    #[test]
    fn an_app_has_any_number_of_webhooks_each_with_its_events_and_headers() {
        assert_eq!(webhooks("").expect("settings").len(), 0);
        let all = webhooks(
            "[[app.webhook]]\nurl = \"http://127.0.0.1:9000/webhook\"\n\
             [[app.webhook]]\nurl = \"https://venue.example\"\nevents = [\"member_added\", \"cache_miss\"]\n\
             headers = { X-Gate = \"open sesame\" }\n",
        )
        .expect("settings");
        assert_eq!(
            all.iter().map(Webhook::place).collect::<Vec<_>>(),
            ["http://127.0.0.1:9000", "https://venue.example"]
        );
        assert_eq!(all[0].events(), []);
        assert_eq!(all[1].events(), [Kind::MemberAdded, Kind::CacheMiss]);
    }

    #[test]
    fn every_fault_names_its_line_and_what_was_expected_and_quotes_nothing() {
        let good = "url = \"http://localhost/4711\"\n";
        let cases = [
            ("events = []\n".to_owned(), 5, "missing field `url`"),
            ("url = \"localhost/4711\"\n".to_owned(), 6, "expected http://host"),
            ("url = \"ws://localhost/4711\"\n".to_owned(), 6, "expected http://host"),
            ("url = \"http://a:4711@localhost/\"\n".to_owned(), 6, "without a user's name"),
            ("url = \"http://169.254.169.254/4711\"\n".to_owned(), 6, "link-local"),
            (
                format!("{good}events = [\"member_added\", \"member_gone\"]\n"),
                7,
                "expected a webhook's event: channel_occupied, ",
            ),
            (format!("{good}events = \"member_added\"\n"), 7, "expected a sequence"),
            (format!("{good}event_types = []\n"), 7, "unknown field `event_types`"),
            (format!("{good}headers = {{ \"a b\" = \"4711\" }}\n"), 7, "expected a header's name"),
            (format!("{good}headers = {{ a = \"4711\\n\" }}\n"), 7, "expected a header's value"),
            (format!("{good}headers = {{ a = 4711 }}\n"), 7, "expected text in quotes"),
            (format!("{good}headers = {{ Content-Type = \"4711\" }}\n"), 7, "the relay's own"),
        ];
        for (text, line, words) in cases {
            let (at, message) = webhooks(&format!("[[app.webhook]]\n{text}")).expect_err(&text);
            assert!(message.contains(words), "{text}: {message}");
            assert_eq!(at, line, "{text}: {message}");
            assert!(!message.contains('\n') && !message.contains("4711"), "{text}: {message}");
        }
    }
}
