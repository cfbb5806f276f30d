//! All themes by name: those that come with the program, and those of the operator, who may take the others' names.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    Theme,
    file::{File, ThemeError},
};

const BUILT_IN: [(&str, &str); 6] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../../themes/deuteranopia.toml")),
    ("tritanopia", include_str!("../../../themes/tritanopia.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// Themes that take from each other, at most.
const DEEPEST: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// The operator's own texts by name.
    own: BTreeMap<String, String>,
}

impl Shelf {
    /// With the operator's themes of a folder, which need not be there.
    pub fn with_folder(folder: &Path) -> Self {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let own = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).filter_map(|path| {
            let name = path.file_stem()?.to_str()?.to_owned();
            Some((name, fs::read_to_string(&path).ok()?))
        });
        Self { own: own.collect() }
    }

    #[cfg(test)]
    pub(super) fn with(own: &[(&str, &str)]) -> Self {
        Self { own: own.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect() }
    }

    /// The names, those that come with the program first.
    pub fn names(&self) -> Vec<String> {
        let built_in = BUILT_IN.iter().map(|(name, _)| (*name).to_owned());
        let own = self.own.keys().filter(|name| built_in_text(name).is_none()).cloned();
        built_in.chain(own).collect()
    }

    pub fn theme(&self, name: &str) -> Result<Theme, ThemeError> {
        let broken = |why| ThemeError::Broken { name: name.to_owned(), why };
        let whole = self.resolve(name, self.own.contains_key(name), DEEPEST)?;
        whole.theme().map_err(broken)
    }

    /// The theme with all that it inherits. A theme that takes from its own name takes from the built-in one.
    fn resolve(&self, name: &str, own: bool, left: usize) -> Result<File, ThemeError> {
        let broken = |why: String| ThemeError::Broken { name: name.to_owned(), why };
        let text = if own { self.own.get(name).map(String::as_str) } else { built_in_text(name) };
        let text = text.ok_or_else(|| ThemeError::Unknown { name: name.to_owned(), known: self.names().join(", ") })?;
        let file = File::read(text).map_err(broken)?;
        let Some(parent) = file.inherits.clone() else { return Ok(file) };
        if left == 0 {
            return Err(broken(format!("it inherits from '{parent}', which leads round in a circle")));
        }
        let own_parent = parent != name && self.own.contains_key(&parent);
        Ok(file.over(self.resolve(&parent, own_parent, left - 1)?))
    }
}

fn built_in_text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
