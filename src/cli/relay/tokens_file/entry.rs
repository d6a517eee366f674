//! One token in the file's text: how it is written, and how it is taken out without what people wrote around it.

use toml_edit::{ArrayOfTables, Table, value};

use crate::relay::Role;

/// A token to be kept.
pub(in crate::cli::relay) struct Entry<'a> {
    pub(in crate::cli::relay) name: &'a str,
    pub(in crate::cli::relay) role: Role,
    /// See [`crate::relay::auth::sha256`].
    pub(in crate::cli::relay) sha256: String,
    pub(in crate::cli::relay) user_id: Option<u64>,
    pub(in crate::cli::relay) channels: Option<&'a [String]>,
}

/// An entry as the file holds it.
pub(super) fn table(entry: &Entry<'_>) -> Table {
    let mut table = Table::new();
    table["name"] = value(entry.name);
    table["role"] = value(entry.role.as_str());
    table["sha256"] = value(entry.sha256.as_str());
    if let Some(id) = entry.user_id.and_then(|id| i64::try_from(id).ok()) {
        table["user_id"] = value(id);
    }
    if let Some(channels) = entry.channels {
        table["channels"] = value(channels.iter().map(String::as_str).collect::<toml_edit::Array>());
    }
    table
}

/// Takes a name's entries out; gives their number, and the comments that stood before the last of them
/// and belong to nobody else.
pub(super) fn take_out(entries: &mut ArrayOfTables, name: &str) -> (usize, String) {
    let (mut count, mut left) = (0, String::new());
    for at in (0..entries.len()).rev() {
        let Some(table) = entries.get(at).filter(|table| name_of(table) == Some(name)) else { continue };
        let comment = comments_of_the_file(before(table));
        entries.remove(at);
        count += 1;
        match entries.get_mut(at) {
            None => left.insert_str(0, &comment),
            Some(next) => {
                let joined = comment + before(next);
                next.decor_mut().set_prefix(joined);
            }
        }
    }
    (count, left)
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("name")?.as_str()
}

/// What stands between an entry and what is before it.
fn before(table: &Table) -> &str {
    table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default()
}

/// Of the comments before an entry those that are not the entry's own: a blank line is between.
fn comments_of_the_file(before: &str) -> String {
    let own_from = before.rfind("\n\n").unwrap_or(0);
    let others = before[..own_from].trim_end();
    if others.is_empty() { String::new() } else { format!("{others}\n") }
}
