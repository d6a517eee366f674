//! A terminal with the dashboard in it: a pseudo-terminal, and a screen that understands what is written to it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use frontdesk::time::monotonic;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::process::PATIENCE;

/// How many pieces of what the program writes may wait to be looked at.
const UNREAD: usize = 16;

/// A program on a terminal of its own. Ends with its owner.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    written: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        // The terminal is the child's; it must not become the one that controls the tests.
        let no_control = i32::try_from(OpenptFlags::NOCTTY.bits()).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name).unwrap();
        command.env("TERM", "xterm-256color");
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();

        let keyboard = File::from(master);
        let mut reader = keyboard.try_clone().unwrap();
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
        Self { child, keyboard, written, screen: vt100::Parser::new(rows, columns, 0) }
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// The screen, once nothing was written for a while.
    pub(crate) fn settled(&mut self, quiet: Duration) -> String {
        while let Ok(bytes) = self.written.recv_timeout(quiet) {
            self.screen.process(&bytes);
        }
        self.screen.screen().contents()
    }

    /// Waits until the screen is as told.
    pub(crate) fn until(&mut self, what: &str, is: impl Fn(&str) -> bool) {
        let deadline = monotonic() + PATIENCE;
        while !is(&self.screen.screen().contents()) {
            let left = deadline.saturating_duration_since(monotonic());
            match self.written.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {what} in time\n{}", self.screen.screen().contents())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended, no {what}\n{}", self.screen.screen().contents())
                }
            }
        }
    }

    /// Takes the terminal away, as a closed window does, and waits until the program ends for it.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        self.keyboard = File::open("/dev/null").unwrap();
        // The reader lets go at the next thing that is written, and with it goes the last handle.
        self.written = mpsc::sync_channel(0).1;
        let deadline = monotonic() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(monotonic() < deadline, "goes on without a terminal");
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Stops reading what the program writes, and asks it to end.
    pub(crate) fn terminate_unread(mut self) -> ExitStatus {
        // The reader fills its channel and stops; the terminal fills behind it.
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Waits until the program ends, and says whether it gave the terminal back as it was.
    pub(crate) fn end(&mut self) -> (ExitStatus, bool) {
        let deadline = monotonic() + PATIENCE;
        loop {
            match self.written.recv_timeout(deadline.saturating_duration_since(monotonic())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("does not end\n{}", self.screen.screen().contents()),
            }
        }
        let screen = self.screen.screen();
        let given_back = !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
        (self.child.wait().unwrap(), given_back)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
