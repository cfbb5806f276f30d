//! Keys by name, and the one catalogue of what they do.

mod availability;
mod catalogue;
mod keymap;
mod motion;
mod table;

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use availability::{Availability, availability};
pub use catalogue::{ACTIONS, Action, ActionId, Scope};
pub use keymap::Keymap;
pub use motion::{Motion, moved};
pub use table::key_table;

/// A key as the console tells keys apart: shift is in the character, AltGr is none of our business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPress {
    pub code: KeyCode,
    pub ctrl: bool,
    pub alt: bool,
}

impl KeyPress {
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// The key of an event; none for a release, since some terminals report those too.
    pub fn of(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        Some(match event.code {
            // AltGr arrives as ctrl+alt and makes a character.
            KeyCode::Char(char) if ctrl && alt => Self::plain(KeyCode::Char(char)),
            KeyCode::Char(char) if ctrl => Self { code: KeyCode::Char(char.to_ascii_lowercase()), ctrl, alt },
            KeyCode::Tab if shift => Self::plain(KeyCode::BackTab),
            code => Self { code, ctrl, alt },
        })
    }

    /// The character that this key writes into a field.
    pub fn char(self) -> Option<char> {
        match self.code {
            KeyCode::Char(char) if !self.ctrl && !self.alt => Some(char),
            _ => None,
        }
    }

    pub fn is(self, name: &str) -> bool {
        name.parse() == Ok(self)
    }

    /// The same key for a text area.
    pub fn event(self) -> KeyEvent {
        let mut modifiers = KeyModifiers::NONE;
        modifiers.set(KeyModifiers::CONTROL, self.ctrl);
        modifiers.set(KeyModifiers::ALT, self.alt);
        KeyEvent::new(self.code, modifiers)
    }
}

const NAMES: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown key '{0}'")]
pub struct KeyError(String);

impl FromStr for KeyPress {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (ctrl, rest) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let (alt, rest) = rest.strip_prefix("alt-").map_or((false, rest), |rest| (true, rest));
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == rest) {
            return Ok(Self { code: *code, ctrl, alt });
        }
        if let Some(number @ 1..=12) = rest.strip_prefix('f').and_then(|number| number.parse().ok()) {
            return Ok(Self { code: KeyCode::F(number), ctrl, alt });
        }
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(Self { code: KeyCode::Char(char), ctrl, alt }),
            _ => Err(KeyError(text.to_owned())),
        }
    }
}

impl fmt::Display for KeyPress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ctrl { "ctrl-" } else { "" })?;
        f.write_str(if self.alt { "alt-" } else { "" })?;
        match NAMES.iter().find(|(_, code)| *code == self.code) {
            Some((name, _)) => f.write_str(name),
            None => match self.code {
                KeyCode::Char(char) => write!(f, "{char}"),
                KeyCode::F(number) => write!(f, "f{number}"),
                code => write!(f, "{code:?}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_inverse() {
        for name in NAMES
            .iter()
            .map(|(name, _)| *name)
            .chain(["q", "ctrl-p", "alt-x", "?", ":", "-", "ctrl-r", "f", "f5", "f12"])
        {
            assert_eq!(name.parse::<KeyPress>().unwrap().to_string(), name);
        }
        assert!("hyper-q".parse::<KeyPress>().is_err());
    }

    #[test]
    fn releases_are_dropped_and_altgr_writes() {
        let with = |code, modifiers| KeyPress::of(KeyEvent::new(code, modifiers));
        let mut release = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(KeyPress::of(release), None);
        let altgr = with(KeyCode::Char('@'), KeyModifiers::CONTROL | KeyModifiers::ALT).unwrap();
        assert_eq!(altgr.char(), Some('@'));
        assert_eq!(with(KeyCode::Char('P'), KeyModifiers::CONTROL), "ctrl-p".parse().ok());
        assert_eq!(with(KeyCode::Tab, KeyModifiers::SHIFT), "shift-tab".parse().ok());
        assert_eq!(with(KeyCode::Char('G'), KeyModifiers::SHIFT).unwrap().char(), Some('G'));
    }
}
