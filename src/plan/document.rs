//! A plan's text with its file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{Edit, Plan, PlanError, Spans, apply, digest, parse};
use crate::model::Problem;

/// The text of a plan, where it is kept, and what it means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    pub path: Option<PathBuf>,
    pub text: String,
    /// `None` if the text has errors.
    pub plan: Option<Plan>,
    pub problems: Vec<Problem>,
    pub spans: Spans,
}

impl Document {
    /// Reads the file. A text with errors is a document too; see `problems`.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, PlanError> {
        let path = path.into();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(PlanError::NotFound { path }),
            Err(source) => return Err(PlanError::Unreadable { path, source }),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::read(Some(path), text)),
            Err(_) => Err(PlanError::NotText { path }),
        }
    }

    /// A document that has no file yet.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::read(None, text.into())
    }

    /// Another text for the same file; not saved.
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        Self::read(self.path.clone(), text.into())
    }

    /// The document after an edit of its text; not saved.
    pub fn edited(&self, edit: &Edit) -> Result<Self, PlanError> {
        Ok(self.with_text(apply(&self.text, edit)?))
    }

    fn read(path: Option<PathBuf>, text: String) -> Self {
        let parsed = parse(&text);
        let mut plan = parsed.plan;
        let stem = path.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        if let (Some(plan), Some(stem)) = (&mut plan, stem)
            && plan.name.is_empty()
        {
            plan.name = stem;
        }
        Self { path, text, plan, problems: parsed.problems, spans: parsed.spans }
    }

    /// The folder that relative paths of the plan start from.
    pub fn folder(&self) -> &Path {
        let parent = self.path.as_deref().and_then(Path::parent);
        parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The digest of the meaning; `None` if the text has errors.
    pub fn digest(&self) -> Option<String> {
        self.plan.as_ref().map(digest)
    }

    /// Replaces the file by the text in one step: whoever reads sees the old text or the new one, never a part. Keeps
    /// the file's mode; a new file is for its owner alone. A symbolic link stays one.
    pub fn save(&self) -> Result<(), PlanError> {
        let path = self.path.as_deref().ok_or(PlanError::NoPath)?;
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        replace(&target, self.text.as_bytes()).map_err(|source| PlanError::Unwritable { path: path.to_owned(), source })
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = folder.join(format!(".{name}.{}.draft", std::process::id()));
    let written = write_new(&draft, path, bytes).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written?;
    // The rename itself is durable only once the folder is; some file systems cannot sync a folder.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn write_new(draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a process of the same number left behind when it was killed.
    let _ = fs::remove_file(draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(bytes)?;
    if let Ok(existing) = fs::metadata(path) {
        file.set_permissions(existing.permissions())?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::samples::SAMPLE;

    #[test]
    fn a_missing_or_unreadable_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Document::load(folder.path().join("none.toml")).unwrap_err();
        assert!(matches!(&missing, PlanError::NotFound { .. }), "{missing}");
        assert!(missing.to_string().contains("whimbrel new"));
        let error = Document::load(folder.path()).unwrap_err();
        assert!(matches!(error, PlanError::Unreadable { .. }), "{error}");
        let bytes = folder.path().join("bytes.toml");
        fs::write(&bytes, [0xff, 0xfe]).unwrap();
        assert!(matches!(Document::load(bytes), Err(PlanError::NotText { .. })));
        assert!(matches!(Document::from_text("").save(), Err(PlanError::NoPath)));
    }

    #[cfg(unix)]
    #[test]
    fn saving_replaces_the_file_and_keeps_mode_and_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        let mut document = Document::from_text(SAMPLE);
        document.path = Some(path.clone());
        document.save().unwrap();
        assert_eq!(mode(&path), 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let loaded = Document::load(&link).unwrap();
        loaded.with_text("# new\n").save().unwrap();
        assert_eq!(mode(&path), 0o640);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# new\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn a_failed_save_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut document = Document::from_text("x");
        document.path = Some(folder.path().join("none").join("plan.toml"));
        assert!(matches!(document.save(), Err(PlanError::Unwritable { .. })));
        // A folder in the file's place: the rename fails, the draft must go.
        let taken = folder.path().join("taken.toml");
        fs::create_dir_all(taken.join("x")).unwrap();
        document.path = Some(taken);
        assert!(document.save().is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_file_names_a_plan_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.toml");
        fs::write(&path, "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[[table]]\nfrom='t'\n").unwrap();
        let document = Document::load(&path).unwrap();
        assert_eq!(document.plan.as_ref().unwrap().name, "orders");
        assert_eq!(document.folder(), folder.path());
        assert_eq!(document.digest(), Document::from_text(document.text.clone()).digest());
        assert_eq!(Document::from_text("x =").digest(), None);
    }
}
