//! The plan's file: opened, saved, and read again where somebody else changed it, in an editor say.
//!
//! One idea: the file is whoever wrote it last, and nobody's words are written over by one who has not seen them.

use super::{Told, Workbench};
use crate::{
    plan::{Document, Plan, SidePlan},
    protocol::{Answer, SideName},
};

impl Workbench {
    /// Takes another plan; what was open for the one before is closed, its passwords are forgotten.
    pub(super) async fn open(&self, document: Document) -> Told<Answer> {
        *self.document.lock().await = document;
        self.passwords.lock().await.clear();
        *self.validated.lock().await = None;
        self.profiles.lock().await.clear();
        self.close(SideName::Source).await;
        self.close(SideName::Destination).await;
        Ok(self.plan_answer().await)
    }

    pub(super) async fn save(&self, text: String) -> Told<Answer> {
        let mut document = self.document.lock().await;
        if let Some(path) = document.path.as_deref().filter(|_| elsewhere(&document).is_some()) {
            let path = path.display();
            return Err(format!(
                "{path} was changed by somebody else; look at what it says now, and make the change again"
            ));
        }
        let changed = document.with_text(text);
        if let Some(problem) = changed.problems.iter().find(|problem| problem.error) {
            return Err(format!("line {}, column {}: {}", problem.line, problem.column, problem.message));
        }
        changed.save().map_err(|error| error.to_string())?;
        let before = std::mem::replace(&mut *document, changed.clone());
        drop(document);
        self.follow(&before, &changed).await;
        Ok(self.plan_answer().await)
    }

    /// Takes what the plan's file says where that is not what was read or saved last; says whether it was.
    pub async fn reread(&self) -> bool {
        let mut document = self.document.lock().await;
        let Some(changed) = elsewhere(&document) else { return false };
        let before = std::mem::replace(&mut *document, changed.clone());
        drop(document);
        self.follow(&before, &changed).await;
        true
    }

    /// Whether the plan's file says something that nobody here has seen.
    pub async fn is_changed_elsewhere(&self) -> bool {
        elsewhere(&*self.document.lock().await).is_some()
    }

    /// Closes what another text of the plan has moved.
    async fn follow(&self, before: &Document, after: &Document) {
        let moved = |side: fn(&Plan) -> &SidePlan| match (&before.plan, &after.plan) {
            (Some(before), Some(after)) => side(before) != side(after),
            _ => true,
        };
        let (source, destination) = (moved(|plan| &plan.source), moved(|plan| &plan.destination));
        let marks = |document: &Document| document.plan.as_ref().and_then(|plan| plan.run.marks.clone());
        let destination = destination || marks(before) != marks(after);
        for (moved, side) in [(source, SideName::Source), (destination, SideName::Destination)] {
            if moved {
                self.close(side).await;
                self.profiles.lock().await.retain(|(of, _), _| *of != side);
            }
        }
    }
}

/// What the plan's file says, where it is there and says something else.
fn elsewhere(document: &Document) -> Option<Document> {
    let file = Document::load(document.path.as_ref()?).ok()?;
    (file.text != document.text).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ledger::Ledger;

    const PLAN: &str = "[source]\nurl = \"sqlite:a.sqlite\"\n[destination]\nurl = \"sqlite:b.sqlite\"\n";

    #[tokio::test]
    async fn what_somebody_else_wrote_is_read_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        fs::write(&path, PLAN).unwrap();
        let ledger = Ledger::open(&folder.path().join("state")).await.unwrap();
        let document = Document::load(&path).unwrap();
        let workbench = Workbench::new(document, ledger, "tester".into(), folder.path().into());
        assert!(!workbench.reread().await);
        workbench.save(format!("# ours\n{PLAN}")).await.unwrap();
        assert!(!workbench.reread().await, "what was saved here is known");

        let theirs = format!("# theirs\n{PLAN}");
        fs::write(&path, &theirs).unwrap();
        let refused = workbench.save(format!("# ours again\n{PLAN}")).await.unwrap_err();
        assert!(refused.contains("changed by somebody else"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        assert!(workbench.reread().await);
        workbench.save(format!("# ours and {theirs}")).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("# ours and {theirs}"));

        // A file that is gone is made again by whoever saves.
        fs::remove_file(&path).unwrap();
        assert!(!workbench.reread().await);
        workbench.save(PLAN.to_owned()).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), PLAN);
    }
}
