//! Whoever stops reading has read enough.

use std::process::Stdio;

use crate::bench::Home;

#[test]
fn output_that_nobody_reads_is_success() {
    for args in [&["relay", "--check"][..], &["--help"], &["--version"], &["logout"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran =
            Home::new().command(args).stdout(writer).stderr(Stdio::piped()).output().expect("the binary");
        assert_eq!(ran.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(ran.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
