// SPDX-License-Identifier: MIT OR Apache-2.0
//! The modules of a crate, and which imports from which.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::Files;
use super::scan::{Declared, Scan, scan};

/// A module's path from the crate root, which has the empty one.
pub(super) type Module = Vec<String>;

/// A path in the code that leads to another module.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) from: Module,
    pub(super) to: Module,
    /// As it would be written from anywhere.
    pub(super) path: String,
}

impl Import {
    /// Whether both modules are below the same top-level one, or that one itself.
    pub(super) fn is_within(&self) -> bool {
        self.from.first() == self.to.first()
    }
}

/// Where it says `unsafe`.
#[derive(Debug)]
pub(super) struct Unsafe {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) module: Module,
}

/// A crate. An inline module counts as a part of the module around it, unless it has files of its own.
#[derive(Debug, Default)]
pub(super) struct Modules {
    files: BTreeMap<Module, String>,
    unused: BTreeSet<String>,
    imports: Vec<Import>,
    unsafe_code: Vec<Unsafe>,
}

/// A file that is to be read.
struct Pending {
    module: Module,
    file: String,
    /// The folder of the files of its modules.
    children: String,
}

impl Modules {
    /// Follows `mod` from the file `root` on.
    pub(super) fn read(files: &Files, root: &str) -> Result<Self> {
        let mut modules = Self {
            unused: files.keys().cloned().collect(),
            ..Self::default()
        };
        let mut scans = Vec::new();
        let mut pending = vec![Pending {
            module: Module::new(),
            file: root.to_owned(),
            children: String::new(),
        }];
        while let Some(next) = pending.pop() {
            let text = files
                .get(&next.file)
                .with_context(|| format!("the driver has no {}", next.file))?;
            let scan = scan(text).with_context(|| next.file.clone())?;
            for declared in &scan.modules {
                if !declared.inline {
                    pending.push(find(files, &next, declared)?);
                }
            }
            modules.unused.remove(&next.file);
            modules
                .files
                .entry(next.module.clone())
                .or_insert(next.file.clone());
            scans.push((next, scan));
        }
        for (pending, scan) in scans {
            modules.add(pending, scan)?;
        }
        modules.imports.sort_by(|one, other| {
            (&one.file, one.line, &one.path).cmp(&(&other.file, other.line, &other.path))
        });
        Ok(modules)
    }

    fn add(&mut self, pending: Pending, scan: Scan) -> Result<()> {
        let Pending { module, file, .. } = pending;
        for path in scan.paths {
            let scope: Module = module.iter().chain(&path.scope).cloned().collect();
            let target = absolute(&scope, &path.segments)
                .with_context(|| format!("{file}:{}: leads out of the crate", path.line))?;
            let (from, to) = (self.node(&scope), self.node(&target));
            if from != to {
                self.imports.push(Import {
                    file: file.clone(),
                    line: path.line,
                    from,
                    to,
                    path: format!("crate::{}", target.join("::")),
                });
            }
        }
        self.unsafe_code
            .extend(scan.unsafe_lines.into_iter().map(|line| Unsafe {
                file: file.clone(),
                line,
                module: module.clone(),
            }));
        Ok(())
    }

    /// The module that a path leads to or into.
    fn node(&self, path: &[String]) -> Module {
        (0..=path.len())
            .rev()
            .map(|length| &path[..length])
            .find(|&start| self.files.keys().any(|module| module.starts_with(start)))
            .unwrap_or_default()
            .to_vec()
    }

    /// The modules with a file of their own.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Module, &str)> {
        self.files
            .iter()
            .map(|(module, file)| (module, file.as_str()))
    }

    /// The files that are no module's.
    pub(super) fn unused(&self) -> impl Iterator<Item = &str> {
        self.unused.iter().map(String::as_str)
    }

    pub(super) fn imports(&self) -> &[Import] {
        &self.imports
    }

    pub(super) fn unsafe_code(&self) -> &[Unsafe] {
        &self.unsafe_code
    }

    /// Imports that lead round in a circle below one top-level module, if there are any. A module that
    /// uses or re-exports what is in its own folder is one with it: that is no import.
    pub(super) fn circle(&self) -> Option<String> {
        let mut edges: BTreeMap<&Module, Vec<&Import>> = BTreeMap::new();
        for import in self
            .imports
            .iter()
            .filter(|import| import.is_within() && !import.to.starts_with(&import.from))
        {
            edges.entry(&import.from).or_default().push(import);
        }
        let mut done = BTreeSet::new();
        edges
            .keys()
            .find_map(|&start| walk(start, &edges, &mut Vec::new(), &mut done))
    }
}

/// Walks on from `module` until it comes to where it has been: the imports of that round.
fn walk<'a>(
    module: &'a Module,
    edges: &BTreeMap<&'a Module, Vec<&'a Import>>,
    trail: &mut Vec<&'a Import>,
    done: &mut BTreeSet<&'a Module>,
) -> Option<String> {
    if let Some(start) = trail.iter().position(|import| import.from == *module) {
        let lines: Vec<_> = trail[start..]
            .iter()
            .map(|import| format!("{}:{}: {}", import.file, import.line, import.path))
            .collect();
        return Some(lines.join("\n"));
    }
    if done.contains(module) {
        return None;
    }
    for import in edges.get(module).into_iter().flatten() {
        trail.push(import);
        let circle = walk(&import.to, edges, trail, done);
        trail.pop();
        if circle.is_some() {
            return circle;
        }
    }
    done.insert(module);
    None
}

/// The file of a module that `parent` declares.
fn find(files: &Files, parent: &Pending, declared: &Declared) -> Result<Pending> {
    let Declared {
        scope, name, file, ..
    } = declared;
    let module = parent.module.iter().chain(scope).chain([name]);
    let inner = scope.iter().fold(parent.children.clone(), join);
    let (file, children) = match file {
        Some(file) => {
            let own = parent
                .file
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let folder = if scope.is_empty() { own } else { &inner };
            let file = join(folder.to_owned(), file);
            let children = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            (file.clone(), children.to_owned())
        }
        None => {
            let folder = join(inner, name);
            let file = format!("{folder}.rs");
            if files.contains_key(&file) {
                (file, folder)
            } else {
                (format!("{folder}/mod.rs"), folder)
            }
        }
    };
    ensure!(
        files.contains_key(&file),
        "{} declares the module {name}, which has no file",
        parent.file
    );
    Ok(Pending {
        module: module.cloned().collect(),
        file,
        children,
    })
}

fn join(folder: String, name: impl AsRef<str>) -> String {
    let name = name.as_ref();
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path from the crate root on; `None` if it leads out of the crate.
fn absolute(scope: &[String], segments: &[String]) -> Option<Module> {
    let mut path = scope.to_vec();
    for segment in segments {
        match segment.as_str() {
            "crate" => path.clear(),
            "self" => {}
            "super" => drop(path.pop()?),
            _ => path.push(segment.clone()),
        }
    }
    Some(path)
}
