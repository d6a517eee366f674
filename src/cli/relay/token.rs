//! `frontdesk relay token`: who bears a token, without a running relay being asked or stopped.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{Args as ClapArgs, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use super::super::flags::{self, Files};
use super::super::{Failure, Outcome, print, say};
use super::tokens_file::{Entry, TokensFile};
use crate::protocol::ChannelName;
use crate::relay::auth::{self, Role};

/// Make, show and revoke the tokens by which the relay answers its own auth endpoint
///
/// A running relay takes a change up within two seconds. A connection that a token has opened stays open when
/// the token is revoked, until it ends or the relay is started anew; it can join no more channels.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
enum Command {
    Add(Add),
    List(List),
    Revoke(Revoke),
}

/// Make a token and print it, this once; the file keeps its SHA-256 alone
#[derive(Debug, ClapArgs)]
struct Add {
    /// Whose it is: the name that other members of a presence channel see
    #[arg(value_parser = name)]
    name: String,
    /// What it opens: staff joins availability and staff, admin those, admin and every booking
    #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)).map(role))]
    role: Role,
    /// The bearer's id in the backend: opens private-booking.N, too
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX.unsigned_abs()))]
    user_id: Option<u64>,
    /// Wire names that it opens instead of the role's, with commas between; a trailing * matches the rest
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = channel)]
    channels: Option<Vec<String>>,
    #[command(flatten)]
    place: Place,
}

/// Show whose tokens there are and what they open, never the tokens
#[derive(Debug, ClapArgs)]
struct List {
    #[command(flatten)]
    place: Place,
}

/// Take a name's token away: it opens nothing from then on
#[derive(Debug, ClapArgs)]
struct Revoke {
    /// Whose
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Which file.
#[derive(Debug, ClapArgs)]
struct Place {
    /// The file of tokens [default: tokens under [relay] in the settings file, else relay/tokens.toml in the
    /// data directory]
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

impl Place {
    fn file(&self) -> Result<TokensFile, Failure> {
        let loaded = flags::load(&self.files, &[])?;
        TokensFile::find(self.tokens.as_deref(), &loaded).ok_or_else(|| {
            Failure::Usage(
                "there is no home directory to keep tokens in: say where with --tokens or --data-dir"
                    .to_owned(),
            )
        })
    }
}

fn name(text: &str) -> Result<String, String> {
    let fits = auth::is_name(text) && text.trim() == text;
    if fits { Ok(text.to_owned()) } else { Err("expected a name of at most 128 characters".to_owned()) }
}

#[allow(clippy::needless_pass_by_value, reason = "what a parser of clap gives")]
fn role(text: String) -> Role {
    Role::ALL.into_iter().find(|role| role.as_str() == text).unwrap_or(Role::Staff)
}

/// What a token can open: a name that needs a signature, with or without a rest left open.
fn channel(text: &str) -> Result<String, String> {
    let stem = text.strip_suffix('*').unwrap_or(text);
    let opened = ChannelName::parse(stem).is_ok_and(|name| name.kind().needs_auth());
    if opened {
        Ok(text.to_owned())
    } else {
        Err("expected wire names, as in private-staff,private-booking.*".to_owned())
    }
}

/// Does what the command says.
pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Add(args) => add(args),
        Command::List(args) => list(args),
        Command::Revoke(args) => revoke(args),
    }
}

fn add(args: &Add) -> Outcome {
    let file = args.place.file()?;
    let token = SecretString::from(hex::encode(rand::random::<[u8; 32]>()));
    file.add(&Entry {
        name: &args.name,
        role: args.role,
        sha256: auth::sha256(&token),
        user_id: args.user_id,
        channels: args.channels.as_deref(),
    })?;
    say(&format!(
        "a token for {} ({}), shown this once; `frontdesk login` takes it. {} keeps its SHA-256, and a running relay knows it within two seconds",
        args.name,
        args.role,
        file.path().display(),
    ));
    print(token.expose_secret())
}

fn list(args: &List) -> Outcome {
    let file = args.place.file()?;
    let tokens = file.read()?;
    if tokens.is_empty() {
        say(&format!("no token is in {}; `frontdesk relay token add` makes one", file.path().display()));
        return Ok(());
    }
    let widest = tokens.iter().map(|token| token.name.chars().count()).max().unwrap_or(0);
    for token in tokens.iter() {
        let user = token.user_id.map(|id| format!("  user {id}")).unwrap_or_default();
        let channels = token.channels.as_ref().map(|all| format!("  {}", all.join(", "))).unwrap_or_default();
        print(&format!("{:widest$}  {:5}{user}{channels}", token.name, token.role.as_str()))?;
    }
    Ok(())
}

fn revoke(args: &Revoke) -> Outcome {
    let file = args.place.file()?;
    let count = file.remove(&args.name)?;
    let tokens = if count == 1 { "the token".to_owned() } else { format!("{count} tokens") };
    say(&format!(
        "revoked {tokens} of {}; a running relay refuses it within two seconds, and connections that it has opened stay until they end",
        args.name
    ));
    Ok(())
}
