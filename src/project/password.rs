//! `lakeport password`: a role's password, typed or piped in, to the verifier file.

use std::io::{BufRead as _, IsTerminal as _};

use crate::config::{Config, Paths};
use crate::error::{Error, ErrorKind, Result};
use crate::session::set_password;

/// No password is longer.
const BYTES_MAX: u64 = 1024;

/// Sets the password of `role`, or takes it away. Gives what was done.
///
/// On a terminal it is asked for twice and not shown; otherwise it is the first line of the input.
///
/// # Errors
/// `ConfigFileError` where `[auth] passwords` names no file, `InvalidPassword` for one that is empty
/// or typed differently the second time, `IoError`.
pub fn password(paths: &Paths, role: &str, remove: bool) -> Result<String> {
    let config = Config::load(&paths.catalog)?;
    let Some(file) = &config.auth.passwords else {
        return Err(Error::new(
            ErrorKind::ConfigFileError,
            "lakeport.toml names no file for passwords",
        )
        .hint("Set passwords = \"...\" in [auth], to a file outside of git and the lake."));
    };
    super::open::check_private_places(paths, &config)?;
    if remove {
        let had = set_password(file, role, None)?;
        let done = if had { "removed the password" } else { "there was no password" };
        return Ok(format!("{done} of role \"{role}\""));
    }
    let password = read()?;
    if password.is_empty() {
        return Err(Error::new(ErrorKind::InvalidPassword, "the password is empty"));
    }
    let had = set_password(file, role, Some(&password))?;
    let done = if had { "changed" } else { "set" };
    Ok(format!("{done} the password of role \"{role}\" in {}", file.display()))
}

fn read() -> Result<String> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::IoError, "could not read the password").caused_by(error)
    };
    let input = std::io::stdin();
    if !input.is_terminal() {
        let mut line = String::new();
        let mut limited = std::io::Read::take(input.lock(), BYTES_MAX);
        limited.read_line(&mut line).map_err(failed)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let terminal = console::Term::stderr();
    let ask = |what: &str| {
        terminal.write_str(what).and_then(|()| terminal.read_secure_line()).map_err(failed)
    };
    let password = ask("Password: ")?;
    if ask("Again: ")? != password {
        return Err(Error::new(ErrorKind::InvalidPassword, "the passwords differ"));
    }
    Ok(password)
}
