//! What the rows of a table hold: looked at when somebody asks, and kept while the host lives and the plan stays open.
//!
//! One idea: what is kept has every value, and what is private is taken out on the way to whoever asks, by the plan as it is
//! then.

use tokio::sync::watch;

use super::Workbench;
use crate::{
    engine::now_ms,
    model::Problem,
    plan::{Mapping, Private, TablePlan},
    profile::{Line, Subject, profile},
    protocol::{Profiling, Rows, SideName, TableProfile},
    transform::RunInstant,
};

/// A profile under way; it is over when this is dropped.
struct Underway(watch::Sender<Option<Profiling>>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Workbench {
    /// How far a profile is, from now on.
    pub fn profiling(&self) -> watch::Receiver<Option<Profiling>> {
        self.profiling.subscribe()
    }

    /// Looks at a table of the plan's one side, and keeps what it found; only `columns`, or all. `stop` turning true breaks
    /// it off. One at a time.
    pub async fn profile(
        &self,
        side: SideName,
        table: &str,
        (rows, columns): (Rows, Vec<String>),
        stop: watch::Receiver<bool>,
    ) -> Result<TableProfile, String> {
        let _underway = self.begin_profile()?;
        let key = self.plan_key().await;
        let source = match side {
            SideName::Source => self.source().await,
            SideName::Destination => self.copy().await,
        };
        let source = source.map_err(|error| format!("{error}. {}", error.hint()))?;
        let (mappings, remark) = match side {
            SideName::Source => self.mappings_of(table).await,
            SideName::Destination => (Vec::new(), None),
        };
        let subject = Subject { table: table.to_owned(), rows, columns, mappings };
        let line = Line { progress: self.profiling.clone(), stop };
        let mut found = profile(&source, &subject, line).await.map_err(|error| error.to_string())?;
        found.side = Some(side);
        found.remarks.extend(remark);
        if key == self.plan_key().await {
            self.profiles.lock().await.insert((side, table.to_owned()), found.clone());
        }
        self.hide(side, &mut found).await;
        Ok(found)
    }

    fn begin_profile(&self) -> Result<Underway, String> {
        let begun = self.profiling.send_if_modified(|now| {
            let free = now.is_none();
            now.get_or_insert_default();
            free
        });
        match begun {
            true => Ok(Underway(self.profiling.clone())),
            false => {
                let table = self.profiling.borrow().as_ref().map(|now| now.table.clone()).unwrap_or_default();
                Err(format!("a profile of {table} is under way: break it off first, or wait for it"))
            }
        }
    }

    /// What the last look at the table found.
    pub async fn profiled(&self, side: SideName, table: &str) -> Option<TableProfile> {
        let mut found = self.profiles.lock().await.get(&(side, table.to_owned())).cloned()?;
        self.hide(side, &mut found).await;
        Some(found)
    }

    /// All that is known of the source's tables.
    pub(super) async fn known_profiles(&self) -> Vec<TableProfile> {
        let profiles = self.profiles.lock().await;
        profiles.iter().filter(|((side, _), _)| *side == SideName::Source).map(|(_, found)| found.clone()).collect()
    }

    /// The plan's tables, in the source and in the destination.
    pub async fn planned(&self) -> Result<Vec<(String, String)>, String> {
        let (_, plan) = self.read(None).await?;
        Ok(plan.tables.into_iter().map(|table| (table.from, table.to)).collect())
    }

    /// The plan's mappings of a source table that can be tried; else why they cannot.
    async fn mappings_of(&self, table: &str) -> (Vec<Mapping>, Option<String>) {
        let not_tried = |why: String| (Vec::new(), Some(format!("the mapping was not tried: {why}")));
        let (document, plan) = match self.read(None).await {
            Ok(read) => read,
            Err(why) => return not_tried(why),
        };
        if !plan.tables.iter().any(|planned| planned.from == table) {
            return (Vec::new(), None);
        }
        let binding = match self.bind_at(&document, &plan, RunInstant(now_ms() as i64)).await {
            Ok(binding) => binding,
            Err(error) => return not_tried(error.to_string()),
        };
        let of_table = binding.tables.into_iter().filter(|bound| bound.mapping.from.name == table);
        let (right, wrong): (Vec<_>, Vec<_>) = of_table.partition(|bound| !bound.has_errors());
        let first = wrong.iter().flat_map(|bound| &bound.problems).find(|problem| problem.error);
        let place = |problem: &Problem| format!("line {}: {}", problem.line, problem.message);
        let remark = first.map(|problem| format!("the mapping was not tried: {}", place(problem)));
        (right.into_iter().map(|bound| bound.mapping).collect(), remark)
    }

    async fn hide(&self, side: SideName, found: &mut TableProfile) {
        let Ok((_, plan)) = self.read(None).await else {
            // Nobody can say what is private: all is.
            return found.hide(|_| true);
        };
        let is_it = |planned: &&TablePlan| match side {
            SideName::Source => planned.from == found.table,
            SideName::Destination => planned.to == found.table,
        };
        let private: Vec<Private> = plan.tables.iter().filter(is_it).map(Private::of).collect();
        let named = |name: &str| name.rsplit_once('.').map_or(name, |(_, column)| column).to_owned();
        let holds = |name: &str| private.iter().any(|private| private.holds(name) || private.holds(&named(name)));
        found.hide(holds);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        host::serve,
        ledger::Ledger,
        plan::Document,
        protocol::{Answer, Ask, FromHost, ToHost},
    };

    const PLAN: &str =
        "[source]\nurl = \"csv:people.csv\"\n[destination]\nurl = \"sqlite:out.db\"\n[[table]]\nfrom = \"people\"\n";

    async fn bench(folder: &std::path::Path, rows: usize) -> Workbench {
        let people: String = (0..rows).map(|row| format!("{row},mail{}@example.com\n", row % 3)).collect();
        std::fs::write(folder.join("people.csv"), format!("id,mail\n{people}")).unwrap();
        let path = folder.join("plan.toml");
        std::fs::write(&path, PLAN).unwrap();
        let ledger = Ledger::open(&folder.join("state")).await.unwrap();
        Workbench::new(Document::load(&path).unwrap(), ledger, "ada".into(), folder.to_owned())
    }

    fn never() -> watch::Receiver<bool> {
        watch::channel(false).1
    }

    #[tokio::test]
    async fn what_was_found_is_kept_and_masked_by_the_plan_as_it_is_then() {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path(), 30).await;
        let all = (Rows::All, Vec::new());
        let found = bench.profile(SideName::Source, "people", all, never()).await.unwrap();
        assert_eq!((found.looked, found.whole), (30, true), "{found:?}");
        assert_eq!(bench.profiled(SideName::Source, "people").await.unwrap().column("mail").unwrap().top[0].rows, 10);
        assert_eq!(bench.profiled(SideName::Destination, "people").await, None);
        let private = format!("{PLAN}[table.columns]\nmail = {{ private = true }}\n");
        bench.answer(Ask::Save { text: private }).await.unwrap();
        let masked = bench.profiled(SideName::Source, "people").await.unwrap();
        assert!(!format!("{masked:?}").contains("example.com"), "{masked:?}");
        assert_eq!(masked.column("mail").unwrap().characters.unwrap().longest, 17);
        // Another source's rows are others.
        bench.answer(Ask::Save { text: PLAN.replace("people.csv", "elsewhere") }).await.unwrap();
        assert_eq!(bench.profiled(SideName::Source, "people").await, None);
    }

    #[tokio::test]
    async fn a_table_that_is_not_there_is_an_error_and_nothing_is_under_way_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path(), 1).await;
        let why = bench.profile(SideName::Source, "nobody", (Rows::All, Vec::new()), never()).await.unwrap_err();
        assert!(why.contains("nobody"), "{why}");
        assert_eq!(*bench.profiling().borrow(), None);
    }

    #[tokio::test]
    async fn one_is_under_way_at_a_time_and_what_is_broken_off_tells_what_it_saw() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Arc::new(bench(folder.path(), 300_000).await);
        let (mut port, _) = serve(bench.clone());
        let profile = |id| {
            let ask = Ask::Profile { side: SideName::Source, table: "people".into(), rows: Rows::All };
            ToHost::Ask { id, ask }
        };
        port.send(profile(1)).unwrap();
        let mut stopped = false;
        while let Some(message) = port.receive().await {
            match message {
                FromHost::Profiling(Some(now)) if now.read > 0 && !stopped => {
                    stopped = true;
                    port.send(profile(2)).unwrap();
                    port.send(ToHost::Ask { id: 3, ask: Ask::StopProfile }).unwrap();
                }
                FromHost::Answer { id: 2, answer } => assert!(answer.unwrap_err().contains("under way")),
                FromHost::Answer { id: 1, answer } => {
                    let Ok(Answer::Profile(Some(found))) = answer else { panic!("{answer:?}") };
                    assert!(
                        found.broken_off && found.looked < 300_000 && found.basis().starts_with("broken off"),
                        "{found:?}"
                    );
                    break;
                }
                _ => {}
            }
        }
        assert!(stopped && bench.profiling().borrow().is_none());
    }

    #[tokio::test]
    async fn a_draft_takes_what_a_profile_of_more_rows_knows() {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path(), 1).await;
        // Beyond what a draft's own look reaches.
        let people: String =
            (0..100_001).map(|row| if row < 100_000 { format!("{row},x\n") } else { "none,x\n".into() }).collect();
        std::fs::write(folder.path().join("people.csv"), format!("id,mail\n{people}")).unwrap();
        let select = |selected| Ask::Select { tables: vec!["people".into()], selected };
        let text = |answer| match answer {
            Ok(Answer::Plan { text, .. }) => text,
            other => panic!("{other:?}"),
        };
        bench.answer(select(false)).await.unwrap();
        assert!(text(bench.answer(select(true)).await).contains("id = { type = \"bigint\" }"));
        bench.answer(select(false)).await.unwrap();
        bench.profile(SideName::Source, "people", (Rows::All, Vec::new()), never()).await.unwrap();
        assert!(!text(bench.answer(select(true)).await).contains("bigint"));
    }
}
