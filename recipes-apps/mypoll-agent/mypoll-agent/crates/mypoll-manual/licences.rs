// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collects the licence texts of the programs' crates: each text once, below the names of its crates. The same
//! `Cargo.lock` produces the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

/// The packages with programs that are installed.
const PROGRAMS: [&str; 3] = ["mypoll-agent", "mypollctl", "mypoll-selftest"];

/// File name prefixes of licence texts, in lower case.
const TEXTS: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];

/// For crates without a licence text, below their authors.
const MIT: &str = include_str!("MIT.txt");

/// The part of `cargo metadata`'s output that is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    #[serde(default)]
    authors: Vec<String>,
    license: Option<String>,
    manifest_path: PathBuf,
    /// `None` for a workspace package.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for normal dependencies.
    kind: Option<String>,
}

/// The licence bundle for programs built for `target`.
pub fn bundle(target: &str) -> io::Result<String> {
    let metadata = metadata(target)?;
    let linked = linked(&metadata);
    let mut packages: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some() && linked.contains(&package.id))
        .collect();
    packages.sort_by_key(|package| (&package.name, &package.version));

    let mut order = Vec::new();
    let mut crates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        for text in texts(package)? {
            let users = crates.entry(text.clone()).or_default();
            if users.is_empty() {
                order.push(text);
            }
            users.push(title(package));
        }
    }
    let mut bundle =
        "The programs mypoll-agent, mypollctl and mypoll-selftest contain Rust's standard\n\
                      library, which is MIT OR Apache-2.0, and these crates.\n"
            .to_owned();
    for text in order {
        bundle += &format!("\n{}\n\n", "-".repeat(80));
        bundle += &crates[&text].join("\n");
        bundle += &format!("\n\n{}\n", text.trim_matches('\n'));
    }
    Ok(bundle)
}

fn metadata(target: &str) -> io::Result<Metadata> {
    let output = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", target])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The packages linked into the programs, without build dependencies.
fn linked(metadata: &Metadata) -> BTreeSet<&String> {
    let packages: HashMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package))
        .collect();
    let nodes: HashMap<_, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let mut linked = BTreeSet::new();
    let mut next: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_none() && PROGRAMS.contains(&package.name.as_str()))
        .map(|package| &package.id)
        .collect();
    while let Some(id) = next.pop() {
        let compiles = |target: &Target| target.kind.iter().any(|kind| kind == "proc-macro");
        if packages[id].targets.iter().any(compiles) || !linked.insert(id) {
            continue;
        }
        let is_linked = |kind: &Kind| kind.kind.is_none();
        let dependencies = nodes[id].deps.iter();
        next.extend(
            dependencies
                .filter(|dependency| dependency.dep_kinds.iter().any(is_linked))
                .map(|dependency| &dependency.pkg),
        );
    }
    linked
}

fn title(package: &Package) -> String {
    let licence = package.license.as_deref().unwrap_or("see below");
    format!("{} {} ({licence})", package.name, package.version)
}

/// The licence texts in a crate's package. If the licence is a choice that includes MIT, leaves out the others.
fn texts(package: &Package) -> io::Result<Vec<String>> {
    let folder = package.manifest_path.parent().unwrap_or(Path::new("/"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if TEXTS.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    let is_choice = package
        .license
        .as_ref()
        .is_some_and(|licence| licence.contains(" OR ") && !licence.contains(" AND "));
    if is_choice && files.iter().any(|(name, _)| name.ends_with("-mit")) {
        let others = ["license-apache", "copying"];
        files.retain(|(name, _)| !others.iter().any(|other| name.starts_with(other)));
    }
    if files.is_empty() {
        let mit = package
            .license
            .iter()
            .any(|licence| licence.contains("MIT"));
        return match mit {
            true => Ok(vec![format!("{}\n\n{MIT}", package.authors.join("\n"))]),
            false => Err(io::Error::other(format!(
                "{} has no licence text in its package",
                title(package)
            ))),
        };
    }
    files
        .into_iter()
        .map(|(_, path)| Ok(String::from_utf8_lossy(&fs::read(path)?).replace("\r\n", "\n")))
        .collect()
}
