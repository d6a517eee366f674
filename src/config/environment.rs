//! What the environment says to us by name: `FRONTDESK_*`.
//!
//! Each variable is one setting, written as its flag takes it. An empty one is as none. Laravel's own
//! variables are read in [`super::laravel`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::layer::{Address, Layer, TokenSource};
use super::{Error, value};

/// The environment, taken once at start so that tests can have their own.
#[derive(Clone, Default)]
pub struct Environment(pub(super) BTreeMap<String, String>);

impl Environment {
    /// The process's; what is no UTF-8 is left out.
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os();
        Self(
            pairs
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The text of `FRONTDESK_{name}`.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(&format!("FRONTDESK_{name}")).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The path in `FRONTDESK_{name}`.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, value::Expected>,
    ) -> Result<Option<T>, Error> {
        let parsed = self.text(name).map(parse).transpose();
        parsed.map_err(|expected| Error::Variable { name: format!("FRONTDESK_{name}"), expected })
    }

    /// What the variables say.
    ///
    /// # Errors
    /// A variable holds what its setting can't be.
    pub fn layer(&self) -> Result<Layer, Error> {
        let own = |name| self.text(name).map(str::to_owned);
        let token = own("TOKEN").map(|text| TokenSource::Text(text.into()));
        let url = self.parse("URL", value::server)?.map(Address::Url);
        let cluster = self.parse("CLUSTER", value::cluster)?.map(Address::Cluster);
        Ok(Layer {
            address: url.or(cluster),
            key: own("KEY"),
            app_id: own("APP_ID"),
            secret: own("SECRET").map(Into::into),
            ca_file: self.path("CA_FILE"),
            channels: self.parse("CHANNELS", value::channels)?,
            auth_endpoint: self.parse("AUTH_ENDPOINT", value::web)?,
            token: token.or_else(|| self.path("TOKEN_FILE").map(TokenSource::File)),
            timezone: self.parse("TIMEZONE", value::zone)?,
            theme: own("THEME"),
            locale: own("LOCALE"),
            data_dir: self.path("DATA_DIR"),
            log_file: self.path("LOG_FILE"),
            log_level: self.parse("LOG_LEVEL", value::level)?,
            ..Layer::default()
        })
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}
