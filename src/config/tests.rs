//! All layers together: the sample file, and every setting said by every set of sources.

use std::fs;

use secrecy::ExposeSecret;

use super::*;

const SAMPLE: &str = include_str!("../../assets/frontdesk.toml");

fn loaded(config: &str, environment: &Environment) -> Loaded {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE_NAME);
    fs::write(&path, config).expect("a file");
    let sources = Sources { config: Some(path), env_file: None };
    let mut loaded = load(&sources, environment, Layer::default()).expect("settings");
    loaded.settings.config_file = None;
    loaded.settings.has_address = false;
    loaded
}

#[test]
fn the_sample_file_is_the_defaults() {
    let none = Environment::default();
    assert_eq!(format!("{:#?}", loaded(SAMPLE, &none)), format!("{:#?}", loaded("", &none)));
}

#[test]
fn every_line_that_the_sample_file_comments_out_is_a_setting() {
    let is_setting = |line: &str| {
        line.starts_with("[[")
            || line
                .split_once(" = ")
                .is_some_and(|(name, _)| !name.trim_matches('"').contains(' ') || name.starts_with('"'))
    };
    let text: Vec<&str> = SAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .collect();
    let uncommented = text.iter().zip(SAMPLE.lines()).filter(|(text, line)| text != &line).count();
    assert!(uncommented >= 20, "{uncommented}");
    let file = file::File::parse(&text.join("\n")).expect("a settings file");
    assert_eq!(file.relay().apps.len(), 1);
    assert_eq!(file.venue().hours.len(), 1);
}

/// One setting in every source that can say it.
struct Row {
    name: &'static str,
    file: &'static str,
    dotenv: Option<&'static str>,
    variable: Option<&'static str>,
    flag: fn(&mut Layer, &str),
    read: fn(&Settings) -> String,
    /// A value for each source, the weakest first.
    values: [&'static str; 4],
}

fn shown<T: std::fmt::Display>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn path(value: Option<&PathBuf>) -> String {
    value.map(|path| path.display().to_string()).unwrap_or_default()
}

const URLS: [&str; 4] = ["http://a.test/", "http://b.test/", "http://c.test/", "http://d.test/"];
const PATHS: [&str; 4] = ["/a", "/b", "/c", "/d"];
const ZONES: [&str; 4] = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "Asia/Tokyo"];

/// Every setting that more than the file can say.
#[allow(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "url",
            file: "url = \"ws://{}\"",
            dotenv: Some("PUSHER_SCHEME=http\nPUSHER_PORT=80\nPUSHER_HOST={}"),
            variable: Some("URL=ws://{}"),
            flag: |layer, value| {
                layer.address =
                    Some(Address::Url(value::server(&format!("ws://{value}")).expect("an address")));
            },
            read: |settings| settings.url.host_str().unwrap_or_default().to_owned(),
            values: ["a.test", "b.test", "c.test", "d.test"],
        },
        Row {
            name: "cluster",
            file: "cluster = \"{}\"",
            dotenv: Some("PUSHER_APP_CLUSTER={}"),
            variable: Some("CLUSTER={}"),
            flag: |layer, value| layer.address = Some(Address::Cluster(value.to_owned())),
            read: |settings| settings.url.host_str().unwrap_or_default()[3..5].to_owned(),
            values: ["aa", "bb", "cc", "dd"],
        },
        Row {
            name: "key",
            file: "key = \"{}\"",
            dotenv: Some("PUSHER_APP_KEY={}"),
            variable: Some("KEY={}"),
            flag: |layer, value| layer.key = Some(value.to_owned()),
            read: |settings| shown(settings.key.as_ref()),
            values: ["a", "b", "c", "d"],
        },
        Row {
            name: "app_id",
            file: "app_id = \"{}\"",
            dotenv: Some("PUSHER_APP_ID={}"),
            variable: Some("APP_ID={}"),
            flag: |layer, value| layer.app_id = Some(value.to_owned()),
            read: |settings| shown(settings.app_id.as_ref()),
            values: ["1", "2", "3", "4"],
        },
        Row {
            name: "secret",
            file: "secret = \"{}\"",
            dotenv: Some("PUSHER_APP_SECRET={}"),
            variable: Some("SECRET={}"),
            flag: |layer, value| layer.secret = Some(value.into()),
            read: |settings| {
                settings.secret.as_ref().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default()
            },
            values: ["a", "b", "c", "d"],
        },
        Row {
            name: "ca_file",
            file: "ca_file = \"{}\"",
            dotenv: None,
            variable: Some("CA_FILE={}"),
            flag: |layer, value| layer.ca_file = Some(value.into()),
            read: |settings| path(settings.ca_file.as_ref()),
            values: PATHS,
        },
        Row {
            name: "channels",
            file: "channels = [\"{}\"]",
            dotenv: None,
            variable: Some("CHANNELS={}"),
            flag: |layer, value| layer.channels = Some(vec![value.to_owned()]),
            read: |settings| settings.channels.join(","),
            values: ["a", "b", "c", "d"],
        },
        Row {
            name: "auth endpoint",
            file: "[auth]\nendpoint = \"{}\"",
            dotenv: None,
            variable: Some("AUTH_ENDPOINT={}"),
            flag: |layer, value| layer.auth_endpoint = value.parse().ok(),
            read: |settings| shown(settings.auth_endpoint.as_ref()),
            values: URLS,
        },
        Row {
            name: "token",
            file: "token_file = \"{}\"",
            dotenv: None,
            variable: Some("TOKEN_FILE={}"),
            flag: |layer, value| layer.token = Some(TokenSource::File(value.into())),
            read: |settings| match &settings.token {
                Some(TokenSource::File(path)) => path.display().to_string(),
                Some(TokenSource::Text(_)) | None => String::new(),
            },
            values: PATHS,
        },
        Row {
            name: "backend url",
            file: "[backend]\nurl = \"{}\"",
            dotenv: Some("APP_URL={}"),
            variable: None,
            flag: |layer, value| layer.backend_url = value.parse().ok(),
            read: |settings| shown(settings.auth_endpoint.as_ref()).replace("api/broadcasting/auth", ""),
            values: URLS,
        },
        Row {
            name: "backend timezone",
            file: "[backend]\ntimezone = \"{}\"",
            dotenv: Some("APP_TIMEZONE={}"),
            variable: None,
            flag: |layer, value| layer.backend_timezone = value::zone(value).ok(),
            read: |settings| shown(settings.backend_timezone.iana_name().map(str::to_owned).as_ref()),
            values: ZONES,
        },
        Row {
            name: "timezone",
            file: "timezone = \"{}\"",
            dotenv: None,
            variable: Some("TIMEZONE={}"),
            flag: |layer, value| layer.timezone = value::zone(value).ok(),
            read: |settings| shown(settings.timezone.iana_name().map(str::to_owned).as_ref()),
            values: ZONES,
        },
        Row {
            name: "theme",
            file: "theme = \"{}\"",
            dotenv: None,
            variable: Some("THEME={}"),
            flag: |layer, value| layer.theme = Some(value.to_owned()),
            read: |settings| settings.theme.clone(),
            values: ["a", "b", "c", "d"],
        },
        Row {
            name: "locale",
            file: "locale = \"{}\"",
            dotenv: None,
            variable: Some("LOCALE={}"),
            flag: |layer, value| layer.locale = Some(value.to_owned()),
            read: |settings| settings.locale.clone(),
            values: ["a", "b", "c", "d"],
        },
        Row {
            name: "data_dir",
            file: "data_dir = \"{}\"",
            dotenv: None,
            variable: Some("DATA_DIR={}"),
            flag: |layer, value| layer.data_dir = Some(value.into()),
            read: |settings| path(settings.data_dir.as_ref()),
            values: PATHS,
        },
        Row {
            name: "log_file",
            file: "log_file = \"{}\"",
            dotenv: None,
            variable: Some("LOG_FILE={}"),
            flag: |layer, value| layer.log_file = Some(value.into()),
            read: |settings| path(settings.log_file.as_ref()),
            values: PATHS,
        },
        Row {
            name: "log_level",
            file: "log_level = \"{}\"",
            dotenv: None,
            variable: Some("LOG_LEVEL={}"),
            flag: |layer, value| layer.log_level = value::level(value).ok(),
            read: |settings| settings.log_level.to_string(),
            values: ["error", "warn", "debug", "trace"],
        },
    ]
}

/// For every setting, every set of sources that say something: the strongest of them is heard.
#[test]
fn of_all_sources_that_say_something_the_strongest_is_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join(FILE_NAME);
    let dotenv = folder.path().join(".env");
    for row in rows() {
        for said in 1..32_u32 {
            let says = |source: u32| said & (1 << source) != 0;
            let text = |pattern: &str, source: usize| pattern.replace("{}", row.values[source]);
            let mut expected = None;
            let mut environment = Environment::default();
            fs::write(&config, "").expect("a file");
            fs::write(&dotenv, "").expect("a file");
            if says(0) {
                fs::write(&config, text(row.file, 0)).expect("a file");
                expected = Some(row.values[0]);
            }
            if let Some(pattern) = row.dotenv.filter(|_| says(1)) {
                fs::write(&dotenv, text(pattern, 1)).expect("a file");
                expected = Some(row.values[1]);
            }
            if let Some(pattern) = row.dotenv.filter(|_| says(2)) {
                for line in text(pattern, 2).lines() {
                    let (name, value) = line.split_once('=').expect("a variable");
                    environment.0.insert(name.to_owned(), value.to_owned());
                }
                expected = Some(row.values[2]);
            }
            if let Some(pattern) = row.variable.filter(|_| says(3)) {
                let text = text(pattern, 2);
                let (name, value) = text.split_once('=').expect("a variable");
                environment.0.insert(format!("FRONTDESK_{name}"), value.to_owned());
                expected = Some(row.values[2]);
            }
            let mut flags = Layer::default();
            if says(4) {
                (row.flag)(&mut flags, row.values[3]);
                expected = Some(row.values[3]);
            }
            let Some(expected) = expected else { continue };
            let sources = Sources { config: Some(config.clone()), env_file: Some(dotenv.clone()) };
            let settings = load(&sources, &environment, flags).expect(row.name).settings;
            let read = (row.read)(&settings);
            assert!(
                read.eq_ignore_ascii_case(expected),
                "{} said by {said:05b}: {read}, not {expected}",
                row.name
            );
        }
    }
}

#[test]
fn a_file_that_was_named_must_be_there_and_one_that_was_not_need_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent.toml");
    let named =
        |config, env_file| load(&Sources { config, env_file }, &Environment::default(), Layer::default());
    for error in [
        named(Some(absent.clone()), None).expect_err("no settings file"),
        named(None, Some(absent.clone())).expect_err("no .env"),
        named(Some(folder.path().to_owned()), None).expect_err("a folder is no file"),
    ] {
        assert!(error.to_string().starts_with("cannot read the "), "{error}");
    }
    let variable = Environment::from([("FRONTDESK_CONFIG", absent.to_str().expect("a path"))]);
    assert!(load(&Sources::default(), &variable, Layer::default()).is_err());
}

#[test]
fn the_files_paths_count_from_its_own_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE_NAME);
    let text = "env_file = \"venue.env\"\ndata_dir = \"data\"\n[relay]\ntokens = \"tokens.toml\"\n";
    fs::write(&path, text).expect("a file");
    fs::write(folder.path().join("venue.env"), "PUSHER_APP_KEY=from-the-env\n").expect("a file");
    let sources = Sources { config: Some(path), env_file: None };
    let Loaded { settings, relay } =
        load(&sources, &Environment::default(), Layer::default()).expect("settings");
    assert_eq!(settings.key.as_deref(), Some("from-the-env"));
    assert_eq!(settings.data_dir, Some(folder.path().join("data")));
    assert_eq!(relay.tokens, Some(folder.path().join("tokens.toml")));
}
