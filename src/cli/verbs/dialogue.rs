//! A fault answered line by line, for terminals that cannot place a cursor and for screen readers.
//!
//! One idea: the conversation is a pure function of the lines that are typed; who prints and reads is elsewhere.

use crate::model::{Cell, Decision, Fault, NamedCell, Scope, clean, thousands};

/// What a line came to.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// To be said, and another line to be heard.
    More(String),
    Answer(Decision, Scope),
}

#[derive(Debug)]
enum Step {
    Choice,
    Scope(Decision),
    /// Cells that were given so far.
    Edit(Vec<NamedCell>),
}

#[derive(Debug)]
pub struct Dialogue {
    pub fault: Fault,
    step: Step,
}

const CHOICES: &str = "1 skip row, 2 fail and stop, 3 mark for review, 4 edit and retry\nanswer [2]: ";
const SCOPES: &str = "1 this row, 2 same column and cause, 3 this table, 4 whole run\napply to [1]: ";
const EDIT: &str = "write COLUMN=VALUE, or null COLUMN, a line each; an empty line tries the row again\n";

impl Dialogue {
    /// What is said first.
    pub fn open(fault: Fault) -> (Self, String) {
        let mut said = format!("\nError on row {} of {}:\n", thousands(fault.row), fault.table);
        for words in fault.words() {
            said += &format!("  {words}\n");
        }
        said += CHOICES;
        (Self { fault, step: Step::Choice }, said)
    }

    /// Takes a line in; none: there will be no more, and the run stops.
    pub fn hear(&mut self, line: Option<&str>) -> Heard {
        let Some(line) = line else { return Heard::Answer(Decision::Stop, Scope::Row) };
        match std::mem::replace(&mut self.step, Step::Choice) {
            Step::Choice => self.choose(line.trim()),
            Step::Scope(decision) => self.reach(decision, line.trim()),
            Step::Edit(cells) => self.edit(cells, line),
        }
    }

    fn choose(&mut self, line: &str) -> Heard {
        let decision = match line.to_lowercase().as_str() {
            "1" | "skip" => Decision::Skip,
            "" | "2" | "stop" => return Heard::Answer(Decision::Stop, Scope::Row),
            "3" | "flag" | "review" => Decision::Flag,
            "4" | "edit" => {
                self.step = Step::Edit(Vec::new());
                return Heard::More(self.cells() + EDIT);
            }
            other => return Heard::More(format!("'{}' is none of these\n{CHOICES}", clean(other))),
        };
        self.step = Step::Scope(decision);
        Heard::More(SCOPES.to_owned())
    }

    fn reach(&mut self, decision: Decision, line: &str) -> Heard {
        let scope = match line {
            "" | "1" => Scope::Row,
            "2" => Scope::ColumnAndCause,
            "3" => Scope::Table,
            "4" => Scope::Run,
            other => {
                self.step = Step::Scope(decision);
                return Heard::More(format!("'{}' is none of these\n{SCOPES}", clean(other)));
            }
        };
        Heard::Answer(decision, scope)
    }

    fn cells(&self) -> String {
        let cells = self.fault.cells.iter();
        cells.map(|named| format!("  {} = {}\n", named.name, clean(&named.cell.display()))).collect()
    }

    fn edit(&mut self, mut cells: Vec<NamedCell>, line: &str) -> Heard {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() && !cells.is_empty() {
            return Heard::Answer(Decision::Edit { cells }, Scope::Row);
        }
        let said = match changed(&self.fault, line) {
            Ok(cell) => {
                cells.retain(|other| other.name != cell.name);
                cells.push(cell);
                String::new()
            }
            Err(why) => format!("{why}\n{EDIT}"),
        };
        self.step = Step::Edit(cells);
        Heard::More(said)
    }
}

/// The cell that a line gives another value.
fn changed(fault: &Fault, line: &str) -> Result<NamedCell, String> {
    let (name, cell) = match (line.strip_prefix("null "), line.split_once('=')) {
        (Some(name), _) => (name.trim(), Cell::Null),
        (None, Some((name, value))) => (name.trim(), Cell::text(value)),
        (None, None) if line.is_empty() => return Err("nothing is changed: the row would fail again".to_owned()),
        (None, None) => return Err(format!("'{}' changes no column", clean(line))),
    };
    let known = fault.cells.iter().find(|named| named.name == name);
    let known = known.ok_or_else(|| format!("the row has no column '{}'", clean(name)))?;
    if matches!((&known.cell, &cell), (Cell::Bytes(_), Cell::Text(_))) {
        return Err(format!("{name} holds bytes: mark the row for review and edit it in the console"));
    }
    Ok(NamedCell { name: name.to_owned(), cell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, FaultId, RunId};

    fn fault() -> Fault {
        let named = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
        Fault {
            id: FaultId("a".into()),
            run: RunId("r".into()),
            table: "customers".into(),
            row: 45_632,
            column: Some("customer_id".into()),
            target: Some("id".into()),
            value: Some(Cell::text("ABC123")),
            expected: "Integer".into(),
            cause: Cause::Conversion,
            message: "cannot convert 'ABC123' to integer".into(),
            cells: vec![named("customer_id", "ABC123"), named("name", "Carol\u{1b}[2J")],
            digest: "d".into(),
        }
    }

    fn hear(lines: &[&str]) -> Heard {
        let (mut dialogue, _) = Dialogue::open(fault());
        let mut heard = Heard::More(String::new());
        for line in lines {
            heard = dialogue.hear(Some(line));
        }
        heard
    }

    #[test]
    fn the_product_s_own_error_in_lines() {
        let (_, said) = Dialogue::open(fault());
        for words in [
            "Error on row 45,632 of customers:",
            "Column 'customer_id' has invalid value: \"ABC123\"",
            "Expected: Integer",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn an_empty_line_and_no_line_stop() {
        assert_eq!(hear(&[""]), Heard::Answer(Decision::Stop, Scope::Row));
        assert_eq!(Dialogue::open(fault()).0.hear(None), Heard::Answer(Decision::Stop, Scope::Row));
    }

    #[test]
    fn a_choice_and_how_far_it_reaches() {
        assert_eq!(hear(&["3", "4"]), Heard::Answer(Decision::Flag, Scope::Run));
        assert_eq!(hear(&["skip", ""]), Heard::Answer(Decision::Skip, Scope::Row));
        assert_eq!(hear(&["yes", "1", "9", "2"]), Heard::Answer(Decision::Skip, Scope::ColumnAndCause));
        let Heard::More(said) = hear(&["\u{1b}[2J"]) else { panic!("it asks again") };
        assert!(said.contains("none of these") && !said.contains('\u{1b}'));
    }

    #[test]
    fn values_are_given_a_line_each() {
        let edited = |lines: &[&str]| match hear(lines) {
            Heard::Answer(Decision::Edit { cells }, Scope::Row) => cells,
            other => panic!("{other:?}"),
        };
        let cells = edited(&["4", "", "fax=1", "customer_id= 123 ", "null name", ""]);
        let named = |name: &str, cell| NamedCell { name: name.into(), cell };
        assert_eq!(cells, [named("customer_id", Cell::text(" 123 ")), named("name", Cell::Null)]);
    }
}
