// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds modules, paths and `unsafe` in a file's tokens. Macros need no expansion for that, and comments are no tokens.

use std::str::FromStr;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// What is found in a file. A scope is the path of inline modules from the file's own module on.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) modules: Vec<Declared>,
    pub(super) paths: Vec<Path>,
    /// The lines where it says `unsafe`.
    pub(super) unsafe_lines: Vec<usize>,
}

/// `mod name;` or `mod name { … }`.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) scope: Vec<String>,
    pub(super) name: String,
    pub(super) inline: bool,
    /// The attribute `#[path = "…"]`.
    pub(super) file: Option<String>,
}

/// A path that starts at `crate`, `self`, `super`, or a module that is declared in its scope.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) scope: Vec<String>,
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

/// Scans a file.
pub(super) fn scan(text: &str) -> Result<Scan> {
    let tokens = TokenStream::from_str(text)
        .map_err(|error| anyhow!("line {}: {error}", error.span().start().line))?;
    let mut scan = Scan::default();
    scan.scope(&tokens.into_iter().collect::<Vec<_>>(), &[]);
    Ok(scan)
}

impl Scan {
    /// Scans the tokens of a module.
    fn scope(&mut self, tokens: &[TokenTree], scope: &[String]) {
        let first = self.modules.len();
        let bodies = self.declarations(tokens, scope);
        let children: Vec<String> = self.modules[first..]
            .iter()
            .map(|module| module.name.clone())
            .collect();
        self.tokens(tokens, scope, &children);
        for (name, body) in bodies {
            let inner: Vec<String> = scope.iter().cloned().chain([name]).collect();
            self.scope(&body, &inner);
        }
    }

    /// Collects the modules that are declared in a scope; gives back the inline ones.
    fn declarations(
        &mut self,
        tokens: &[TokenTree],
        scope: &[String],
    ) -> Vec<(String, Vec<TokenTree>)> {
        let mut bodies = Vec::new();
        let mut file = None;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    file = path_attribute(group.stream()).or(file);
                }
                TokenTree::Ident(word) if word == "mod" => {
                    let (Some(TokenTree::Ident(name)), Some(end)) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    else {
                        continue;
                    };
                    let body = brace(end);
                    self.modules.push(Declared {
                        scope: scope.to_vec(),
                        name: plain(name),
                        inline: body.is_some(),
                        file: file.take(),
                    });
                    bodies.extend(body.map(|body| (plain(name), body)));
                }
                // An attribute is its item's, not a later one's.
                TokenTree::Punct(punct) if punct.as_char() == ';' => file = None,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => file = None,
                _ => {}
            }
        }
        bodies
    }

    /// Collects paths and `unsafe`, but for what inline modules have.
    fn tokens(&mut self, tokens: &[TokenTree], scope: &[String], children: &[String]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(word) if word == "unsafe" => {
                    self.unsafe_lines.push(word.span().start().line);
                }
                TokenTree::Ident(word) if word == "mod" && is_body(tokens.get(at + 1)) => at += 2,
                TokenTree::Ident(word)
                    if is_separator(tokens, at) && !follows_path_or_in(tokens, at - 1) =>
                {
                    let head = plain(word);
                    let wanted = matches!(head.as_str(), "crate" | "self" | "super")
                        || children.contains(&head);
                    let mut found = Vec::new();
                    at = tree(tokens, at, vec![head], word, &mut found);
                    if wanted {
                        self.paths
                            .extend(found.into_iter().map(|(line, segments)| Path {
                                scope: scope.to_vec(),
                                line,
                                segments,
                            }));
                    }
                }
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    self.tokens(&inner, scope, children);
                }
                _ => {}
            }
        }
    }
}

/// Reads on behind `start`, a path's beginning: its segments, and the branches of an import. Returns where it ends.
fn tree(
    tokens: &[TokenTree],
    mut at: usize,
    mut start: Vec<String>,
    word: &Ident,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut line = word.span().start().line;
    while is_separator(tokens, at) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(word)) => {
                line = word.span().start().line;
                start.push(plain(word));
                at += 3;
            }
            Some(group) if brace(group).is_some() => {
                let branches = brace(group).unwrap_or_default();
                for branch in branches.split(is_comma) {
                    if let Some(TokenTree::Ident(word)) = branch.first() {
                        let mut longer = start.clone();
                        longer.push(plain(word));
                        tree(branch, 1, longer, word, found);
                    } else if !branch.is_empty() {
                        found.push((line, start.clone()));
                    }
                }
                return at + 3;
            }
            // `*`, or the `<` of generic arguments.
            _ => {
                at += 2;
                break;
            }
        }
    }
    found.push((line, start));
    at
}

/// Whether `::` is there.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(tokens.get(at)) && colon(tokens.get(at + 1))
}

/// Whether the word there goes on with a path, or limits a visibility.
fn follows_path_or_in(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_separator(tokens, at - 2)
        || at == 1 && matches!(&tokens[0], TokenTree::Ident(word) if word == "in")
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// The tokens between braces.
fn brace(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some(group.stream().into_iter().collect())
        }
        _ => None,
    }
}

fn is_body(token: Option<&TokenTree>) -> bool {
    token.is_some_and(|token| brace(token).is_some())
}

/// The value of `path = "…"` in an attribute.
fn path_attribute(attribute: TokenStream) -> Option<String> {
    let tokens: Vec<_> = attribute.into_iter().collect();
    match tokens.as_slice() {
        [
            TokenTree::Ident(name),
            TokenTree::Punct(_),
            TokenTree::Literal(value),
        ] if name == "path" => Some(value.to_string().trim_matches('"').to_owned()),
        _ => None,
    }
}

/// The word without `r#`.
fn plain(word: &Ident) -> String {
    let word = word.to_string();
    word.strip_prefix("r#").unwrap_or(&word).to_owned()
}
