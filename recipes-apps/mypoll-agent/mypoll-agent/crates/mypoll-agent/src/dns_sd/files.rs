// SPDX-License-Identifier: MIT OR Apache-2.0
//! The service files of avahi and systemd-resolved.

use std::{
    fmt::{self, Write as _},
    fs,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::Service;

/// Prefix of the file names.
const NAME: &str = "mypoll-agent";

/// The directories of the files.
#[derive(Clone, Debug)]
pub struct Folders {
    /// For avahi: /etc/avahi/services. If it exists, avahi announces.
    pub avahi: PathBuf,
    /// For systemd-resolved: /run/systemd/dnssd.
    pub resolved: PathBuf,
    /// Exists while systemd-resolved runs: /run/systemd/resolve.
    pub resolved_runs: PathBuf,
}

/// The result of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// avahi announces its files; it watches the directory.
    Avahi,
    /// systemd-resolved announces its files. If `changed`, it must be restarted to read them.
    Resolved {
        /// Whether the files changed.
        changed: bool,
    },
    /// Neither is installed.
    Nobody,
}

impl Folders {
    /// Announces exactly these services through one of the two daemons: if both announced them, each would see the
    /// other as a different board.
    ///
    /// # Errors
    ///
    /// A file can't be written or removed.
    pub fn announce(&self, services: &[Service]) -> io::Result<Outcome> {
        let by_avahi = self.avahi.is_dir();
        let by_resolved = !by_avahi && self.resolved_runs.is_dir();
        let those = |is_so: bool| if is_so { services } else { &[] };
        put_all(&self.avahi, "service", those(by_avahi), avahi)?;
        let changed = put_all(&self.resolved, "dnssd", those(by_resolved), resolved)?;
        Ok(match (by_avahi, by_resolved || changed) {
            (true, _) => Outcome::Avahi,
            (false, true) => Outcome::Resolved { changed },
            (false, false) => Outcome::Nobody,
        })
    }
}

/// Writes a file for each service into a directory, and removes the agent's other files. Returns whether anything changed.
fn put_all(
    folder: &Path,
    extension: &str,
    services: &[Service],
    text: fn(&Service) -> String,
) -> io::Result<bool> {
    let file = |service: &Service| {
        let kind = service.kind.trim_matches('_').replace("._", "-");
        format!("{NAME}-{kind}-{}.{extension}", service.port)
    };
    let at = |error| of_path(folder, error);
    if !services.is_empty() && !folder.exists() {
        fs::create_dir_all(folder).map_err(at)?;
        // The daemon does not run as root, and the unit's UMask= would keep it out.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(at)?;
    }
    let there = match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(at)?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(at(error)),
    };
    let mut changed = false;
    for entry in there {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(NAME) && name.ends_with(extension);
        if is_ours && services.iter().all(|service| file(service) != name) {
            changed |= put(&entry.path(), None)?;
        }
    }
    for service in services {
        changed |= put(&folder.join(file(service)), Some(&text(service)))?;
    }
    Ok(changed)
}

fn of_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Replaces a file atomically, or removes it. Returns whether anything changed.
fn put(path: &Path, text: Option<&str>) -> io::Result<bool> {
    let at = |error| of_path(path, error);
    let before = match fs::read_to_string(path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(at(error)),
    };
    if before.as_deref() == text {
        return Ok(false);
    }
    let Some(text) = text else {
        return fs::remove_file(path).map(|()| true).map_err(at);
    };
    let new = path.with_extension("new");
    fs::write(&new, text).map_err(at)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).map_err(at)?;
    fs::rename(&new, path).map_err(at)?;
    Ok(true)
}

/// A service file of avahi, see avahi.service(5).
fn avahi(service: &Service) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" standalone=\"no\"?>\n\
         <!-- Written by mypoll-agent announce. -->\n\
         <!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n\
         <service-group>\n  <name replace-wildcards=\"yes\">{}</name>\n  <service>\n    \
         <type>{}</type>\n    <port>{}</port>\n",
        service.name("%h"),
        service.kind,
        service.port
    );
    for (key, value) in &service.text {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(text, "    <txt-record>{key}={}</txt-record>", Xml(value));
    }
    text + "  </service>\n</service-group>\n"
}

/// Text of an XML file.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '&' => f.write_str("&amp;"),
            // Not allowed in XML, not even escaped.
            control if control.is_control() => f.write_char('\u{fffd}'),
            other => f.write_char(other),
        })
    }
}

/// A service file of systemd-resolved, see systemd.dnssd(5).
fn resolved(service: &Service) -> String {
    let mut text = format!(
        "# Written by mypoll-agent announce.\n[Service]\nName={}\nType={}\nPort={}\nTxtText=",
        service.name("%H"),
        service.kind,
        service.port
    );
    for (index, (key, value)) in service.text.iter().enumerate() {
        let blank = if index == 0 { "" } else { " " };
        let _ = write!(text, "{blank}\"{key}={}\"", Quoted(value));
    }
    text + "\n"
}

/// Quoted text in a configuration file of systemd.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '"' | '\\' => write!(f, "\\{character}"),
            control if control.is_control() => f.write_char('\u{fffd}'),
            other => f.write_char(other),
        })
    }
}
