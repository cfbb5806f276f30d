//! What a fuzzer may do to a plan: any text.

use super::{Edit, apply, digest, parse};

/// Asserts that every problem has a place in the text, and that an edit of what does not count keeps the meaning.
pub fn plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = parse(text);
    let lines = text.split('\n').count();
    assert!(parsed.problems.iter().all(|problem| problem.line <= lines), "{:?}", parsed.problems);
    let Some(plan) = parsed.plan else { return };
    if let Ok(renamed) = apply(text, &Edit::SetName { name: "another name".into() }) {
        let again = parse(&renamed).plan;
        assert_eq!(again.as_ref().map(digest), Some(digest(&plan)), "the name does not count:\n{renamed}");
        assert_eq!(again.map(|plan| plan.name), Some("another name".to_owned()));
    }
}

#[cfg(test)]
const SEEDS: &[&[u8]] = &[
        b"[plan]\nname = \"a\"\nkind = \"scheduled\"\n[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"csv:out\"\ncsv = { delimiter = \";\" }\n\
          [when]\nwindow = \"22:00-05:00\"\n[run]\non_error = \"flag\"\nparallel = 2\n[[table]]\nfrom = \"t\"\nskip = [\"x\"]\n\
          where = \"a > 1\"\n[table.columns]\nid = \"key\"\nb = { expr = \"upper(b)\", default = 1, values = { g = 1 }, check = \"b > 0\" }\n",
        b"# a comment\r\nsource.url = 'mysql://u@h/d'\r\ndestination = { url = \"postgres://u@h/d\", password = { env = \"P\" } }\r\ntable = [{ from = \"t\" }]\r\n",
        "[source]\nurl = \"sqlite:größe.db\"\n[destination]\nurl = \"\"\"csv:x\"\"\"\n[[table]]\nfrom = \"日本\"\n".as_bytes(),
    ];

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1_500))]
    #[test]
    fn any_text_is_a_plan_or_says_why_not(data in crate::model::fuzzing::damaged(SEEDS)) {
        plan(&data);
    }
}
