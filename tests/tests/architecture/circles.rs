//! Which files of a crate need each other, read from the paths in them.
//!
//! A file needs another one when it names something that is defined there. What a parent declares
//! (`mod`) or re-exports (`pub use`) is no need, and a name that is imported through a re-export counts
//! for the file that defines it. Tests do not count. What goes unseen: methods, which are called without a
//! path.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::{Workspace, folder, repository, texts};

/// The path of a module within its crate; the root's is empty.
type Module = Vec<String>;

/// A crate's files: where each lies, by its module.
struct Files {
    files: BTreeMap<Module, File>,
}

struct File {
    path: String,
    /// The names it imports, and what they stand for.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths it uses, without those of re-exports, as they are written.
    paths: BTreeSet<Vec<String>>,
}

impl Files {
    /// From the texts of one crate; the paths are below its `src`.
    fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let read = |(path, text): (String, String)| (module_of(&path), (path, without_tests(&tokens(&text))));
        let code: BTreeMap<Module, (String, Vec<String>)> = texts.into_iter().map(read).collect();
        let declared: BTreeSet<Module> = code
            .iter()
            .flat_map(|(module, (_, tokens))| {
                declarations(tokens).into_iter().map(|name| [module.clone(), vec![name]].concat())
            })
            .collect();
        let files = code
            .into_iter()
            .filter(|(module, _)| (1..=module.len()).all(|depth| declared.contains(&module[..depth])))
            .map(|(module, (path, tokens))| (module, File::read(&path, &tokens)))
            .collect();
        Self { files }
    }

    /// The groups of files of which each needs, by whatever way, all others of its group.
    fn circles(&self) -> Vec<Vec<String>> {
        let needs: BTreeMap<&Module, BTreeSet<Module>> =
            self.files.keys().map(|module| (module, self.needs(module))).collect();
        let reach: BTreeMap<&Module, BTreeSet<Module>> =
            needs.keys().map(|module| (*module, reach(&needs, module))).collect();
        let mut groups: BTreeMap<BTreeSet<&Module>, Vec<String>> = BTreeMap::new();
        for (module, reached) in &reach {
            let back = |other: &&Module| reach.get(*other).is_some_and(|there| there.contains(*module));
            let group: BTreeSet<&Module> = reached.iter().filter(back).collect();
            if group.len() > 1 {
                let direct = needs[*module].iter().filter(|other| group.contains(other));
                let direct: Vec<_> = direct.map(|other| self.files[other].path.as_str()).collect();
                let line = format!("{} needs {}", self.files[*module].path, direct.join(", "));
                groups.entry(group).or_default().push(line);
            }
        }
        groups.into_values().collect()
    }

    fn needs(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.files[module];
        let found = file.paths.iter().filter_map(|path| self.place_of(module, path, 0));
        found.filter(|place| place != module).collect()
    }

    /// The file that defines what is called so in this module; `None` for another crate's, and for a
    /// module as a whole: what is used of it says what is needed.
    fn place_of(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        if depth > 8 {
            return None;
        }
        let (mut place, mut rest) = match first.as_str() {
            "crate" => (vec![], rest),
            "self" => (module.clone(), rest),
            "super" => (module[..module.len().checked_sub(1)?].to_vec(), rest),
            _ => (module.clone(), path),
        };
        let named = rest.len() < path.len();
        while let Some((name, after)) = rest.split_first() {
            let child = [place.clone(), vec![name.clone()]].concat();
            if name == "super" {
                place.pop()?;
            } else if self.files.contains_key(&child) {
                place = child;
            } else {
                let import = self.files.get(&place)?.imports.get(name);
                return match import {
                    Some(target) if target.as_slice() != path => {
                        let target = [target.as_slice(), after].concat();
                        self.place_of(&place, &target, depth + 1)
                    }
                    Some(_) => None,
                    None if named || place != *module => Some(place),
                    None => None,
                };
            }
            rest = after;
        }
        None
    }
}

impl File {
    fn read(path: &str, tokens: &[String]) -> Self {
        let mut file = Self { path: path.to_owned(), imports: BTreeMap::new(), paths: BTreeSet::new() };
        let mut re_exported = BTreeSet::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == "use" {
                let end = end_of(tokens, at);
                let re_exports = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
                let mut found = Vec::new();
                imported(&tokens[at + 1..end], &mut vec![], &mut found);
                for (name, target) in found {
                    if re_exports {
                        re_exported.insert(name.clone());
                    } else {
                        file.paths.insert(target.clone());
                    }
                    file.imports.insert(name, target);
                }
                at = end;
            } else if let Some(path) = path_at(tokens, at) {
                at += path.len() * 2 - 1;
                file.paths.insert(path);
                continue;
            } else if re_exported.contains(&tokens[at]) {
                file.paths.insert(vec![tokens[at].clone()]);
            }
            at += 1;
        }
        file
    }
}

fn reach(needs: &BTreeMap<&Module, BTreeSet<Module>>, start: &Module) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![start.clone()];
    while let Some(module) = waiting.pop() {
        for next in needs.get(&module).into_iter().flatten() {
            if seen.insert(next.clone()) {
                waiting.push(next.clone());
            }
        }
    }
    seen
}

fn module_of(path: &str) -> Module {
    let name = path.strip_suffix(".rs").unwrap_or(path);
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["lib" | "main"] => vec![],
        [folders @ .., "mod"] => folders.iter().map(|part| (*part).to_owned()).collect(),
        parts => parts.iter().map(|part| (*part).to_owned()).collect(),
    }
}

/// The names and signs of a source, without comments, texts and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = text_length(rest) {
            length
        } else if letter.is_alphabetic() || letter == '_' {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let end = end.unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !letter.is_whitespace() {
                tokens.push(letter.to_string());
            }
            letter.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// How long the literal or the lifetime is that stands here, if one does.
fn text_length(rest: &str) -> Option<usize> {
    let hashes = |text: &str| text.len() - text.trim_start_matches('#').len();
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let Some(raw) = raw.filter(|raw| raw.trim_start_matches('#').starts_with('"')) {
        let end = format!("\"{}", "#".repeat(hashes(raw)));
        let start = rest.len() - raw.len() + end.len();
        return Some(rest[start..].find(&end).map_or(rest.len(), |found| start + found + end.len()));
    }
    let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    let is_lifetime = quote == '\'' && !rest[1..].starts_with('\\') && rest.chars().nth(2) != Some('\'');
    if is_lifetime {
        let end = rest[1..].find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        return Some(1 + end.unwrap_or(rest.len() - 1));
    }
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if !escaped && letter == quote {
            return Some(at + 1);
        }
        escaped = !escaped && letter == '\\';
    }
    Some(rest.len())
}

/// Without the items that are there for tests only.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(MARK.len()).eq(MARK) {
            at = end_of(tokens, at + MARK.len()) + 1;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The end of the item that begins here: its semicolon, or the brace that closes it.
fn end_of(tokens: &[String], start: usize) -> usize {
    let is_use = tokens[start..].iter().take(4).any(|token| token == "use");
    let mut open = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" | "(" | "[" => open += 1,
            "}" | ")" | "]" => {
                open = open.saturating_sub(1);
                if open == 0 && token == "}" && !is_use {
                    return at;
                }
            }
            ";" if open == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

/// The modules that are declared here and lie in other files.
fn declarations(tokens: &[String]) -> Vec<String> {
    let of = |three: &[String]| (three[0] == "mod" && three[2] == ";").then(|| three[1].clone());
    tokens.windows(3).filter_map(of).collect()
}

/// The names that a `use` brings, and the path that each stands for.
fn imported(tokens: &[String], prefix: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let depth = prefix.len();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                let end = closing(tokens, at);
                imported(&tokens[at + 1..end], prefix, found);
                prefix.truncate(depth);
                at = end;
            }
            "," => prefix.truncate(depth),
            "::" => {}
            "as" => {
                if let (Some(last), Some(name)) = (found.last_mut(), tokens.get(at + 1)) {
                    last.0.clone_from(name);
                }
                at += 1;
            }
            "self" if !prefix.is_empty() => {
                found.push((prefix.last().cloned().unwrap_or_default(), prefix.clone()));
            }
            name => {
                prefix.push(name.to_owned());
                if tokens.get(at + 1).is_none_or(|next| next != "::") {
                    found.push((name.to_owned(), prefix.clone()));
                }
            }
        }
        at += 1;
    }
    prefix.truncate(depth);
}

fn closing(tokens: &[String], start: usize) -> usize {
    let mut open = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => open += 1,
            "}" if open == 1 => return at,
            "}" => open -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The path of at least two names that begins here.
fn path_at(tokens: &[String], start: usize) -> Option<Vec<String>> {
    let begins = is_name(&tokens[start]) && (start == 0 || tokens[start - 1] != "::");
    if !begins {
        return None;
    }
    let mut path = vec![tokens[start].clone()];
    let mut at = start + 1;
    while tokens.get(at).is_some_and(|sign| sign == "::")
        && tokens.get(at + 1).is_some_and(|next| is_name(next))
    {
        path.push(tokens[at + 1].clone());
        at += 2;
    }
    (path.len() > 1).then_some(path)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

#[test]
fn no_two_files_of_a_crate_need_each_other() -> Result<()> {
    let texts = texts(&["rs"])?;
    let mut problems = Vec::new();
    for package in Workspace::load()?.members() {
        let sources = folder(package).join("src");
        let sources = sources.strip_prefix(repository())?.display().to_string();
        let below = |(path, text): &'_ (String, String)| {
            Some((path.strip_prefix(&sources)?.strip_prefix('/')?.to_owned(), text.clone()))
        };
        let files = Files::of(texts.iter().filter_map(below));
        let found = files.circles();
        problems.extend(found.iter().map(|circle| format!("{}: {circle:#?}", package.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

#[test]
fn files_that_need_each_other_are_found_by_whatever_way_they_name_it() {
    let circles = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Files::of(files).circles().iter().map(Vec::len).collect::<Vec<_>>()
    };
    let root = ("lib.rs", "mod a; mod b; pub use a::A; pub use b::{B, make as build};");
    let needs = |a: &str, b: &str| circles(&[root, ("a.rs", a), ("b.rs", b)]);
    let a = "pub struct A; fn one() { crate::b::make() }";
    for (b, found) in [
        ("use crate::A; pub fn make() -> A { A }", vec![2]),
        ("use super::a; pub fn make() -> a::A { a::A }", vec![2]),
        ("pub fn make() { let _: crate::A; }", vec![2]),
        ("#[cfg(test)] mod tests { use crate::A; } pub fn make() {}", vec![]),
        ("/// [`crate::A`], 'a', \" crate::A \"\npub fn make<'a>() {}", vec![]),
        ("use super::a; use other::A; pub fn make() -> A {}", vec![]),
    ] {
        assert_eq!(needs(a, b), found, "{b}");
    }
    assert_eq!(needs("use crate::build; pub struct A;", "pub fn make(_: crate::A) {}"), [2]);
    // By way of a third, and between a parent and its child; a declaration is no need.
    let child = ("a/c.rs", "use super::A; pub fn c(_: A) {}");
    assert_eq!(circles(&[root, ("a.rs", "mod c; pub struct A;"), child, ("b.rs", "")]), [0; 0]);
    assert_eq!(circles(&[root, ("a.rs", "mod c; pub struct A; fn f() { c::c(A) }"), child]), [2]);
    let a = ("a.rs", "mod c; pub struct A; fn f() { crate::b::f() }");
    assert_eq!(circles(&[root, a, child, ("b.rs", "pub fn f() { crate::a::c::c() }")]), [3]);
}
