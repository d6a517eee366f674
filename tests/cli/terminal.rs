//! A terminal for a run of the binary: a pseudo-terminal, a screen that understands what is written to it, and
//! the modes that the system keeps for it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use frontdesk::time::monotonic;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::bench::signal;

/// How long anything may take that a test waits for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// How many pieces of what the program writes may wait to be looked at.
const UNREAD: usize = 16;
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// A program on a terminal of its own. Ends with its owner.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    written: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// All that was written, as it came.
    text: String,
    /// The modes that the terminal had before the program got it.
    modes: String,
}

/// How a program left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    /// All that was written, as it came.
    pub(crate) text: String,
    /// What of the terminal is not as it was; nothing, where all was given back.
    pub(crate) kept: Vec<&'static str>,
}

impl Terminal {
    /// Starts a program, which has this terminal and no other. It says itself what `TERM` is.
    pub(crate) fn start(mut command: Command) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("open");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a size");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("text");
        // It must not become the one that controls the tests.
        let no_control = i32::try_from(OpenptFlags::NOCTTY.bits()).expect("a flag");
        let slave =
            OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name).expect("ours");
        let again = || slave.try_clone().expect("a handle");
        let child = command.stdin(again()).stdout(again()).stderr(again()).spawn().expect("the binary");
        // The command has handles of its own: as long as it lives, the terminal is in use.
        drop((command, slave));

        let keyboard = File::from(master);
        let modes = modes(&keyboard);
        let mut reader = keyboard.try_clone().expect("a handle");
        let (sender, written) = mpsc::sync_channel(UNREAD);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is how a terminal says that nobody has it open any more.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Self { child, keyboard, written, screen, text: String::new(), modes }
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a program that reads");
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits until these words stand on the screen.
    pub(crate) fn until(&mut self, words: &str) {
        let deadline = monotonic() + PATIENCE;
        while !self.screen.screen().contents().contains(words) {
            match self.written.recv_timeout(deadline.saturating_duration_since(monotonic())) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("no {words:?}: {error}\n{}", self.screen.screen().contents()),
            }
        }
    }

    /// Waits until the program ends.
    pub(crate) fn end(mut self) -> Left {
        let deadline = monotonic() + PATIENCE;
        loop {
            match self.written.recv_timeout(deadline.saturating_duration_since(monotonic())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("does not end\n{}", self.screen.screen().contents()),
            }
        }
        let screen = self.screen.screen();
        let kept = [
            ("the modes", modes(&self.keyboard) != self.modes),
            ("the alternate screen", screen.alternate_screen()),
            ("the cursor", screen.hide_cursor()),
            ("bracketed paste", screen.bracketed_paste()),
            ("the mouse", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
        ];
        let kept = kept.into_iter().filter_map(|(what, kept)| kept.then_some(what)).collect();
        let code = self.child.wait().expect("its end").code();
        Left { code, text: std::mem::take(&mut self.text), kept }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.text.push_str(&String::from_utf8_lossy(bytes));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the system does with what is typed and written: echo, lines, signals.
fn modes(terminal: &File) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } =
        tcgetattr(terminal).expect("a terminal");
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
}
