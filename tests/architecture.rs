//! The house rules that the compiler does not know, checked over the source text.
//!
//! Which module may import which (the arrows), that the pure ones name nothing of the world outside, that
//! every file is reached, and what files may be called. The checks are functions from sources to findings;
//! the first tests run them over this project, the others prove on bad snippets that each can fail.
//! Imports are read from `crate::…` and from `super::…` that climbs to the root: text is enough for that.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every top module, and which other top modules it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("telemetry", &[]),
    ("tls", &[]),
    ("answer", &[]),
    ("advice", &[]),
    ("untrusted", &[]),
    ("filter", &[]),
    ("protocol", &[]),
    ("domain", &[]),
    ("journal", &["time"]),
    ("client", &["protocol", "time", "tls", "answer", "advice"]),
    ("relay", &["journal", "protocol", "time", "tls", "answer"]),
    ("publisher", &["protocol", "time", "tls", "answer"]),
    ("login", &["tls", "answer"]),
    ("simulator", &["domain"]),
    ("ui", &["domain", "filter", "untrusted", "advice"]),
    ("app", &["ui", "domain", "client", "journal", "protocol", "time"]),
    ("config", &["app", "ui", "client", "domain", "protocol", "relay", "publisher", "login", "telemetry"]),
    (
        "cli",
        &[
            "config",
            "app",
            "ui",
            "domain",
            "client",
            "journal",
            "relay",
            "publisher",
            "login",
            "simulator",
            "protocol",
            "filter",
            "untrusted",
            "telemetry",
            "time",
            "tls",
        ],
    ),
];

/// Modules that are functions of their arguments, and what would be a hole in that.
const PURE: &[&str] = &["protocol", "domain", "simulator", "ui", "filter", "untrusted", "advice"];
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_tungstenite",
    "hyper",
    "reqwest",
    "rustls",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "tracing",
    "Clock",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
];

/// What only one place may touch: the word, and the modules that may say it.
const ALONE: &[(&str, &[&str])] = &[
    ("tokio_tungstenite", &["src/client", "src/relay/socket", "src/relay/http/upgrade"]),
    ("ratatui", &["src/ui", "src/app"]),
    ("hyper", &["src/relay"]),
    ("rusqlite", &["src/journal"]),
    ("md5", &["src/protocol/sign"]),
    ("hmac", &["src/protocol/sign"]),
];

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "types", "core", "misc", "manager", "handler", "service", "data"];

/// One file of the project: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The module path below the crate: `relay`, `http`, `events` for one.
    fn modules(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.strip_suffix(".rs").unwrap_or(inner).split('/').collect()
    }

    /// The top module that the file belongs to.
    fn top(&self) -> &str {
        self.modules()[0]
    }

    fn is_root(&self) -> bool {
        matches!(self.path.as_str(), "src/lib.rs" | "src/main.rs")
    }
}

#[test]
fn modules_import_along_the_arrows_only() {
    assert_none(&against_the_arrows(&rust_files("src")));
}

#[test]
fn every_arrow_is_used() {
    assert_none(&unused(&rust_files("src"), ARROWS));
}

#[test]
fn every_top_module_is_placed_among_the_arrows() {
    let found: BTreeSet<String> =
        rust_files("src").iter().filter(|s| !s.is_root()).map(|s| s.top().to_owned()).collect();
    let placed: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, placed);
}

#[test]
fn the_arrows_have_no_circle() {
    for (name, _) in ARROWS {
        assert!(!reachable(name).contains(name), "{name} reaches itself");
    }
}

#[test]
fn pure_modules_name_no_clock_no_socket_no_file() {
    assert_none(&impurities(&rust_files("src")));
}

#[test]
fn what_belongs_to_one_place_is_named_nowhere_else() {
    assert_none(&strays(&rust_files("src")));
}

#[test]
fn wire_and_venue_meet_in_ingest_alone() {
    assert_none(&meetings(&rust_files("src")));
}

#[test]
fn every_file_is_reached_by_a_mod() {
    assert_none(&unreached(&rust_files("src")));
}

#[test]
fn every_test_file_is_run() {
    let mut manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    // The fuzz targets are a package of their own.
    let fuzz = fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).unwrap();
    manifest += &fuzz.replace("path = \"", "path = \"tests/fuzz/");
    assert_none(&never_run(&rust_files("tests"), &manifest));
}

#[test]
fn a_file_is_named_for_what_is_in_it() {
    let mut files = rust_files("src");
    files.extend(rust_files("tests"));
    assert_none(&badly_named(&files));
}

#[test]
fn nothing_is_left_for_later_and_no_path_is_of_one_machine() {
    let mut files = rust_files("src");
    files.extend(rust_files("tests"));
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml", ".ci/run"] {
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            files.push(Source { path: name.to_owned(), text });
        }
    }
    assert_none(&leftovers(&files));
}

/// Imports that no arrow allows.
fn against_the_arrows(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| !f.is_root()) {
        let allowed = ARROWS.iter().find(|(name, _)| *name == file.top()).map_or(&[][..], |(_, may)| may);
        for import in imports(file) {
            if import != file.top() && !allowed.contains(&import.as_str()) {
                found.push(format!("{} imports {import}", file.path));
            }
        }
    }
    found
}

/// Arrows along which nothing is imported: a permission that nobody needs is one that nobody watches.
fn unused(files: &[Source], arrows: &[(&str, &[&str])]) -> Vec<String> {
    let used: BTreeSet<(&str, String)> = files
        .iter()
        .filter(|file| !file.is_root())
        .flat_map(|file| imports(file).into_iter().map(|import| (file.top(), import)))
        .collect();
    arrows
        .iter()
        .flat_map(|(from, may)| may.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| !used.contains(&(*from, (*to).to_owned())))
        .map(|(from, to)| format!("nothing in {from} imports {to}"))
        .collect()
}

/// Top modules that `from` imports, and those that they import, and so on.
fn reachable(from: &str) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(name) = ahead.pop() {
        for next in ARROWS.iter().filter(|(n, _)| *n == name).flat_map(|(_, may)| *may) {
            if seen.insert(*next) {
                ahead.push(next);
            }
        }
    }
    seen
}

/// Words of the world outside in pure modules.
fn impurities(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| !f.is_root() && PURE.contains(&f.top())) {
        let code = product_code(file);
        for word in IMPURE.iter().filter(|word| has_word(&code, word)) {
            found.push(format!("{} names {word}", file.path));
        }
    }
    found
}

/// Words of [`ALONE`] outside their place.
fn strays(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (word, homes) in ALONE {
        for file in files {
            let home = homes.iter().any(|home| {
                file.path
                    .strip_prefix(home)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
            });
            if !home && has_word(&product_code(file), word) {
                found.push(format!("{} names {word}", file.path));
            }
        }
    }
    found
}

/// Files that know both the wire and the venue, but for the one whose work that is.
fn meetings(files: &[Source]) -> Vec<String> {
    let knows = |file: &Source, name: &str| file.top() == name || imports(file).iter().any(|i| i == name);
    files
        .iter()
        .filter(|f| !f.is_root() && f.path != "src/app/ingest.rs")
        .filter(|f| knows(f, "protocol") && knows(f, "domain"))
        .map(|f| format!("{} knows protocol and domain", f.path))
        .collect()
}

/// Files that no `mod` leads to.
fn unreached(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| !f.is_root()) {
        let mut modules = file.modules();
        let name = modules.pop().unwrap_or_default();
        if name == "mod" {
            found.push(format!("{}: a folder's head is NAME.rs beside it", file.path));
            continue;
        }
        let parents = match modules.as_slice() {
            [] => vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()],
            above => vec![format!("src/{}.rs", above.join("/"))],
        };
        if !files.iter().any(|f| parents.contains(&f.path) && declares(&f.text, name)) {
            found.push(format!("{} is in no module", file.path));
        }
    }
    found
}

/// Test files that are neither a target nor a module of one.
fn never_run(files: &[Source], manifest: &str) -> Vec<String> {
    let is_target = |path: &str| manifest.contains(&format!("path = \"{path}\""));
    let mut found = Vec::new();
    for file in files.iter().filter(|f| !is_target(&f.path)) {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or_default();
        let name = name.trim_end_matches(".rs");
        let parents = [format!("{folder}/main.rs"), format!("{folder}.rs")];
        let reached = files.iter().any(|f| parents.contains(&f.path) && declares(&f.text, name));
        if !reached {
            found.push(format!("{} never runs", file.path));
        }
    }
    found
}

/// Files with a name that would fit any other file.
fn badly_named(files: &[Source]) -> Vec<String> {
    files
        .iter()
        .filter(|f| f.path.trim_end_matches(".rs").split('/').skip(1).any(|part| EMPTY_NAMES.contains(&part)))
        .map(|f| f.path.clone())
        .collect()
}

/// Marks of unfinished work, and paths that exist on one machine only. Put together here, so that this file
/// does not find itself.
fn leftovers(files: &[Source]) -> Vec<String> {
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["dbg", "!("],
        ["#[ig", "nore"],
        ["../sha", "red"],
        ["/ro", "ot/"],
        ["/wo", "rk/"],
    ]
    .map(|[left, right]| format!("{left}{right}"));
    let mut found = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                found.push(format!("{}:{} has {mark}", file.path, number + 1));
            }
        }
    }
    found
}

/// The top modules that a file imports.
fn imports(file: &Source) -> BTreeSet<String> {
    let code = product_code(file);
    let depth = file.modules().len();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::").filter(|(at, _)| starts_word(&code, *at)) {
        found.extend(heads(&code[at + "crate::".len()..]));
    }
    for (at, _) in code.match_indices("super::").filter(|(at, _)| starts_word(&code, *at)) {
        if code[..at].ends_with("super::") {
            continue;
        }
        let rest = code[at..].trim_start_matches("super::");
        let climbs = (code[at..].len() - rest.len()) / "super::".len();
        if climbs >= depth {
            found.extend(heads(rest));
        }
    }
    found
}

/// The first names of what follows `crate::`: one, or those of a `{…}` group.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut depth = 1;
    let mut heads = vec![name(group.trim_start())];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(name(group[at + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// Whether the code has `mod name;`.
fn declares(text: &str, name: &str) -> bool {
    let code = bare(text);
    let wanted = format!("mod {name};");
    code.match_indices(&wanted).any(|(at, _)| starts_word(&code, at))
}

fn starts_word(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        starts_word(code, at)
            && !code[at + word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

/// The code without comments, literals and what is compiled for tests alone.
fn product_code(file: &Source) -> String {
    // A file of tests is declared under `cfg(test)` by the file that it tests.
    if file.path.ends_with("/tests.rs") {
        return String::new();
    }
    let mut code = bare(&file.text);
    while let Some(at) = code.find("#[cfg(test)]") {
        let rest = &code[at..];
        let open = rest.find('{').unwrap_or(rest.len());
        let end = match rest.find(';') {
            Some(semicolon) if semicolon < open => semicolon + 1,
            _ => block_end(rest, open),
        };
        code.replace_range(at..at + end, "");
    }
    code
}

/// Where the block that opens at `open` is over.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + c.len_utf8();
        }
    }
    code.len()
}

/// The code without comments and without what stands in string and character literals.
fn bare(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            literal(rest, &code)
        };
        if skipped > 0 {
            rest = &rest[skipped..];
            code.push(' ');
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// How long the literal is that `rest` starts with; 0 if it starts with none.
fn literal(rest: &str, before: &str) -> usize {
    let hashes = rest.strip_prefix('r').map_or(0, |r| r.len() - r.trim_start_matches('#').len());
    if starts_word(before, before.len()) && rest.starts_with('r') && rest[1 + hashes..].starts_with('"') {
        let open = hashes + 2;
        let close = format!("\"{}", "#".repeat(hashes));
        return rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len());
    }
    let quote = match rest.chars().next() {
        Some('"') => '"',
        // A lifetime has no second quote after one character.
        Some('\'') if rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'') => '\'',
        _ => return 0,
    };
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the project.
fn rust_files(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                files.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has no Rust files");
    files
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn an_import_against_the_arrows_is_found_in_every_form() {
    for text in [
        "use crate::ui::Model;",
        "use crate::{time::Clock, ui::{self, Model}};",
        "fn f() { crate::ui::draw(); }",
        "use super::super::ui;",
        "/* crate::domain */ use crate::ui; // crate::app",
        "const A: &str = \"//\"; use crate::ui;",
        "const A: char = '\"'; use crate::ui; const B: char = '\"';",
    ] {
        let findings = against_the_arrows(&[source("src/relay/hub.rs", text)]);
        assert_eq!(findings, ["src/relay/hub.rs imports ui"], "{text}");
    }
}

#[test]
fn an_arrow_that_is_not_used_is_found() {
    let files = [
        source("src/relay/hub.rs", "use crate::time::Clock; // use crate::tls;"),
        source("src/relay.rs", "#[cfg(test)] use crate::tls;"),
        source("src/client.rs", "use crate::tls::config;"),
    ];
    let arrows: &[(&str, &[&str])] = &[("relay", &["time", "tls"]), ("client", &["tls"])];
    assert_eq!(unused(&files, arrows), ["nothing in relay imports tls"]);
}

#[test]
fn comments_literals_and_tests_are_no_imports() {
    for text in [
        "//! See [`crate::ui`].",
        "const A: &str = \"crate::ui\";",
        "const A: &str = r#\"a \" crate::ui\"#;",
        "#[cfg(test)]\nmod tests { use crate::ui; fn f() { if true {} } }",
        "#[cfg(test)] use crate::ui;",
        "use super::broker::Broker;",
        "use crate::{protocol::{ChannelName, close}, time::Clock};",
        "fn f<'a>(a: &'a str) -> &'a str { a }",
    ] {
        assert_none(&against_the_arrows(&[source("src/relay/hub.rs", text)]));
    }
}

#[test]
fn code_behind_a_test_module_is_still_read() {
    let text = "#[cfg(test)]\nmod tests { fn f() { {} } }\nuse crate::app;";
    assert_eq!(against_the_arrows(&[source("src/ui.rs", text)]), ["src/ui.rs imports app"]);
}

#[test]
fn a_clock_or_a_socket_in_a_pure_module_is_found() {
    for (text, word) in [
        ("use tokio::time::sleep;", "tokio"),
        ("fn f() { std::net::TcpStream::connect(a); }", "std::net"),
        ("fn f() { jiff::Timestamp::now(); }", "Timestamp::now"),
    ] {
        let files = [source("src/protocol/link.rs", text)];
        assert_eq!(impurities(&files), [format!("src/protocol/link.rs names {word}")]);
    }
    assert_none(&impurities(&[source("src/client/driver.rs", "use tokio::select;")]));
}

#[test]
fn a_websocket_outside_its_place_is_found() {
    let hub = source("src/relay/hub.rs", "use tokio_tungstenite::tungstenite::Message;");
    assert_eq!(strays(&[hub]), ["src/relay/hub.rs names tokio_tungstenite"]);
    assert_none(&strays(&[source("src/client/driver.rs", "use tokio_tungstenite::connect_async;")]));
    assert_none(&strays(&[source("src/client.rs", "use tokio_tungstenite::connect_async;")]));
}

#[test]
fn a_second_place_where_wire_and_venue_meet_is_found() {
    let text = "use crate::domain::Venue; use crate::protocol::ServerOp;";
    assert_eq!(meetings(&[source("src/cli/tail.rs", text)]), ["src/cli/tail.rs knows protocol and domain"]);
    assert_none(&meetings(&[source("src/app/ingest.rs", text)]));
}

#[test]
fn a_file_that_no_mod_leads_to_is_found() {
    let files = [
        source("src/lib.rs", "pub mod relay; // mod lost;"),
        source("src/relay.rs", "mod hub;"),
        source("src/relay/hub.rs", ""),
        source("src/relay/outbox.rs", ""),
        source("src/relay/http/mod.rs", ""),
        source("src/lost.rs", ""),
    ];
    assert_eq!(
        unreached(&files),
        [
            "src/relay/outbox.rs is in no module",
            "src/relay/http/mod.rs: a folder's head is NAME.rs beside it",
            "src/lost.rs is in no module",
        ]
    );
}

#[test]
fn a_test_file_that_never_runs_is_found() {
    let files = [
        source("tests/relay/main.rs", "mod hub;"),
        source("tests/relay/hub.rs", ""),
        source("tests/relay/outbox.rs", ""),
        source("tests/cli/main.rs", ""),
    ];
    let manifest = "[[test]]\nname = \"relay\"\npath = \"tests/relay/main.rs\"\n";
    assert_eq!(
        never_run(&files, manifest),
        ["tests/relay/outbox.rs never runs", "tests/cli/main.rs never runs"]
    );
}

#[test]
fn empty_names_and_leftovers_are_found() {
    let files = [source("src/relay/utils.rs", &["fn f() { to", "do!(", ") }"].concat())];
    assert_eq!(badly_named(&files), ["src/relay/utils.rs"]);
    assert_eq!(leftovers(&files).len(), 1);
}
