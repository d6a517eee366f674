//! Node and the npm packages that the tests run against, installed once into the target folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const PACKAGES: &str = include_str!("package.json");

/// A Node that finds the packages. The proof that they are installed.
#[derive(Clone, Copy)]
pub(crate) struct Node(&'static Path);

impl Node {
    /// Finds Node and installs the packages if they are not there yet. `None`, and a word about it, where
    /// there is no Node; but in CI that is a failure.
    pub(crate) fn find() -> Option<Self> {
        static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
        FOLDER.get_or_init(install).as_deref().map(Self)
    }

    /// Runs a script. It starts in the folder of the packages.
    pub(crate) fn command(self, script: &Path) -> Command {
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(script).current_dir(self.0);
        command
    }

    /// Runs a script of this suite, with its one argument.
    pub(crate) fn script(self, name: &str, argument: &serde_json::Value) -> Command {
        let mut command = self.command(&root().join("tests/e2e").join(name));
        command.arg(argument.to_string());
        command
    }

    /// Runs soketi.
    pub(crate) fn soketi(self) -> Command {
        let mut command = self.command(&self.0.join("node_modules/@soketi/soketi/bin/server.js"));
        command.arg("start");
        command
    }
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn install() -> Option<PathBuf> {
    let there = |program: &str| {
        Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    if !(there("node") && there("npm")) {
        assert!(std::env::var_os("CI").is_none(), "the end-to-end tests need node and npm");
        // Past the harness, which keeps what a passing test prints to itself.
        io::stderr().write_all(b"SKIPPED: the end-to-end tests need node and npm\n").unwrap();
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("e2e");
    fs::create_dir_all(&folder).unwrap();
    // Two test runs may share the target folder; the lock goes with the file.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let installed = folder.join("installed.json");
    if fs::read_to_string(&installed).is_ok_and(|text| text == PACKAGES) {
        return Some(folder);
    }
    fs::write(folder.join("package.json"), PACKAGES).unwrap();
    let arguments = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    let npm = Command::new("npm").args(arguments).current_dir(&folder).output().unwrap();
    assert!(npm.status.success(), "npm install: {}", String::from_utf8_lossy(&npm.stderr));
    fs::write(&installed, PACKAGES).unwrap();
    Some(folder)
}
