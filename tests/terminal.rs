//! The real binary on a pseudo-terminal: from opening the demo to a finished run with a prompt answered.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    binary::Desk,
    pty::{DOWN, ENTER, RIGHT, Terminal},
    servers::PostgresDatabase,
    sides::SqliteFile,
};

#[test]
fn from_the_demo_to_a_finished_run_with_a_prompt_answered() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.wait_for("● Fail and stop");
    let shown = terminal.text();
    let first = ["row 468 of customers", "'customer_id' has invalid value: \"ABC123\"", "Expected: Integer"];
    let other = ["row 387 of orders", "'quantity' has invalid value: \"two\"", "Expected: Integer"];
    let says = |words: [&str; 3]| words.iter().all(|words| shown.contains(words));
    assert!(says(first) || says(other), "whichever table came first:\n{shown}");
    terminal.press_in_prompt(&[DOWN, RIGHT, RIGHT, RIGHT]);
    terminal.wait_for("● Mark for review");
    terminal.wait_for("[whole run]");
    terminal.press(ENTER);
    terminal.wait_for("✓ completed");
    terminal.wait_for("read 42,800   written 42,788   skipped 0   flagged 12");
    terminal.press("6");
    terminal.wait_for("12 wait");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 3);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    let reviewed = desk.run_to(0, &["review"]);
    assert_eq!(reviewed.values[0]["runs"][0]["flagged"], 12);
}

#[test]
fn the_same_at_120_by_40_answered_with_stop_and_resumed_from_a_script() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 40, 120);
    terminal.start_the_demo();
    terminal.press_in_prompt(&[ENTER]);
    terminal.wait_for("stopped");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 1);
    let told = desk.run_to(3, &["run", "whimbrel-demo/demo.toml", "--resume", "--on-error", "flag"]);
    assert_eq!(told.result()["counts"]["written"], 42_788);
}

#[test]
fn a_database_is_copied_with_nine_keys() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    let mut terminal = Terminal::open(&desk, &[], 40, 120);
    terminal.wait_for("Shop to CredVault");
    terminal.press("n");
    terminal.wait_for("New Migration");
    for text in ["Quick copy", "", "sqlite:whimbrel-demo/credvault.sqlite", "sqlite:copy.sqlite"] {
        terminal.press(text);
        terminal.press(ENTER);
    }
    terminal.wait_for("☐ customers");
    terminal.press("a");
    terminal.wait_for("☑ customers");
    terminal.press("4");
    terminal.wait_for("Ready: s starts the migration");
    terminal.press("s");
    terminal.wait_for("Start the migration?");
    terminal.press("y");
    terminal.wait_for("Migrated: 42,788 / 42,788 rows");
    terminal.wait_for("✓ completed");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 0);
    let copy = SqliteFile::new(desk.path("copy.sqlite"));
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    for table in ["customers", "orders", "products"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(copy.count(&count), vault.count(&count), "{table}");
    }
    let listed = &desk.run_to(0, &[]).values[0];
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Quick copy", "Shop to CredVault"]);
}

#[test]
fn no_key_is_lost_however_fast_they_come() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &[], 24, 80);
    terminal.wait_for("No migration is known");
    terminal.press("n");
    terminal.wait_for("New Migration");
    let name: String = (0..200).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
    terminal.press(&format!("{name}\r\rsqlite:a.db\rsqlite:b.db\r"));
    terminal.wait_for("2 Tables▌");
    terminal.press("q");
    terminal.exit_code();
    assert!(desk.path(&format!("{name}.toml")).exists());
}

#[test]
fn a_run_outlives_its_terminal_and_is_come_back_to() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.hang_up();

    let live = &desk.run_to(0, &["status"]).values[0]["runs"];
    assert_eq!((live[0]["name"].as_str(), live[0]["phase"].as_str()), (Some("Shop to CredVault"), Some("running")));
    let mut back = Terminal::open(&desk, &["attach"], 24, 80);
    back.wait_for("Error on row ");
    back.press_in_prompt(&[DOWN, RIGHT, RIGHT, RIGHT]);
    back.wait_for("[whole run]");
    back.press(ENTER);
    back.wait_for("✓ completed");
    back.press("q");
    assert_eq!(back.exit_code(), 3);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 29_998);
}

#[test]
fn a_second_operator_watches_and_takes_over_when_let() {
    let desk = Desk::new();
    let mut first = Terminal::open(&desk, &["demo"], 40, 120);
    first.start_the_demo();
    first.press_in_prompt(&["\x1b"]);
    let mut second = Terminal::open(&desk, &["attach"], 40, 120);
    second.wait_for("watching tester");
    first.wait_for("2 operators");
    second.press("x");
    second.wait_for("tester is at the controls; T asks for them");
    second.press("T");
    first.wait_for("tester asks: T");
    first.press("T");
    first.wait_for("Hand the controls to tester?");
    first.press("y");
    first.wait_for("watching tester");
    second.wait_for("You are at the controls");
    second.press("x");
    second.wait_for("Stop the run?");
    second.press("y");
    second.wait_for("✗ stopped");
    first.wait_for("✗ stopped");
    second.press("q");
    first.press("q");
    assert_eq!(second.exit_code(), 1);
    assert_eq!(first.exit_code(), 1);
}

#[test]
fn a_script_stops_what_nobody_watches() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.press_in_prompt(&["\x1b", "\x04"]);
    assert_eq!(terminal.exit_code(), 0);
    let refused = desk.run_to(1, &["demo"]);
    assert!(refused.values[0]["error"].as_str().unwrap().contains("under way"), "{refused:?}");
    desk.run_to(0, &["pause"]);
    assert_eq!(desk.run_to(0, &["status"]).values[0]["runs"][0]["phase"], "paused");
    desk.run_to(0, &["resume", "whimbrel-demo/demo.toml"]);
    desk.run_to(0, &["stop"]);
    assert_eq!(desk.run_to(0, &["status"]).values[0]["runs"].as_array().unwrap().len(), 0);
    let error = &desk.run_to(1, &["stop"]).values[0]["error"];
    assert!(error.as_str().unwrap().contains("no run is under way"), "{error}");
}

/// Whether a sequence sets a colour: of the sixteen, of the 256, or of all.
fn is_colour(style: &str) -> bool {
    let mut parts = style.split(';').map(|part| part.parse::<u16>().unwrap_or(0));
    parts.any(|part| matches!(part, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

/// Whether a sequence sets a colour beyond the first sixteen.
fn is_of_many_colours(style: &str) -> bool {
    let parts: Vec<&str> = style.split(';').collect();
    let beyond = |rest: &[&str]| match rest {
        [_, "2", ..] => true,
        [_, "5", number, ..] => number.parse::<u16>().is_ok_and(|number| number > 15),
        _ => false,
    };
    (0..parts.len()).any(|at| ["38", "48"].contains(&parts[at]) && beyond(&parts[at..]))
}

#[test]
fn no_color_sends_no_colour_and_every_state_still_has_its_word() {
    let desk = Desk::new();
    let mut terminal = Terminal::open_with(&desk, &["demo"], (24, 80), &[("NO_COLOR", "1")]);
    terminal.wait_for("☑ customers");
    terminal.press("4");
    terminal.wait_for("Ready: s starts the migration");
    terminal.wait_for("✓ Source is accessible");
    terminal.press("7");
    terminal.wait_for("Validation: NOT RUN");
    let styles = terminal.styles();
    assert!(styles.len() > 20 && !styles.iter().any(|style| is_colour(style)), "{styles:?}");
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn the_linux_console_gets_ascii_and_its_sixteen_colours() {
    let desk = Desk::new();
    let variables = [("TERM", "linux"), ("WHIMBREL_THEME", "deuteranopia")];
    let mut terminal = Terminal::open_with(&desk, &["demo"], (24, 80), &variables);
    terminal.wait_for("x customers");
    let screen = terminal.text();
    assert!(screen.is_ascii() && screen.contains("+ Tables of the source"), "{screen}");
    let many = terminal.styles().into_iter().find(|style| is_of_many_colours(style));
    assert_eq!(many, None, "colours that the console has not");
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn a_dumb_terminal_is_told_what_to_use_and_answers_line_by_line() {
    let desk = Desk::new();
    let dumb = [("TERM", "dumb")];
    let refused = Terminal::open_with(&desk, &["whimbrel-demo/demo.toml"], (24, 80), &dumb);
    refused.wait_for("whimbrel-demo/demo.toml");
    assert_eq!(refused.exit_code(), 2);
    let mut terminal = Terminal::open_with(&desk, &["demo", "--plain"], (60, 100), &dumb);
    terminal.wait_for("Error on row ");
    terminal.wait_for("answer [2]: ");
    terminal.press("5\r");
    terminal.wait_for("'5' is none of these");
    terminal.press("3\r");
    terminal.wait_for("apply to [1]: ");
    terminal.press("4\r");
    terminal.wait_for("completed: 42,800 read = 42,788 written + 0 skipped + 12 flagged");
    assert!(!terminal.raw.lock().unwrap().contains(&0x1b), "no sequence at all");
    assert_eq!(terminal.exit_code(), 3);
    let refused = Terminal::open_with(&desk, &["whimbrel-demo/demo.toml"], (24, 80), &dumb);
    refused.wait_for("TERM=dumb");
    refused.wait_for("whimbrel run PLAN");
    assert_eq!(refused.exit_code(), 2);
}

#[test]
fn a_theme_that_is_not_there_is_told_before_anything_is_drawn() {
    let desk = Desk::new();
    let terminal = Terminal::open(&desk, &["--theme", "drak"], 24, 80);
    terminal.wait_for("there is no theme 'drak'");
    assert_eq!(terminal.exit_code(), 2);
}

#[test]
fn the_mouse_opens_a_stage_and_is_left_alone_where_that_is_wanted() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.wait_for("☑ customers");
    // The fourth stage, on the second line of the screen.
    let text = terminal.text();
    let line = text.lines().nth(1).unwrap();
    let column = line.chars().take_while(|char| *char != '4').count() + 1;
    terminal.press(&format!("\x1b[<0;{column};2M\x1b[<0;{column};2m"));
    terminal.wait_for("Checks before the migration");
    assert!(String::from_utf8_lossy(&terminal.raw.lock().unwrap()).contains("\x1b[?1000h"));
    terminal.press("q");
    terminal.exit_code();
    let mut terminal = Terminal::open(&desk, &["whimbrel-demo/demo.toml", "--no-mouse"], 24, 80);
    terminal.wait_for("Shop to CredVault");
    assert!(!String::from_utf8_lossy(&terminal.raw.lock().unwrap()).contains("\x1b[?1000h"));
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn a_finished_run_is_rolled_back_on_the_restore_screen() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    let points = desk.run_to(0, &["restore"]).values.pop().unwrap();
    let name = points["restore_points"][0]["name"].as_str().unwrap().to_owned();
    let made = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'customers'";
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count(made), 1);

    let mut terminal = Terminal::open(&desk, &["whimbrel-demo/demo.toml"], 24, 80);
    terminal.wait_for("✓ completed");
    terminal.press("5");
    terminal.wait_for("Validation: ");
    terminal.press("b");
    terminal.wait_for(&name);
    terminal.press(ENTER);
    terminal.wait_for("customers: dropped");
    terminal.press("b");
    terminal.wait_for("Type its name");
    terminal.press("nonsense");
    terminal.press(ENTER);
    terminal.wait_for("That is not its name");
    terminal.press(&"\x7f".repeat("nonsense".len()));
    terminal.press(&name);
    terminal.press(ENTER);
    terminal.wait_for("Restore: PASSED");
    terminal.wait_for("✓ customers: dropped");
    assert_eq!(vault.count(made), 0);
    terminal.press("q");
    // As the run left it: rows were skipped.
    assert_eq!(terminal.exit_code(), 3);
}

#[test]
fn a_group_of_flagged_rows_is_fixed_on_the_review_screen() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless"]);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 29_998);
    let mut terminal = Terminal::open(&desk, &["whimbrel-demo/demo.toml"], 24, 80);
    terminal.wait_for("✓ completed");
    terminal.press("6");
    terminal.wait_for("orders.quantity");
    terminal.press("G");
    terminal.press("f");
    terminal.wait_for("Fix 2 rows");
    terminal.press(&"\x7f".repeat("quantity".len()));
    terminal.press("case quantity when 'two' then 2 when 'a dozen' then 12 end");
    terminal.press(ENTER);
    terminal.wait_for("2 change, 0 stay as they are; none would still fail");
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 29_998);
    terminal.press(ENTER);
    terminal.wait_for("2 rows are written");
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 30_000);
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn status_shows_a_validation_under_way() {
    let desk = Desk::new();
    let source = SqliteFile::new(desk.path("source.sqlite"));
    source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'x'), (2, 'y')");
    let Some(database) = PostgresDatabase::create("status") else { return };
    let plan = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\n[[metric]]\n\
         name = \"slow\"\nsource = \"SELECT 1\"\ndestination = \"SELECT 1 + length(pg_sleep(600)::text)\"\n",
        database.url()
    );
    desk.write("plan.toml", &plan);
    let mut terminal = Terminal::open(&desk, &["run", "plan.toml"], 24, 80);
    let since = Instant::now();
    let run = loop {
        assert!(since.elapsed() < Duration::from_secs(90), "no validation is shown:\n{}", terminal.text());
        let runs = desk.run_to(0, &["status"]).values[0]["runs"].clone();
        if runs[0]["validating"].is_object() {
            break runs[0].clone();
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(run["counts"]["written"], 2, "{run:#}");
    let shown = desk.command(&["status"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("validating: ") && shown.contains(" tables, "), "{shown}");
    database.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
    );
    terminal.press("7");
    terminal.wait_for("INCONCLUSIVE");
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn what_a_table_holds_is_looked_at_column_by_column() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    let mut terminal = Terminal::open(&desk, &["whimbrel-demo/demo.toml"], 24, 80);
    terminal.wait_for("✓ completed");
    terminal.press("2");
    terminal.wait_for("☑ customers");
    terminal.press("i");
    terminal.wait_for("Profile of customers");
    terminal.wait_for("Figures of a sample: the first 10,000 rows");
    terminal.press("jjjj");
    terminal.wait_for("[Facts]");
    terminal.wait_for("looks like email");
    terminal.press("\t");
    terminal.wait_for("[Values]");
    terminal.press("a");
    terminal.wait_for("Figures of all 12,000 rows");
    terminal.press("g");
    terminal.wait_for("duplicates of (");
    terminal.press("\x1b");
    terminal.wait_for("☑ customers");
    terminal.press("q");
    terminal.exit_code();
}

#[test]
fn names_are_split_and_merged_on_the_map_and_arrive_so() {
    let desk = Desk::new();
    SqliteFile::new(desk.path("source.sqlite")).execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, street TEXT, town TEXT);
         INSERT INTO people VALUES (1, 'Ada King Lovelace', 'Main St 1', 'London'), (2, 'Cher', NULL, 'Paris'), \
         (3, NULL, NULL, NULL), (4, 'A B C', 'x', NULL);",
    );
    let target = SqliteFile::new(desk.path("target.sqlite"));
    target.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT, address TEXT);");
    desk.write(
        "plan.toml",
        "# ours\n[plan]\nname = \"people\"\n[source]\nurl = \"sqlite:source.sqlite\"\n\
         [destination]\nurl = \"sqlite:target.sqlite\"\n[[table]]\nfrom = \"people\" # all of them\n",
    );
    let mut terminal = Terminal::open(&desk, &["plan.toml"], 40, 120);
    terminal.wait_for("1 Connect");
    terminal.press("3");
    terminal.wait_for("unused: x leaves it behind");
    terminal.press("Gkk");
    terminal.press("s");
    terminal.wait_for("▸ Into      first, last, address");
    terminal.press(&"\x7f".repeat(", address".len()));
    terminal.wait_for("→ last");
    terminal.wait_for("King Lovelace");
    terminal.press(ENTER);
    // The form has the whole expression, the map behind it not.
    terminal.wait_for("nullif(substr(name, length(spli…");
    terminal.press("gjjj");
    terminal.press("m");
    terminal.wait_for("▸ Columns   street, town");
    terminal.wait_for("Main St 1 London");
    terminal.press(ENTER);
    terminal.wait_for("address: expression");
    terminal.press("q");
    terminal.exit_code();
    let plan = std::fs::read_to_string(desk.path("plan.toml")).unwrap();
    assert!(plan.starts_with("# ours\n") && plan.contains("from = \"people\" # all of them"), "{plan}");
    desk.run_to(0, &["run", "plan.toml"]);
    let rows = target.rows("SELECT first, last, address FROM people ORDER BY id");
    let rows: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect()).collect();
    assert_eq!(
        rows,
        [
            ["Ada", "King Lovelace", "Main St 1 London"],
            ["Cher", "NULL", "Paris"],
            ["NULL", "NULL", "NULL"],
            ["A", "B C", "x"],
        ]
    );
}

#[test]
fn the_rows_around_a_faulty_one_are_read_on_demand_from_the_prompt_and_in_review() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    let table = if terminal.text().contains("of customers") { "customers" } else { "orders" };
    terminal.press_in_prompt(&["n"]);
    terminal.wait_for("Rows around row ");
    terminal.wait_for("✗ ");
    terminal.wait_for(&format!("of {table}"));
    terminal.wait_for("... (showing ");
    terminal.press("\x1b");
    terminal.wait_for("● Fail and stop");
    terminal.press_in_prompt(&[DOWN, RIGHT, RIGHT, RIGHT, ENTER]);
    terminal.wait_for("✓ completed");
    terminal.press("6");
    terminal.wait_for("12 wait");
    terminal.press("j");
    terminal.press("n");
    terminal.wait_for("Rows around row ");
    terminal.wait_for("✗ ");
    terminal.press("q");
    terminal.wait_for("12 wait");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 3);
}
