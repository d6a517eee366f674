//! Colours as roles: a drawing asks for [`Role::Urgent`], never for red.
//!
//! A theme is one TOML file under `themes/`, embedded in the binary; one of the reader's [`Own`] of the same
//! name wins over it. Each role is written as one line of text: a colour, `on` another, and `bold`,
//! `underlined` or `reverse` (`"#eef6ff on #16384d bold"`). What a file leaves out comes from the theme that
//! it `inherits`. [`Depth`] says what a terminal can show; a theme is brought down to it once, when loaded.

use std::collections::BTreeMap;
use std::io;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::ui::glyphs::Glyphs;

/// What a cell means; the theme says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The screen itself; only its background counts.
    Ground,
    /// What is read.
    Text,
    /// What is read second: labels, units, explanations.
    Dim,
    /// Frames and rules.
    Line,
    /// The name of a pane.
    Title,
    /// The name of the pane that has the keys.
    Focus,
    /// The product's own name.
    Brand,
    /// The name of a screen that is not shown.
    Tab,
    /// The name of the screen that is shown.
    Here,
    /// The link, while all is well.
    Live,
    /// What waits for a person.
    Act,
    /// The link when it is lost, and money that failed.
    Urgent,
    /// What came to a good end.
    Settled,
    /// An amount.
    Money,
    /// A person.
    Name,
    /// A code, an address, an identifier.
    Code,
    /// An arrival.
    Arrive,
    /// A departure.
    Leave,
    /// The taken part of a bar.
    Bar,
    /// The free part of a bar.
    Free,
    /// A small chart.
    Spark,
    /// Numbers that may be out of date.
    Stale,
    /// The selected row.
    Sel,
    /// A key that can be pressed.
    Key,
    /// The banner over a screen that is not the present truth.
    Banner,
}

impl Role {
    /// Every role, with its name in theme files.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::Ground, "ground"),
        (Self::Text, "text"),
        (Self::Dim, "dim"),
        (Self::Line, "line"),
        (Self::Title, "title"),
        (Self::Focus, "focus"),
        (Self::Brand, "brand"),
        (Self::Tab, "tab"),
        (Self::Here, "here"),
        (Self::Live, "live"),
        (Self::Act, "act"),
        (Self::Urgent, "urgent"),
        (Self::Settled, "settled"),
        (Self::Money, "money"),
        (Self::Name, "name"),
        (Self::Code, "code"),
        (Self::Arrive, "arrive"),
        (Self::Leave, "leave"),
        (Self::Bar, "bar"),
        (Self::Free, "free"),
        (Self::Spark, "spark"),
        (Self::Stale, "stale"),
        (Self::Sel, "sel"),
        (Self::Key, "key"),
        (Self::Banner, "banner"),
    ];

    /// How much its colour must stand out from its ground: text most, what only frames not at all.
    pub fn contrast(self) -> f64 {
        match self {
            Self::Ground | Self::Line | Self::Free => 1.0,
            Self::Bar | Self::Spark => 3.0,
            Self::Text
            | Self::Dim
            | Self::Title
            | Self::Focus
            | Self::Brand
            | Self::Tab
            | Self::Here
            | Self::Live
            | Self::Act
            | Self::Urgent
            | Self::Settled
            | Self::Money
            | Self::Name
            | Self::Code
            | Self::Arrive
            | Self::Leave
            | Self::Stale
            | Self::Sel
            | Self::Key
            | Self::Banner => 4.5,
        }
    }
}

/// The themes inside the binary; the first is the default.
const EMBEDDED: [(&str, &str); 6] = [
    ("harbor", include_str!("../../themes/harbor.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("16", include_str!("../../themes/16.toml")),
];

/// How many colours a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, underlined and reversed text alone.
    Mono,
    /// The 16 named ones, as the terminal's owner set them.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// All of them.
    True,
}

impl Depth {
    /// Reads it off the environment: `NO_COLOR`, `TERM`, `COLORTERM`, and Windows Terminal's `WT_SESSION`.
    ///
    /// A kind that is known to show less is believed before `COLORTERM`, which is handed on to whatever runs
    /// inside a terminal, another terminal included. Who says nothing of colours gets the sixteen.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| env(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let is = |names: &[&str]| names.iter().any(|name| term.starts_with(name));
        if set("NO_COLOR").is_some() || is(&["vt"]) || term.ends_with("-mono") || term.ends_with("-m") {
            return Self::Mono;
        }
        if is(&["linux", "ansi", "cons25", "cygwin"]) || term.ends_with("-16color") {
            return Self::Sixteen;
        }
        let colorterm = set("COLORTERM").unwrap_or_default();
        if ["truecolor", "24bit"].contains(&colorterm.as_str())
            || is(&["xterm-kitty", "xterm-ghostty", "alacritty", "wezterm", "foot", "contour", "iterm"])
            || term.contains("direct")
            || set("WT_SESSION").is_some()
        {
            return Self::True;
        }
        if term.contains("256") { Self::Indexed } else { Self::Sixteen }
    }
}

/// A theme that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTheme {
    /// There is none of this name.
    #[error("there is no theme `{name}`; the built-in ones are {}", names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The reader's own is there and cannot be read.
    #[error("cannot read the theme `{name}`: {source}")]
    Unreadable {
        /// The theme.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no theme.
    #[error("theme `{name}`: {reason}")]
    Wrong {
        /// The theme.
        name: String,
        /// What is wrong with it, and where.
        reason: String,
    },
}

/// The themes that the reader keeps: the text of one by its name, nothing where there is none.
pub type Own<'a> = dyn Fn(&str) -> io::Result<Option<String>> + 'a;

/// A style for every role, at the depth of the terminal.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    styles: [Style; Role::ALL.len()],
    /// The characters that bars, charts and frames are made of.
    pub glyphs: Glyphs,
}

/// A theme file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
}

/// The names of the built-in themes, the default first.
pub fn names() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(name, _)| *name)
}

impl Theme {
    /// Loads `name` for a terminal of `depth`. The reader's `own` win over the built-in ones.
    ///
    /// Without colours it is `mono` whatever was asked for, with sixteen `16`: a theme in a thousand shades
    /// would come out unreadable there.
    pub fn load(name: &str, depth: Depth, own: Option<&Own<'_>>) -> Result<Self, BadTheme> {
        let asked = Self::read(name, own, 0)?;
        let mut theme = match depth {
            Depth::Mono => Self::read("mono", None, 0)?,
            Depth::Sixteen if asked.needs_many_colours() => Self::read("16", None, 0)?,
            Depth::Sixteen | Depth::Indexed | Depth::True => asked,
        };
        if depth == Depth::Indexed {
            for style in &mut theme.styles {
                style.fg = style.fg.map(indexed);
                style.bg = style.bg.map(indexed);
            }
        }
        Ok(theme)
    }

    /// The theme's name; not the one asked for where the terminal's depth did not allow it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a role looks.
    pub fn of(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// How a role looks on the selected row: its own colour on the row's ground, where it has none of its own.
    pub fn selected(&self, role: Role) -> Style {
        let (own, sel) = (self.of(role), self.of(Role::Sel));
        match (own.bg, sel.bg) {
            (Some(_), _) => own,
            (None, Some(ground)) => own.bg(ground).add_modifier(sel.add_modifier),
            (None, None) => sel,
        }
    }

    fn needs_many_colours(&self) -> bool {
        self.styles.iter().any(|style| [style.fg, style.bg].iter().any(|c| matches!(c, Some(Color::Rgb(..)))))
    }

    fn read(name: &str, own: Option<&Own<'_>>, depth: u8) -> Result<Self, BadTheme> {
        let wrong = |reason: String| BadTheme::Wrong { name: name.to_owned(), reason };
        let text = source(name, own)?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut theme = match file.inherits {
            Some(_) if depth > 4 => return Err(wrong("it inherits itself".to_owned())),
            // A file may inherit the built-in theme of its own name.
            Some(parent) => Self::read(&parent, own.filter(|_| parent != name), depth + 1)?,
            None => {
                Self { name: String::new(), styles: [Style::new(); Role::ALL.len()], glyphs: Glyphs::BLOCKS }
            }
        };
        name.clone_into(&mut theme.name);
        for (key, value) in &file.roles {
            let (role, _) = Role::ALL
                .into_iter()
                .find(|(_, known)| known == key)
                .ok_or_else(|| wrong(format!("there is no role `{key}`")))?;
            theme.styles[role as usize] = style(value).map_err(|reason| wrong(format!("{key}: {reason}")))?;
        }
        Ok(theme)
    }
}

/// The text of a theme: the reader's own file, or the built-in one.
fn source(name: &str, own: Option<&Own<'_>>) -> Result<String, BadTheme> {
    // A name is no path: `../x` asks for a theme that is not there.
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    if let (Some(own), true) = (own, plain) {
        match own(name) {
            Ok(Some(text)) => return Ok(text),
            Ok(None) => {}
            Err(source) => return Err(BadTheme::Unreadable { name: name.to_owned(), source }),
        }
    }
    EMBEDDED
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| (*text).to_owned())
        .ok_or_else(|| BadTheme::Unknown { name: name.to_owned() })
}

/// Reads `"#eef6ff on #16384d bold"`.
fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "underlined" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            "on" => style.bg(colour(words.next().ok_or("a colour must follow `on`")?)?),
            word => style.fg(colour(word)?),
        };
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, String> {
    if word == "default" {
        return Ok(Color::Reset);
    }
    word.parse()
        .map_err(|_| format!("`{word}` is no colour: write #rrggbb, default, or a name such as light-blue"))
}

/// The steps of xterm's colour cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the 240 colours of xterm that no terminal's owner redefines.
fn indexed(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let distance = |(x, y, z): (u8, u8, u8)| {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        square(r, x) + square(g, y) + square(b, z)
    };
    (16..=255_u8).min_by_key(|index| distance(xterm(*index))).map_or(colour, Color::Indexed)
}

/// Red, green and blue of one of xterm's colours from 16 up.
fn xterm(index: u8) -> (u8, u8, u8) {
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return (grey, grey, grey);
    }
    let cube = index.saturating_sub(16);
    let step = |n: u8| STEPS[usize::from(n % 6)];
    (step(cube / 36), step(cube / 6), step(cube))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    /// Red, green and blue as xterm shows them; `None` where the terminal's owner decides.
    fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
        Some(match colour {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Indexed(index) => xterm(index),
            Color::Black => (0, 0, 0),
            Color::Red => (205, 0, 0),
            Color::Green => (0, 205, 0),
            Color::Yellow => (205, 205, 0),
            Color::Blue => (0, 0, 238),
            Color::Magenta => (205, 0, 205),
            Color::Cyan => (0, 205, 205),
            Color::Gray => (229, 229, 229),
            Color::DarkGray => (127, 127, 127),
            Color::LightRed => (255, 0, 0),
            Color::LightGreen => (0, 255, 0),
            Color::LightYellow => (255, 255, 0),
            Color::LightBlue => (92, 92, 255),
            Color::LightMagenta => (255, 0, 255),
            Color::LightCyan => (0, 255, 255),
            Color::White => (255, 255, 255),
            Color::Reset => return None,
        })
    }

    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn all() -> impl Iterator<Item = Theme> {
        names().flat_map(|name| {
            [Depth::True, Depth::Indexed]
                .map(|depth| Theme::load(name, depth, None).expect("a built-in theme"))
        })
    }

    #[test]
    fn every_text_of_every_theme_stands_out_from_its_ground() {
        for theme in all() {
            let ground = theme.of(Role::Ground).bg.and_then(rgb).unwrap_or((0, 0, 0));
            for (role, name) in Role::ALL {
                for (style, place) in
                    [(theme.of(role), "its ground"), (theme.selected(role), "the selected row")]
                {
                    let own = style.bg.and_then(rgb).unwrap_or(ground);
                    let Some(fg) = style.fg.and_then(rgb) else { continue };
                    let ratio = contrast(fg, own);
                    assert!(ratio >= role.contrast(), "{}: {name} has {ratio:.1} on {place}", theme.name());
                }
            }
        }
    }

    #[test]
    fn every_theme_says_how_every_role_looks() {
        for theme in all() {
            for (role, name) in Role::ALL {
                // Without colours plain text and its frame look alike: nothing to say is an answer there.
                let said = theme.of(role) != Style::new() || theme.name() == "mono";
                assert!(said, "{}: {name}", theme.name());
            }
        }
    }

    #[test]
    fn the_roles_stand_in_the_table_in_their_own_order() {
        for (index, (role, name)) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, index, "{name}");
        }
    }

    #[test]
    fn the_terminal_is_asked_for_no_more_colours_than_it_has() {
        for (pairs, depth) in [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], Depth::True),
            (&[("TERM", "xterm-256color")], Depth::Indexed),
            (&[("TERM", "xterm-direct")], Depth::True),
            (&[("TERM", "xterm-kitty")], Depth::True),
            (&[("TERM", "xterm")], Depth::Sixteen),
            (&[("TERM", "linux")], Depth::Sixteen),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], Depth::Sixteen),
            (&[("TERM", "xterm-16color"), ("COLORTERM", "truecolor")], Depth::Sixteen),
            (&[("TERM", "vt220"), ("COLORTERM", "truecolor")], Depth::Mono),
            (&[("TERM", "screen"), ("NO_COLOR", "")], Depth::Sixteen),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("WT_SESSION", "x")], Depth::True),
        ] {
            assert_eq!(Depth::detect(env(pairs)), depth, "{pairs:?}");
        }
        for name in names() {
            assert_eq!(Theme::load(name, Depth::Mono, None).expect(name).name(), "mono");
            let sixteen = Theme::load(name, Depth::Sixteen, None).expect(name);
            assert!(!sixteen.needs_many_colours(), "{name}");
        }
    }

    /// A reader's themes: one.
    fn shelf(its_name: &str, text: &str) -> impl Fn(&str) -> io::Result<Option<String>> {
        move |name| Ok((name == its_name).then(|| text.to_owned()))
    }

    #[test]
    fn a_theme_of_the_readers_own_wins_and_may_build_on_the_built_in_one() {
        let shelf = shelf("harbor", "inherits = \"harbor\"\n[roles]\nact = \"#ffffff bold\"");
        let own = Theme::load("harbor", Depth::True, Some(&shelf)).expect("loads");
        let built_in = Theme::load("harbor", Depth::True, None).expect("loads");
        assert_eq!(
            own.of(Role::Act),
            Style::new().fg(Color::Rgb(255, 255, 255)).add_modifier(Modifier::BOLD)
        );
        assert_eq!(own.of(Role::Text), built_in.of(Role::Text));
    }

    #[test]
    fn a_wrong_theme_is_refused_with_the_place_of_the_fault() {
        for (text, place) in [
            ("[roles]\nsky = \"blue\"", "no role `sky`"),
            ("[roles]\nact = \"amberish\"", "act: `amberish` is no colour"),
            ("[roles]\nact = \"red on\"", "act: a colour must follow"),
            ("colour = 1", "colour"),
            ("inherits = \"mine\"", "no theme `mine`"),
            ("inherits = \"nowhere\"", "no theme `nowhere`"),
        ] {
            let error =
                Theme::load("mine", Depth::True, Some(&shelf("mine", text))).expect_err(text).to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
        for name in ["", "../mine", "nowhere"] {
            assert!(Theme::load(name, Depth::True, Some(&shelf("../mine", ""))).is_err(), "{name}");
        }
        let unreadable = |_: &str| Err(io::ErrorKind::PermissionDenied.into());
        let error =
            Theme::load("harbor", Depth::True, Some(&unreadable)).expect_err("unreadable").to_string();
        assert!(error.starts_with("cannot read the theme `harbor`"), "{error}");
    }
}
