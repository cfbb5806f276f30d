//! Where an operator was in each migration, from one console to the next.
//!
//! One idea: it is a comfort. A file that cannot be read or written is as good as none, and no console fails for it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Migrations that are remembered; of more, those that were left first are forgotten.
const MOST: usize = 200;

/// Where somebody was in a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub screen: String,
    /// The destination table whose mapping was shown.
    pub table: Option<String>,
    /// The filter of the list of tables.
    pub filter: String,
    /// When it was left, in milliseconds since 1970 UTC.
    pub left_ms: u64,
}

/// The places by the plan's file, and where they are kept.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    file: Option<PathBuf>,
    places: BTreeMap<String, Place>,
}

impl Memory {
    /// What a folder remembers.
    pub fn load(folder: &Path) -> Self {
        let file = folder.join("console.json");
        let places = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
        Self { file: Some(file), places: places.unwrap_or_default() }
    }

    pub fn place(&self, plan: &str) -> Option<&Place> {
        self.places.get(plan)
    }

    pub fn put(&mut self, plan: &str, place: Place) {
        self.places.insert(plan.to_owned(), place);
        while self.places.len() > MOST {
            let first = self.places.iter().min_by_key(|(_, place)| place.left_ms).map(|(plan, _)| plan.clone());
            first.into_iter().for_each(|first| _ = self.places.remove(&first));
        }
    }

    /// Writes it down, for its owner only, whole or not at all.
    pub fn save(&self) {
        if let Some(file) = &self.file
            && let Err(error) = self.write(file)
        {
            tracing::warn!(%error, "where the operator was is not remembered");
        }
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let beside = file.with_extension(format!("json.{}", std::process::id()));
        let mut out = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        out.write_all(&serde_json::to_vec(&self.places)?)?;
        fs::rename(&beside, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_place_is_found_again_and_is_its_owner_s() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { screen: "map".into(), table: Some("orders".into()), filter: "er".into(), left_ms: 1 };
        let mut memory = Memory::load(folder.path());
        memory.put("/srv/plan.toml", place.clone());
        memory.save();
        assert_eq!(Memory::load(folder.path()).place("/srv/plan.toml"), Some(&place));
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 1, "nothing is left beside it");
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_was_left_first_is_forgotten_first_and_a_broken_file_is_none() {
        let mut memory = Memory::default();
        for at in 0..=MOST as u64 {
            memory.put(&format!("plan {at}"), Place { left_ms: 1_000 - at, ..Place::default() });
        }
        assert!(memory.place("plan 0").is_some() && memory.place(&format!("plan {MOST}")).is_none());
        memory.save();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("console.json"), "{").unwrap();
        assert!(Memory::load(folder.path()).places.is_empty());
    }
}
