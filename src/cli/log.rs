//! `frontdesk log`: asks a journal on disk, the dashboard's own or another's, also while it is being written.
//!
//! What is found is printed oldest first, in the shapes that `tail` has, and no lock is taken for it. What
//! can't be read of a journal is told on stderr; the rest is printed all the same.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::flags::{self, Files, Zone};
use super::line::Line;
use super::select::{self, Select};
use super::{Failure, Outcome, print, prompt, say};
use crate::app::history::{self, Kept};
use crate::app::ingest::Ingest;
use crate::config::value::{self, Moment};
use crate::filter::Filter;
use crate::journal::{self, Query, Reader};
use crate::time::Clock;

/// Where a journal may be below a data directory: the dashboard's own, and a relay's.
const BELOW: [&str; 2] = [history::FOLDER, "relay"];

/// Print what was heard, from a journal on disk
///
/// Asks the dashboard's own, or a relay's. Ends with 1 where there is no journal, or none that can be read.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// table for people; csv or json (an object a line, as tail --json) for scripts
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Print the last so many alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Print what has these words alone; the beginning of a word will do
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Print what is on this channel alone: a topic or a wire name; may be repeated
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Print this event alone, with or without its namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Print what passes this filter alone, as in `dewi st:pending amt>100rb`
    #[arg(long, value_name = "EXPR", value_parser = select::filter)]
    filter: Option<Filter>,
    /// Begin at that time: an RFC 3339 time, a clock time, or how long ago, as in 10m
    #[arg(long, value_name = "TIME", value_parser = value::past)]
    since: Option<Moment>,
    /// End before that time
    #[arg(long, value_name = "TIME", value_parser = value::past)]
    until: Option<Moment>,
    /// Ask this journal: its folder, or the data directory of a relay or a dashboard
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Whose events, where a relay's journal holds those of several apps
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// Delete everything that holds this text, whatever its case: what one guest left behind. Says how much that
    /// is, and asks
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = [
        "format", "limit", "search", "channel", "event", "filter", "since", "until", "app",
    ])]
    forget: Option<String>,
    /// Delete it without asking
    #[arg(long, requires = "forget")]
    yes: bool,
    #[command(flatten)]
    zone: Zone,
    #[command(flatten)]
    files: Files,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Prints what is found.
pub(crate) fn run(args: Args, clock: &Clock) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.zone])?;
    let folder = match &args.journal {
        Some(place) => find(place)?,
        None => settings.data_dir()?.join(history::FOLDER),
    };
    let mut reader = open(&folder)?;
    if let Some(text) = &args.forget {
        drop(reader);
        return forget(&folder, text, args.yes);
    }
    let app = choose(&reader.logs().map_err(failed)?, args.app)?;
    let now = clock.now();
    let place = |moment: Option<Moment>| moment.map(|moment| moment.at(now, &settings.timezone));
    let choice = Choice {
        app,
        from: place(args.since),
        until: place(args.until),
        text: args.search,
        select: Select::new(args.channel, args.event, args.filter),
    };
    let printer = Printer { format: args.format, zone: settings.timezone.clone() };
    let mut ingest = Ingest::new(settings.backend());
    let mut stdout = BufWriter::new(io::stdout().lock());
    if let Some(head) = printer.head() {
        writeln!(stdout, "{head}")?;
    }
    match args.limit {
        None => choice.visit(&mut reader, &mut ingest, false, |line| {
            writeln!(stdout, "{}", printer.line(&line))?;
            Ok(true)
        })?,
        Some(limit) => {
            let mut last = Vec::new();
            choice.visit(&mut reader, &mut ingest, true, |line| {
                last.push(printer.line(&line));
                Ok((last.len() as u64) < limit)
            })?;
            for line in last.iter().rev() {
                writeln!(stdout, "{line}")?;
            }
        }
    }
    stdout.flush()?;
    for note in reader.notes() {
        say(&note);
    }
    Ok(())
}

/// What is asked for.
struct Choice {
    app: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    text: Option<String>,
    select: Select,
}

impl Choice {
    /// Shows everything that is asked for, in the order of hearing or against it, until enough was seen.
    fn visit(
        &self,
        reader: &mut Reader,
        ingest: &mut Ingest,
        newest_first: bool,
        mut see: impl FnMut(Line) -> Result<bool, Failure>,
    ) -> Outcome {
        let channel = |name: &str| self.select.takes_channel(Some(name).filter(|name| !name.is_empty()));
        let event = |name: &str| self.select.takes_event(name);
        let query = Query {
            log: self.app.as_deref(),
            from: self.from,
            until: self.until,
            channel: &channel,
            event: &event,
            text: self.text.as_deref(),
            newest_first,
        };
        for record in reader.find(query).map_err(failed)? {
            let line = match Kept::read(record.map_err(failed)?) {
                Kept::Heard(record) => {
                    let (record, meaning) = ingest.again(record);
                    Line::heard(&record, meaning.err())
                }
                Kept::Odd(odd) => Line::odd(odd),
                // The dashboard's own accounts.
                Kept::Gap(_) | Kept::Cursors(..) => continue,
            };
            if self.select.takes(&line) && !see(line)? {
                break;
            }
        }
        Ok(())
    }
}

/// Prints lines.
struct Printer {
    format: Format,
    zone: TimeZone,
}

impl Printer {
    fn head(&self) -> Option<String> {
        match self.format {
            Format::Table => Some(Line::heading()),
            Format::Csv => Some(Line::COLUMNS.to_owned()),
            Format::Json => None,
        }
    }

    fn line(&self, line: &Line) -> String {
        match self.format {
            Format::Table => line.row(&self.zone),
            Format::Csv => line.csv(),
            Format::Json => line.json(),
        }
    }
}

/// The journal's folder: this one, or one below it.
fn find(place: &Path) -> Result<PathBuf, Failure> {
    if holds_one(place) {
        return Ok(place.to_owned());
    }
    let below: Vec<_> =
        BELOW.map(|name| place.join(name)).into_iter().filter(|path| holds_one(path)).collect();
    match below.as_slice() {
        [] => Ok(place.to_owned()),
        [one] => Ok(one.clone()),
        several => {
            let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::Usage(format!("there are several journals: give --journal {}", names.join(" or "))))
        }
    }
}

/// Whether there is a journal. One that can't be read is one, too.
fn holds_one(folder: &Path) -> bool {
    match Reader::open(folder) {
        Ok(mut reader) => !matches!(reader.head(), Ok(None)) || !reader.notes().is_empty(),
        Err(_) => folder.is_dir(),
    }
}

fn open(folder: &Path) -> Result<Reader, Failure> {
    if !holds_one(folder) {
        return Err(Failure::Failed(format!(
            "there is no journal in {}; name another folder with --journal, or another --data-dir",
            folder.display()
        )));
    }
    Reader::open(folder).map_err(failed)
}

/// Whose log is asked: everything a dashboard has heard, of a relay's apps one.
fn choose(logs: &[String], app: Option<String>) -> Result<Option<String>, Failure> {
    let apps: Vec<_> = logs.iter().filter(|log| !history::is_servers(log)).map(String::as_str).collect();
    match app {
        Some(app) if logs.contains(&app) => Ok(Some(app)),
        Some(app) => Err(Failure::Usage(format!(
            "nothing of the app {app} is in this journal; there is {}",
            if logs.is_empty() { "nothing yet".to_owned() } else { logs.join(", ") }
        ))),
        None if apps.len() > 1 => {
            Err(Failure::Usage(format!("this journal has several apps: give --app {}", apps.join(" or "))))
        }
        None => Ok(None),
    }
}

/// Deletes what holds a text, once somebody has agreed to how much that is.
fn forget(folder: &Path, text: &str, agreed: bool) -> Outcome {
    let count = match journal::count(folder, text).map_err(failed)? {
        0 => return print("nothing in this journal holds that text"),
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    if !agreed {
        say(&format!("{count} in {} will be deleted for good. Go on? [y/N]", folder.display()));
        if !matches!(prompt::first_line()?.trim(), "y" | "Y" | "yes") {
            return Err(Failure::Failed("nothing was deleted; answer y, or give --yes".to_owned()));
        }
    }
    let count = journal::forget(folder, text).map_err(failed)?;
    print(&format!("deleted: {count}"))
}

#[allow(clippy::needless_pass_by_value, reason = "as errors are mapped")]
fn failed(error: journal::Error) -> Failure {
    Failure::Failed(error.to_string())
}
