//! What a file or a folder uses never uses it back, in any crate: not directly, and not through others. And what
//! planted bugs do is in one place of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module's place in its crate; the root's is empty.
type Place = Vec<String>;

/// What one file says of others.
#[derive(Default)]
struct File {
    /// Every path that it names, from the crate's root.
    named: BTreeSet<Place>,
    /// What it offers under a name of its own, and where that comes from.
    offered: BTreeMap<String, Place>,
}

/// Reads one file. `here` grows by the modules that are written inside of it.
struct Reader<'a> {
    files: &'a BTreeSet<Place>,
    here: Place,
    found: File,
}

impl Reader<'_> {
    /// The path from the crate's root, if it leads anywhere inside of the crate.
    fn rooted(&self, path: &[String]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let child = || self.here.iter().cloned().chain([first.clone()]).collect::<Place>();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(self.here.iter().cloned().chain(rest.iter().cloned()).collect()),
            "super" => {
                let mut upper = Reader { files: self.files, here: self.here.clone(), found: File::default() };
                upper.here.pop()?;
                match rest.first().map(String::as_str) {
                    Some("super") => upper.rooted(rest),
                    _ => Some(upper.here.into_iter().chain(rest.iter().cloned()).collect()),
                }
            }
            _ if self.files.contains(&child()) => Some(child().into_iter().chain(rest.iter().cloned()).collect()),
            _ => None,
        }
    }

    fn tree(&mut self, tree: &UseTree, before: &[String], offers: bool) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Place>();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.tree(&path.tree, &with(&path.ident), offers),
            UseTree::Group(group) => return group.items.iter().for_each(|item| self.tree(item, before, offers)),
            UseTree::Glob(_) => (before.to_vec(), None),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
        };
        let Some(path) = self.rooted(&path) else { return };
        if let (true, Some(name)) = (offers, name) {
            self.found.offered.insert(name, path.clone());
        }
        self.found.named.insert(path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Place = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // A single word is a name of the file's own, or one that a `use` has brought.
        if segments.len() > 1 {
            self.found.named.extend(self.rooted(&segments));
        }
        visit::visit_path(self, path);
    }

    /// Who may see something is no use of it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.here.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.here.pop();
    }
}

/// The files of a crate, by their places.
fn sources(dir: &Path, place: &[String], found: &mut BTreeMap<Place, syn::File>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner: Place = place.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() {
            sources(&path, &inner, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let at = if ["lib", "main", "mod"].contains(&stem.as_str()) { place.to_vec() } else { inner };
            let mut file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            let both = found.remove(&at).into_iter().flat_map(|file| file.items);
            file.items.extend(both.collect::<Vec<Item>>());
            found.insert(at, file);
        }
    }
}

/// The file in which a path ends: names that a file on the way only passes on are followed.
fn ends_in(files: &BTreeMap<Place, File>, path: &[String], steps: u8) -> Place {
    let mut at = Place::new();
    for (taken, segment) in path.iter().enumerate() {
        at.push(segment.clone());
        if files.contains_key(&at) {
            continue;
        }
        at.pop();
        return match files[&at].offered.get(segment) {
            Some(origin) if steps > 0 => {
                let on: Place = origin.iter().chain(&path[taken + 1..]).cloned().collect();
                ends_in(files, &on, steps - 1)
            }
            _ => at,
        };
    }
    at
}

/// Who uses whom. That a folder's file passes on what its folder holds is no use of it.
fn arrows(src: &Path) -> BTreeMap<Place, BTreeSet<Place>> {
    let mut parsed = BTreeMap::new();
    sources(src, &[], &mut parsed);
    let places: BTreeSet<Place> = parsed.keys().cloned().collect();
    let read = |(place, file): (Place, syn::File)| {
        let mut reader = Reader { files: &places, here: place.clone(), found: File::default() };
        reader.visit_file(&file);
        (place, reader.found)
    };
    let files: BTreeMap<Place, File> = parsed.into_iter().map(read).collect();
    let uses = |(place, file): (&Place, &File)| {
        let passed_on: BTreeSet<&Place> = file.offered.values().collect();
        let named = file.named.iter().filter(|path| !passed_on.contains(path));
        let mut used: BTreeSet<Place> = named.map(|path| ends_in(&files, path, 8)).collect();
        used.remove(place);
        (place.clone(), used)
    };
    files.iter().map(uses).collect()
}

/// Takes away whatever uses nothing that is left; what then remains goes in circles, or leads to one.
fn circles(mut arrows: BTreeMap<Place, BTreeSet<Place>>) -> BTreeMap<Place, BTreeSet<Place>> {
    loop {
        let ends: BTreeSet<Place> =
            arrows.iter().filter(|(_, used)| used.is_empty()).map(|(place, _)| place.clone()).collect();
        if ends.is_empty() {
            let used: BTreeSet<Place> = arrows.values().flatten().cloned().collect();
            let before = arrows.len();
            arrows.retain(|place, _| used.contains(place));
            if arrows.len() == before {
                return arrows;
            }
        }
        arrows.retain(|place, _| !ends.contains(place));
        for used in arrows.values_mut() {
            used.retain(|place| !ends.contains(place));
        }
    }
}

/// The crates, by their folders.
fn crates() -> impl Iterator<Item = String> {
    let services = ["api", "broker", "consumer", "event", "oncelog", "planted", "reminder", "store"];
    let services = services.into_iter().map(|name| format!("services/{name}"));
    services.chain(["simulator".to_owned(), "compose/stack".to_owned()])
}

fn has_no_circle(name: &str, of: &str, arrows: BTreeMap<Place, BTreeSet<Place>>) {
    let found = circles(arrows);
    let lines: Vec<String> = found.iter().map(|(place, used)| format!("{} uses {used:?}", place.join("/"))).collect();
    assert!(lines.is_empty(), "{name}: {of} in circles:\n{}", lines.join("\n"));
}

#[test]
fn no_file_uses_one_that_uses_it() {
    for name in crates() {
        let arrows = arrows(&stack::checkout().join(&name).join("src"));
        assert!(!arrows.is_empty(), "{name} has no sources");
        has_no_circle(&name, "files", arrows);
    }
}

/// Arrows between what stands in a crate's root. What planted bugs do reaches everywhere, and the root itself
/// names everything.
fn between_folders(arrows: &BTreeMap<Place, BTreeSet<Place>>) -> BTreeMap<Place, BTreeSet<Place>> {
    let folder = |place: &Place| place.first().filter(|name| *name != "planted").map(|name| vec![name.clone()]);
    let mut between = BTreeMap::<Place, BTreeSet<Place>>::new();
    for (place, used) in arrows {
        let Some(place) = folder(place) else { continue };
        let used = used.iter().filter_map(folder).filter(|other| *other != place);
        between.entry(place.clone()).or_default().extend(used);
    }
    between
}

#[test]
fn no_folder_uses_one_that_uses_it() {
    for name in crates() {
        has_no_circle(&name, "folders", between_folders(&arrows(&stack::checkout().join(&name).join("src"))));
    }
}

#[test]
fn what_planted_bugs_do_is_in_one_place_of_each_crate() {
    for name in crates().filter(|name| name != "services/planted") {
        let src = stack::checkout().join(&name).join("src");
        let mut parsed = BTreeMap::new();
        sources(&src, &[], &mut parsed);
        let elsewhere = parsed.into_iter().filter(|(place, _)| place.first().is_none_or(|first| first != "planted"));
        for (place, file) in elsewhere {
            let mut names = Names::default();
            names.visit_file(&file);
            assert!(!names.0.contains("Bug"), "{name}: {}", place.join("/"));
        }
    }
}

/// Every name that a file says.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.0.insert(name.to_string());
    }
}
