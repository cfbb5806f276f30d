//! The README tells the truth about keys and plans.

use std::path::Path;

use whimbrel::{console::key_table, plan::parse};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn its_key_table_is_the_catalogue() {
    let readme = readme();
    let shown = readme.split_once("<!-- keys -->\n").and_then(|(_, rest)| rest.split_once("<!-- /keys -->")).unwrap().0;
    assert!(shown == key_table(), "the table between the marks must be:\n{}", key_table());
}

#[test]
fn its_plan_is_one() {
    let readme = readme();
    let plan = readme.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let parsed = parse(plan);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    assert_eq!(parsed.plan.unwrap().tables[0].columns.len(), 8);
}
