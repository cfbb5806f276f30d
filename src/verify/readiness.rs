//! Whether now is the time: the plan's type, its window, and a test before production.

use chrono::NaiveDateTime;

use crate::{
    plan::{Kind, MOMENT, Plan, mapping_digest},
    protocol::{CheckItem, CheckState},
};

/// What to look at beside both sides.
#[derive(Debug)]
pub struct Moment<'m> {
    pub plan: &'m Plan,
    /// On the clock of this host.
    pub now: NaiveDateTime,
    /// The plans of all runs of this host that came to their end.
    pub completed: &'m [Plan],
}

/// The checks that have something to say about this plan.
pub fn readiness(moment: &Moment<'_>) -> Vec<CheckItem> {
    [kind(moment), window(moment), tested(moment)].into_iter().flatten().collect()
}

fn kind(moment: &Moment<'_>) -> Option<CheckItem> {
    (moment.plan.kind == Kind::Continuous).then(|| CheckItem {
        name: "Type of the migration".into(),
        state: CheckState::Failed,
        details: vec![
            "this version cannot keep two sides in sync; set kind = \"one-time\", or \"scheduled\" to run again and again"
                .into(),
        ],
    })
}

fn window(moment: &Moment<'_>) -> Option<CheckItem> {
    let when = &moment.plan.when;
    if !when.is_limited() {
        return None;
    }
    let now = moment.now.format(MOMENT);
    let (state, detail) = match when.is_open(moment.now) {
        true => (CheckState::Passed, format!("{when}; it is {now} here")),
        false => {
            let next = when.next_opening(moment.now).format(MOMENT);
            let detail = format!("it is {now} here, and the plan is to run {when}: next from {next}");
            (CheckState::Unconfirmed, detail)
        }
    };
    Some(CheckItem { name: "Time to run".into(), state, details: vec![detail] })
}

/// A label that names the real thing.
pub fn is_production(plan: &Plan) -> bool {
    plan.destination.label.as_ref().is_some_and(|label| label.to_lowercase().starts_with("prod"))
}

fn tested(moment: &Moment<'_>) -> Option<CheckItem> {
    if !is_production(moment.plan) {
        return None;
    }
    let mapping = mapping_digest(moment.plan);
    let same = |run: &&Plan| mapping_digest(run) == mapping;
    let mut runs = moment.completed.iter().filter(same);
    let (state, detail) = match runs.next() {
        Some(_) => (CheckState::Passed, "the same mapping came to its end on this host before".to_owned()),
        None => {
            let detail = "the destination is production, and no run of this mapping came to its end on this host: try a \
                          copy of the plan with a test destination first";
            (CheckState::Unconfirmed, detail.to_owned())
        }
    };
    Some(CheckItem { name: "Tested before production".into(), state, details: vec![detail] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{moment, parse};

    fn plan(label: &str, url: &str, more: &str) -> Plan {
        let text = format!(
            "[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"{url}\"\nlabel = \"{label}\"\n{more}\n[[table]]\nfrom = \"t\"\n"
        );
        parse(&text).plan.unwrap()
    }

    fn states(plan: &Plan, now: &str, completed: &[Plan]) -> Vec<(String, CheckState)> {
        let items = readiness(&Moment { plan, now: moment(now).unwrap(), completed });
        items.into_iter().map(|item| (item.name, item.state)).collect()
    }

    #[test]
    fn production_wants_a_finished_run_of_the_same_mapping_first() {
        let production = plan("Production", "sqlite:real.db", "");
        let name = "Tested before production".to_owned();
        let now = "2026-06-12 12:00";
        let other = parse("[source]\nurl=\"sqlite:a.db\"\n[destination]\nurl=\"sqlite:b.db\"\n[[table]]\nfrom=\"u\"\n");
        let unrelated = [other.plan.unwrap()];
        assert_eq!(states(&production, now, &unrelated), [(name.clone(), CheckState::Unconfirmed)]);
        let test = [plan("test", "sqlite:test.db", "")];
        assert_eq!(states(&production, now, &test), [(name, CheckState::Passed)]);
        assert_eq!(states(&test[0], now, &[]), []);
    }

    #[test]
    fn outside_its_window_a_plan_waits_for_a_word() {
        let plan = plan("test", "sqlite:b.db", "[when]\nwindow = \"22:00-05:00\"");
        let name = "Time to run".to_owned();
        assert_eq!(states(&plan, "2026-06-12 12:00", &[]), [(name.clone(), CheckState::Unconfirmed)]);
        assert_eq!(states(&plan, "2026-06-12 23:00", &[]), [(name, CheckState::Passed)]);
        let items = readiness(&Moment { plan: &plan, now: moment("2026-06-12 12:00").unwrap(), completed: &[] });
        assert!(items[0].details[0].ends_with("next from 2026-06-12 22:00"), "{:?}", items[0]);
    }

    #[test]
    fn a_continuous_plan_is_not_run_as_something_else() {
        let text =
            "[plan]\nkind = \"continuous\"\n[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n";
        let plan = parse(text).plan.unwrap();
        assert_eq!(states(&plan, "2026-06-12 12:00", &[])[0].1, CheckState::Failed);
    }
}
