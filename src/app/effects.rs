//! Does what the screens ask of the world.

use std::io;
use std::ops::ControlFlow;

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;

use super::leave::Asked;
use super::terminal::Terminal;
use crate::client::Handle;
use crate::ui::Effect;

/// The world, as far as the screens may touch it.
pub(super) struct World<'a> {
    pub(super) terminal: &'a mut Terminal,
    pub(super) client: &'a Handle,
    /// Whether there is a tmux between us and the terminal.
    pub(super) tmux: bool,
}

impl World<'_> {
    /// Carries out an effect; breaks off where the reader asked for the end.
    pub(super) fn carry_out(&mut self, effect: Effect) -> io::Result<ControlFlow<Asked>> {
        match effect {
            Effect::Quit => return Ok(ControlFlow::Break(Asked::ToEnd)),
            Effect::Interrupt => return Ok(ControlFlow::Break(Asked::ToStop)),
            Effect::RetryNow => self.client.retry_now(),
            Effect::Copy(text) => self.terminal.send(&clipboard(&text, self.tmux))?,
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The sequence that puts a text into the terminal's clipboard (OSC 52). A tmux takes it itself where its
/// `set-clipboard` is on, and passes the wrapped one on where `allow-passthrough` is: it gets both.
fn clipboard(text: &str, tmux: bool) -> String {
    let mut plain = String::new();
    // A string takes everything.
    let _ = CopyToClipboard::to_clipboard_from(text).write_ansi(&mut plain);
    if !tmux {
        return plain;
    }
    let wrapped = plain.replace('\x1b', "\x1b\x1b");
    format!("{plain}\x1bPtmux;{wrapped}\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_cannot_end_its_own_sequence() {
        let hostile = "BK2304\x07\x1b\\\x1b]0;owned\x07";
        let sequence = clipboard(hostile, false);
        assert!(sequence.starts_with("\x1b]52;c;"), "{sequence:?}");
        let body =
            sequence.trim_start_matches("\x1b]52;c;").trim_end_matches("\x1b\\").trim_end_matches('\x07');
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{body:?}");
    }

    #[test]
    fn in_tmux_the_terminal_behind_it_gets_the_copy_too() {
        let sequence = clipboard("BK2304", true);
        let (plain, wrapped) = sequence.split_once("\x1bPtmux;").unwrap();
        assert_eq!(plain, clipboard("BK2304", false));
        assert_eq!(wrapped.strip_suffix("\x1b\\").unwrap().replace("\x1b\x1b", "\x1b"), plain);
    }
}
