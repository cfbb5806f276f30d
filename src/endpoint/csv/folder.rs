//! Which files are tables, and under which names.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{dialect::Dialect, error::during};
use crate::endpoint::{EndpointError, ErrorKind, Result};

/// A folder of files, or one file: its tables have the files' names without `.csv` or `.tsv`.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// Where the files are, and the marks.
    pub(super) path: PathBuf,
    /// The file that is the whole database.
    only: Option<PathBuf>,
    dialect: Dialect,
}

impl Folder {
    /// Looks whether it is there; unless `read_only`, a folder that is missing is made.
    pub(super) fn open(path: &Path, dialect: Dialect, read_only: bool) -> Result<Self> {
        let is_file = match fs::metadata(path) {
            Ok(found) => found.is_file(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !read_only => separator(path).is_some(),
            Err(error) => return Err(during("open", path)(error)),
        };
        if !is_file {
            if !read_only {
                fs::create_dir_all(path).map_err(during("make the folder", path))?;
            }
            fs::read_dir(path).map_err(during("open", path))?;
            return Ok(Self { path: path.to_owned(), only: None, dialect });
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::read_dir(parent).map_err(during("open", parent))?;
        Ok(Self { path: parent.to_owned(), only: Some(path.to_owned()), dialect })
    }

    /// Files by table name.
    pub(super) fn tables(&self) -> Result<BTreeMap<String, PathBuf>> {
        if let Some(only) = &self.only {
            let there = only.is_file().then(|| (stem(only), only.clone()));
            return Ok(there.into_iter().collect());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(during("list", &self.path))? {
            let path = entry.map_err(during("list", &self.path))?.path();
            if path.is_file() && separator(&path).is_some() && !name(&path).starts_with('.') {
                files.push(path);
            }
        }
        files.sort();
        let mut tables = BTreeMap::new();
        for path in files {
            // Where two files differ only in their ending, the second goes by its whole name.
            let table = if tables.contains_key(&stem(&path)) { name(&path) } else { stem(&path) };
            tables.insert(table, path);
        }
        Ok(tables)
    }

    pub(super) fn find(&self, table: &str) -> Result<PathBuf> {
        self.tables()?.remove(table).ok_or_else(|| {
            let context = format!("cannot look at {table}");
            EndpointError::new(
                ErrorKind::NoTable,
                context,
                format!("there is no file for it in {}", self.path.display()),
            )
        })
    }

    /// Where a table of that name would be made.
    pub(super) fn place_for(&self, table: &str) -> Result<PathBuf> {
        let refuse =
            |message: &str| Err(EndpointError::new(ErrorKind::Other, format!("cannot create {table}"), message));
        match &self.only {
            Some(only) if stem(only) == table => Ok(only.clone()),
            Some(_) => refuse("the destination is one file, which is one table of the file's name"),
            None if table.is_empty() || table.starts_with('.') || table.contains(['/', '\\', '\0']) => {
                refuse("no file can have this name; name the table otherwise in the plan")
            }
            None => Ok(self.path.join(format!("{table}.csv"))),
        }
    }

    /// The dialect of one file: a `.tsv` is separated by tabs.
    pub(super) fn dialect(&self, path: &Path) -> Dialect {
        match separator(path) {
            Some(b'\t') => Dialect { delimiter: b'\t', ..self.dialect.clone() },
            _ => self.dialect.clone(),
        }
    }
}

/// What the ending says about the delimiter; `None`: it is not the ending of a table.
fn separator(path: &Path) -> Option<u8> {
    let ending = path.extension()?.to_ascii_lowercase();
    match ending.to_str()? {
        "csv" => Some(b','),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
