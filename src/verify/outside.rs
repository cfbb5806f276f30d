//! What the source holds and the plan leaves behind, so that nobody finds out afterwards.

use super::checks::{item, sentence};
use crate::{
    endpoint::Source,
    model::{Count, TableEntry, thousands},
    plan::Plan,
    protocol::{CheckItem, CheckState},
};

/// Tables that are told by name.
const TOLD: usize = 20;

/// The source's tables that the plan does not name, the largest first; `None` where the source is not open: others say so.
pub async fn outside(plan: &Plan, source: Option<&dyn Source>) -> Option<CheckItem> {
    let name = "Source tables outside of the plan";
    Some(match source?.tables().await {
        Ok(tables) => item(name, CheckState::Passed, details(plan, tables)),
        Err(error) => item(name, CheckState::Warned, vec![sentence(&error)]),
    })
}

fn details(plan: &Plan, mut tables: Vec<TableEntry>) -> Vec<String> {
    let all = tables.len();
    tables.retain(|table| !plan.tables.iter().any(|planned| planned.from == table.name));
    if tables.is_empty() {
        return vec![format!("none: the plan takes all {} of them", thousands(all as u64))];
    }
    tables.sort_by_key(|table| std::cmp::Reverse(table.rows.rows().unwrap_or(0)));
    let more = tables.len().saturating_sub(TOLD);
    let mut details: Vec<String> =
        tables.iter().take(TOLD).map(|table| format!("{}: {}", table.name, rows(&table.rows))).collect();
    details.extend((more > 0).then(|| format!("and {} more tables", thousands(more as u64))));
    details
}

fn rows(rows: &Count) -> String {
    match rows {
        Count::Exact(rows) => format!("{} rows", thousands(*rows)),
        Count::Estimate(rows) => format!("about {} rows", thousands(*rows)),
        Count::Unknown => "rows not counted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    #[test]
    fn what_stays_behind_is_named_the_largest_first() {
        let text = "[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n[[table]]\nfrom = \"t\"\n";
        let plan = parse(text).plan.unwrap();
        let table = |name: &str, rows| TableEntry { name: name.into(), rows, bytes: None };
        let tables = vec![table("t", Count::Exact(9)), table("a", Count::Unknown), table("b", Count::Estimate(12_000))];
        assert_eq!(details(&plan, tables), ["b: about 12,000 rows", "a: rows not counted"]);
        assert_eq!(details(&plan, vec![table("t", Count::Exact(9))]), ["none: the plan takes all 1 of them"]);
        let many = (0..30).map(|i| table(&format!("x{i}"), Count::Exact(i))).collect();
        let told = details(&plan, many);
        assert!(told.len() == 21 && told[0] == "x29: 29 rows" && told[20] == "and 10 more tables", "{told:?}");
    }
}
