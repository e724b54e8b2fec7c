//! What clap refuses, in our words: which setting by both its names, what was understood, what is allowed.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// What to say instead of clap's own message, where that names too little or shows too much.
pub(super) fn explain(command: &Command, error: &clap::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => refused_value(command, error),
        ErrorKind::InvalidUtf8 => Some(not_utf8(command)),
        ErrorKind::UnknownArgument => stray(error),
        _ => None,
    }
}

fn refused_value(command: &Command, error: &clap::Error) -> Option<String> {
    let shown = text(error, ContextKind::InvalidArg)?;
    let value = text(error, ContextKind::InvalidValue)?;
    let arg = all(command).into_iter().find(|arg| arg.to_string() == shown)?;
    let allowed = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(words), _) => words.to_string(),
        (None, Some(ContextValue::Strings(values))) if !value.is_empty() => values.join(" or "),
        // An option without its value: clap says it well.
        _ => return None,
    };
    let value = if arg.is_hide_env_values_set() { "not usable".to_owned() } else { format!("{value:?}") };
    let default: Vec<_> = arg.get_default_values().iter().map(|default| default.to_string_lossy()).collect();
    let default = if default.is_empty() { String::new() } else { format!(". Default: {}", default.join(",")) };
    Some(format!("{} is {value}. Allowed: {allowed}{default}", names(arg)))
}

/// `PORT (--port)`, as both are written.
fn names(arg: &Arg) -> String {
    let option = arg.get_long().map_or_else(|| arg.to_string(), |long| format!("--{long}"));
    match arg.get_env() {
        Some(variable) => format!("{} ({option})", variable.to_string_lossy()),
        None => option,
    }
}

fn not_utf8(command: &Command) -> String {
    let is_wrong = |name: &&std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.to_str().is_none());
    let name = all(command).into_iter().filter_map(Arg::get_env).find(is_wrong);
    let name = name.map_or_else(|| "an argument".into(), |name| name.to_string_lossy());
    format!("{name} is not UTF-8. Allowed: text in UTF-8")
}

/// A word that no option takes may be the rest of a password with a space in it, so it is not repeated.
fn stray(error: &clap::Error) -> Option<String> {
    let word = text(error, ContextKind::InvalidArg)?;
    let place = std::env::args_os().position(|argument| argument.to_str() == Some(&word))?;
    (!word.starts_with("--")).then(|| {
        format!("argument {place} belongs to no option. Allowed: --name value; a value with spaces needs quotes")
    })
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn all(command: &Command) -> Vec<&Arg> {
    command.get_arguments().chain(command.get_subcommands().flat_map(all)).collect()
}
