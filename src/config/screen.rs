//! The settings of a dashboard: themes, words and keys by their names, and the venue that it shows.

use std::{fs, io};

use super::settings::Settings;
use super::{Error, is_absent, themes_dir};
use crate::domain::venue;
use crate::login::Login;
use crate::ui::facts::Identity;
use crate::ui::glyphs::Glyphs;
use crate::ui::keymap::Keymap;
use crate::ui::locale::Locale;
use crate::ui::theme::{Depth, Theme};
use crate::{app, client};

impl Settings {
    /// What a dashboard needs that listens through `client` (its own, or the demo's) as `identity`.
    ///
    /// # Errors
    /// A theme, a language, an action or a key is named that is not there.
    pub fn app(&self, client: client::Options, identity: Option<Identity>) -> Result<app::Options, Error> {
        let depth = Depth::detect(|name| std::env::var(name).ok());
        let unknown = |setting, expected: String| Error::Unknown { setting, expected };
        let mut theme = Theme::load(&self.theme, depth, Some(&own_theme))
            .map_err(|error| unknown("theme", error.to_string()))?;
        theme.glyphs = Glyphs::detect(|name| std::env::var(name).ok());
        Ok(app::Options {
            client,
            identity,
            backend: self.backend(),
            venue_name: self.venue.name.clone(),
            venue: venue::Settings {
                zone: self.timezone.clone(),
                words: self.venue.words.clone(),
                hours: self.venue.hours.clone(),
                patience: self.venue.patience,
            },
            complete_from: None,
            locale: Locale::load(&self.locale).map_err(|error| unknown("locale", error.to_string()))?,
            keymap: Keymap::with(&self.venue.keys).map_err(|error| unknown("[keys]", error.to_string()))?,
            theme,
            log_file: self.log_file.clone(),
            live: None,
            history: None,
        })
    }

    /// Who is logged in, for the screen.
    ///
    /// # Errors
    /// The token is somewhere, and can't be read.
    pub fn identity(&self) -> Result<Option<Identity>, Error> {
        Ok(self.login()?.map(|Login { name, role, .. }| Identity { name, role }))
    }
}

/// The text of a theme that the reader keeps in the settings' folder.
fn own_theme(name: &str) -> io::Result<Option<String>> {
    let Some(folder) = themes_dir() else { return Ok(None) };
    let path = folder.join(format!("{name}.toml"));
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}
