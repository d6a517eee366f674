//! A secret as it stands in the settings file.
//!
//! The file's errors quote what they found; this type's errors do not, and neither does its `Debug`.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Text that is shown nowhere.
#[derive(Clone, Debug)]
pub struct Secret(pub SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => Ok(Self(text.into())),
            Ok(_) => Err(serde::de::Error::custom("expected text in quotes")),
            Err(missing) => Err(missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Held {
        secret: Secret,
    }

    #[test]
    fn neither_its_debug_form_nor_an_error_about_it_shows_it() {
        let held: Held = toml::from_str("secret = 'hunter2'").expect("a secret");
        assert_eq!(held.secret.0.expose_secret(), "hunter2");
        assert!(!format!("{held:?}").contains("hunter2"));
        let error = toml::from_str::<Held>("secret = 471147114711").expect_err("a number is no text");
        assert_eq!(error.message(), "expected text in quotes");
    }
}
