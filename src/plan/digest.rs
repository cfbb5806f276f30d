//! What identifies the meaning of a plan.

use sha2::{Digest, Sha256};

use super::{ColumnPlan, CsvOptions, Plan, SidePlan, TablePlan};
use crate::model::{Mode, hex};

/// SHA-256, in lower-case hex, over what decides which rows arrive and how.
///
/// In it: the plan's kind; each side's URL and CSV options; each table's `from`, `to`, `mode`, `key` (its order too),
/// `skip`, `where`; each column's `from`, `expr`, `type`, `values`, `unlisted`, `default`, `check`, `skip`, `accept_loss`.
///
/// Not in it: `[run]`, `[when]`, `[restore]`, the plan's name, labels, password references, notes with who and when, what is
/// private, tests, metrics; comments and layout; the order of tables, of columns, of `skip`, and of keys. A table without `to` is
/// the same as one whose `to` repeats `from`, a column written as `"x"` the same as `{ from = "x" }`, an option left out
/// the same as its default.
pub fn digest(plan: &Plan) -> String {
    let mut canon = Canon::default();
    canon.text("whimbrel plan 1");
    canon.text(&format!("{:?}", plan.kind));
    canon.side(&plan.source);
    canon.side(&plan.destination);
    canon.tables(plan);
    canon.hex()
}

/// The same over the tables alone: two plans that move the same tables in the same way between different sides have it in
/// common, as those of a test environment and of production do.
pub fn mapping_digest(plan: &Plan) -> String {
    let mut canon = Canon::default();
    canon.text("whimbrel mapping 1");
    canon.tables(plan);
    canon.hex()
}

/// Every text is preceded by its length and every list by its count, so that no two plans run together.
#[derive(Default)]
struct Canon {
    hash: Sha256,
}

impl Canon {
    fn tables(&mut self, plan: &Plan) {
        let mut tables: Vec<&TablePlan> = plan.tables.iter().collect();
        tables.sort_by(|a, b| (&a.to, &a.from).cmp(&(&b.to, &b.from)));
        self.list(tables, Self::table);
    }

    fn hex(self) -> String {
        hex(&self.hash.finalize())
    }

    fn count(&mut self, count: usize) {
        self.hash.update((count as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.hash.update(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.hash.update([u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, items: Vec<T>, write: impl Fn(&mut Self, T)) {
        self.count(items.len());
        for item in items {
            write(self, item);
        }
    }

    fn side(&mut self, side: &SidePlan) {
        let CsvOptions { delimiter, quote, header, encoding, null } = &side.csv;
        self.text(&side.url);
        self.text(&format!("{delimiter}{quote}{header}"));
        self.text(encoding);
        self.text(null);
    }

    fn table(&mut self, table: &TablePlan) {
        let mut skip: Vec<&String> = table.skip.iter().collect();
        skip.sort_unstable();
        let mut columns: Vec<&(String, ColumnPlan)> = table.columns.iter().collect();
        columns.sort_by(|a, b| a.0.cmp(&b.0));
        self.text(&table.from);
        self.text(&table.to);
        self.list(table.key.iter().collect(), |canon, name| canon.text(name));
        self.list(skip, |canon, name| canon.text(name));
        self.option(table.filter.as_deref(), Self::text);
        self.list(columns, |canon, (name, column)| canon.column(name, column));
        if table.mode != Mode::Insert {
            // No text has this length, so that a mode is never taken for the next table's name.
            self.hash.update(u64::MAX.to_be_bytes());
            self.text(table.mode.word());
        }
    }

    fn column(&mut self, name: &str, column: &ColumnPlan) {
        // Taken apart by name so that a field added later cannot be forgotten here.
        let ColumnPlan { from, expr, ty, values, default, check, skip, accept_loss, private: _, note: _, by: _, on: _ } =
            column;
        self.text(name);
        self.option(from.as_deref(), Self::text);
        self.option(expr.as_deref(), Self::text);
        self.option(ty.as_ref(), |canon, ty| canon.text(&ty.to_string()));
        self.option(values.as_ref(), |canon, values| {
            canon.text(&format!("{:?}", values.unlisted));
            canon.list(values.entries.iter().collect(), |canon, (value, literal)| {
                canon.text(value);
                canon.text(&literal.0);
            });
        });
        self.option(default.as_ref(), |canon, literal| canon.text(&literal.0));
        self.option(check.as_deref(), Self::text);
        self.text(&format!("{skip}{accept_loss}"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Edit, apply, parse, samples::SAMPLE};

    fn of(text: &str) -> String {
        let parsed = parse(text);
        assert_eq!(parsed.problems, [], "{text}");
        digest(&parsed.plan.unwrap())
    }

    /// A change of the digest's making must be meant: plans with unfinished runs would start anew.
    #[test]
    fn the_sample_s_digest_stays() {
        assert_eq!(of(SAMPLE), "ce55227ea2975d02bffcbe902fc0f6b744f7b304abb9f09b24f3eba39a22cc13");
    }

    #[test]
    fn notation_settings_and_words_for_humans_do_not_count() {
        for (old, new) in [
            (
                "parallel = 4",
                "parallel = 9\nchunk_rows = 7\nrows_per_second = 8\nfault_budget = 1\nfault_percent = 9\nlock_wait = 5",
            ),
            ("parallel = 4", "marks = \"ops.whimbrel\""),
            ("key = [\"id\"]", "mode = \"insert\"\nkey = [\"id\"]"),
            ("on_error = \"ask\"", "on_error = \"skip\""),
            ("name = \"Postgres to CredVault\"", ""),
            ("kind = \"one-time\"", ""),
            ("{ env = \"OLD_DB_PASSWORD\" }", "\"ask\""),
            ("[run]", "label = \"production\"\n[run]"),
            ("id = \"customer_id\"", "id = { from = \"customer_id\", private = true }"),
            (
                "[table.columns]",
                "[[table.test]]\ngiven = { email = \"a\" }\nexpect = { user_email = \"A\" }\n[table.columns]",
            ),
            ("id = \"customer_id\"", "id = { note = \"why\", from = \"customer_id\" }"),
            ("to = \"customers\"\n", ""),
            ("{ gold = 1, silver = 2 }", "{ silver = \"2\", gold = 1 }"),
            ("[table.columns]", "   [ table . columns ]"),
            ("full_age", "# about\n\"full_age\""),
            ("values = {", "unlisted = \"fault\", values = {"),
            ("[run]", "csv = { null = \"\" }\n[run]"),
        ] {
            let text = SAMPLE.replacen(old, new, 1);
            assert_ne!(text, SAMPLE, "{old}");
            let parsed = parse(&text);
            assert_eq!(digest(&parsed.plan.unwrap()), of(SAMPLE), "{old} to {new}");
        }
    }

    #[test]
    fn whatever_decides_rows_counts() {
        let mut seen = vec![of(SAMPLE)];
        for (old, new) in [
            ("one-time", "continuous"),
            ("old_database", "new_database"),
            ("sqlite:credvault.db", "sqlite:other.db"),
            ("from = \"customers\"", "from = \"clients\""),
            ("to = \"customers\"", "to = \"clients\""),
            ("key = [\"id\"]", "mode = \"upsert\"\nkey = [\"id\"]"),
            ("key = [\"id\"]", "mode = \"replace\"\nkey = [\"id\"]"),
            ("key = [\"id\"]", "key = [\"id\", \"name\"]"),
            ("key = [\"id\"]", "key = [\"name\", \"id\"]"),
            ("skip = [\"internal_notes\"]", "skip = []"),
            ("skip = [\"internal_notes\"]", "where = \"internal_notes\""),
            ("\"customer_id\"", "\"customer_no\""),
            ("{ expr = \"upper(email)\" }", "{ from = \"upper(email)\" }"),
            ("upper(email)", "lower(email)"),
            ("\"integer\"", "\"bigint\""),
            ("gold = 1", "gold = 3"),
            ("gold = 1", "bold = 1"),
            ("silver = 2 }", "silver = 2 }, unlisted = \"keep\""),
            ("default = \"unknown\", ", ""),
            ("default = \"unknown\", ", "default = \"\", "),
            ("> 0", "> 1"),
            ("{ skip = true }", "\"skip\""),
            ("\"trim(name)\",", "\"trim(name)\", accept_loss = true,"),
        ] {
            let text = SAMPLE.replacen(old, new, 1);
            assert_ne!(text, SAMPLE, "{old}");
            seen.push(of(&text));
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "two of these have one digest");
    }

    #[test]
    fn how_a_csv_is_written_counts() {
        let text = |csv: &str| format!("[source]\nurl='csv:a'\n{csv}\n[destination]\nurl='csv:b'\n");
        let options =
            ["", "csv.delimiter=';'", "csv.quote=\"'\"", "csv.header=false", "csv.encoding='utf-16le'", "csv.null='x'"];
        let digests: std::collections::BTreeSet<String> = options.iter().map(|csv| of(&text(csv))).collect();
        assert_eq!(digests.len(), options.len());
    }

    proptest! {
        /// Comments, blank lines, indentation and the order of lines in a section change nothing.
        #[test]
        fn layout_does_not_count(
            marks in proptest::collection::vec("(\n|  |\t|# [a-z=\\[\\]\"]{0,9}\n){0,3}", 40),
            order in Just((0..7usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let (head, columns) = SAMPLE.split_once("# destination column = where it comes from\n").unwrap();
            let columns: Vec<&str> = columns.lines().collect();
            let lines = head.lines().chain(order.iter().map(|place| columns[*place]));
            let text: String = lines.zip(&marks).map(|(line, mark)| format!("{mark}{line}\n")).collect();
            prop_assert_eq!(of(&text), of(SAMPLE), "{}", text);
        }

        /// Another text somewhere is another digest, wherever one part ends and the next begins.
        #[test]
        fn another_expression_is_another_digest(one in "[ab\"]{1,4}", other in "[ab\"]{1,4}") {
            let text = |filter: &str| {
                let edit = Edit::SetFilter { table: "customers".into(), filter: Some(filter.into()) };
                apply(SAMPLE, &edit).unwrap()
            };
            prop_assert_eq!(of(&text(&one)) == of(&text(&other)), one == other);
        }
    }
}
