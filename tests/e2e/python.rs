//! Python and `PyPI`'s `pusher`, installed once into the target folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::node::root;

/// What is installed; another text here installs anew.
const PACKAGES: &str = "pusher==3.3.4";

/// A Python that finds the packages. The proof that they are installed.
#[derive(Clone, Copy)]
pub(crate) struct Python(&'static Path);

impl Python {
    /// Finds Python and installs the packages if they are not there yet. `None`, and a word about it, where
    /// there is no Python with `venv`; but in CI that is a failure.
    pub(crate) fn find() -> Option<Self> {
        static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
        FOLDER.get_or_init(install).as_deref().map(Self)
    }

    /// Runs a script of this suite.
    pub(crate) fn script(self, name: &str) -> Command {
        let mut command = Command::new(self.0.join("venv/bin/python"));
        command.arg(root().join("tests/e2e").join(name));
        command
    }
}

fn install() -> Option<PathBuf> {
    let there = Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "the end-to-end tests need python3 with venv");
        // Past the harness, which keeps what a passing test prints to itself.
        io::stderr().write_all(b"SKIPPED: the cases with PyPI's pusher need python3 with venv\n").unwrap();
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("e2e").join("python");
    fs::create_dir_all(&folder).unwrap();
    // Two test runs may share the target folder; the lock goes with the file.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == PACKAGES) {
        return Some(folder);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
    run(Command::new(folder.join("venv/bin/pip")).args(["install", "--quiet", PACKAGES]));
    fs::write(&installed, PACKAGES).unwrap();
    Some(folder)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
