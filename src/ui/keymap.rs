//! Which key means which action. Built from the table of actions, changed by the settings' `[keys]`.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::ui::action::{ACTIONS, Action};

/// A key as one presses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// The keys and what they mean.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// In the order of the table; the first key of an action is the one that is shown.
    rows: Vec<(Action, Vec<Key>)>,
}

/// `[keys]` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// No action has this name.
    #[error("there is no action `{0}`")]
    UnknownAction(String),
    /// No key has this name.
    #[error("`{0}` is no key: write a character, or enter, space, ctrl-p, f8 …")]
    UnknownKey(String),
    /// Two actions on one key.
    #[error("the key `{key}` is given to both `{first}` and `{second}`")]
    Clash {
        /// The key.
        key: String,
        /// The action that had it.
        first: &'static str,
        /// The action that wants it too.
        second: &'static str,
    },
}

/// Keys that have a name.
const NAMED: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
];

impl Key {
    /// Reads `q`, `G`, `enter`, `f8`, `ctrl-p`, `alt-x`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            if let Some(tail) = rest.strip_prefix("ctrl-").filter(|tail| !tail.is_empty()) {
                (modifiers, rest) = (modifiers | KeyModifiers::CONTROL, tail);
            } else if let Some(tail) = rest.strip_prefix("alt-").filter(|tail| !tail.is_empty()) {
                (modifiers, rest) = (modifiers | KeyModifiers::ALT, tail);
            } else {
                break;
            }
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(letter), None) => KeyCode::Char(letter),
            _ => match NAMED.iter().find(|(name, _)| *name == rest) {
                Some((_, code)) => *code,
                None => KeyCode::F(rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=24).contains(n))?),
            },
        };
        Some(Self { code, modifiers })
    }

    /// The key of an event. Shift is in the letter already (`G`), and Shift-Tab has a code of its own.
    fn of(event: KeyEvent) -> Self {
        Self { code: event.code, modifiers: event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT) }
    }

    /// The key as hints and help print it: `Enter`, `^C`, `F8`.
    pub fn label(self) -> String {
        let name = match (self.code, NAMED.iter().find(|(_, code)| *code == self.code)) {
            (KeyCode::Up, _) => "↑".to_owned(),
            (KeyCode::Down, _) => "↓".to_owned(),
            (KeyCode::Left, _) => "←".to_owned(),
            (KeyCode::Right, _) => "→".to_owned(),
            (KeyCode::PageUp, _) => "PgUp".to_owned(),
            (KeyCode::PageDown, _) => "PgDn".to_owned(),
            (KeyCode::BackTab, _) => "Shift-Tab".to_owned(),
            (KeyCode::F(n), _) => format!("F{n}"),
            (_, Some((name, _))) => {
                let mut letters = name.chars();
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
            }
            (KeyCode::Char(c), None) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                c.to_uppercase().to_string()
            }
            (code, None) => code.to_string(),
        };
        let control = if self.modifiers.contains(KeyModifiers::CONTROL) { "^" } else { "" };
        let alt = if self.modifiers.contains(KeyModifiers::ALT) { "Alt-" } else { "" };
        format!("{alt}{control}{name}")
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |texts: &[&str]| texts.iter().filter_map(|text| Key::parse(text)).collect();
        Self { rows: ACTIONS.iter().map(|row| (row.action, keys(row.keys))).collect() }
    }
}

impl Keymap {
    /// The default map with the settings' `[keys]` laid over it: action name → keys, in place of all that the
    /// action had. Refuses unknown names and two actions on one key.
    pub fn with(overrides: &BTreeMap<String, Vec<String>>) -> Result<Self, BadKeys> {
        let mut map = Self::default();
        for (name, texts) in overrides {
            let index = ACTIONS.iter().position(|row| row.name == name);
            let index = index.ok_or_else(|| BadKeys::UnknownAction(name.clone()))?;
            let parse = |text: &String| Key::parse(text).ok_or_else(|| BadKeys::UnknownKey(text.clone()));
            map.rows[index].1 = texts.iter().map(parse).collect::<Result<_, _>>()?;
        }
        map.clash().map_or(Ok(map), Err)
    }

    /// What a key press means.
    pub fn action(&self, event: KeyEvent) -> Option<Action> {
        let key = Key::of(event);
        self.rows.iter().find(|(_, keys)| keys.contains(&key)).map(|(action, _)| *action)
    }

    /// The label of an action's first key; `None` where the settings took all keys from it.
    pub fn label(&self, action: Action) -> Option<String> {
        self.labels(action).next()
    }

    /// The labels of all keys of an action.
    pub fn labels(&self, action: Action) -> impl Iterator<Item = String> {
        let keys = self.rows.iter().find(|(known, _)| *known == action).map(|(_, keys)| keys.as_slice());
        keys.unwrap_or_default().iter().map(|key| key.label())
    }

    fn clash(&self) -> Option<BadKeys> {
        let all = || {
            self.rows.iter().enumerate().flat_map(|(row, (_, keys))| keys.iter().map(move |key| (row, *key)))
        };
        all().find_map(|(row, key)| {
            let (other, _) = all().find(|(other, same)| *other > row && *same == key)?;
            Some(BadKeys::Clash { key: key.label(), first: ACTIONS[row].name, second: ACTIONS[other].name })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::cursor::Step;

    use super::*;

    fn overrides(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs
            .iter()
            .map(|(name, keys)| ((*name).to_owned(), keys.iter().map(|k| (*k).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn every_key_of_the_table_is_a_key_and_means_its_action() {
        let map = Keymap::default();
        assert_eq!(map.clash(), None);
        for row in ACTIONS {
            for text in row.keys {
                let key = Key::parse(text).expect(text);
                assert_eq!(map.action(KeyEvent::new(key.code, key.modifiers)), Some(row.action), "{text}");
            }
        }
    }

    #[test]
    fn a_capital_letter_is_the_letter_with_or_without_the_shift_that_made_it() {
        let map = Keymap::default();
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            assert_eq!(
                map.action(KeyEvent::new(KeyCode::Char('G'), modifiers)),
                Some(Action::Move(Step::End))
            );
            assert_eq!(map.action(KeyEvent::new(KeyCode::BackTab, modifiers)), Some(Action::PreviousPane));
        }
    }

    #[test]
    fn keys_can_be_given_anew_and_clashes_are_refused() {
        let map = Keymap::with(&overrides(&[("quit", &["ctrl-q"]), ("help", &[])])).expect("fits");
        assert_eq!(map.label(Action::Quit).as_deref(), Some("^Q"));
        assert_eq!(map.label(Action::Help), None);
        assert_eq!(
            Keymap::with(&overrides(&[("pause", &["q"])])).expect_err("a clash").to_string(),
            "the key `q` is given to both `pause` and `quit`"
        );
        assert!(matches!(Keymap::with(&overrides(&[("fly", &["f"])])), Err(BadKeys::UnknownAction(_))));
        for key in ["", "ctrl-", "f0", "f25", "entre"] {
            assert!(
                matches!(Keymap::with(&overrides(&[("quit", &[key])])), Err(BadKeys::UnknownKey(_))),
                "{key}"
            );
        }
    }
}
