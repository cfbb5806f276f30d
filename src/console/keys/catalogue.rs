//! Everything an operator can do, once: feeds keymap, footer, help and palette.

/// Where an action's keys work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Everywhere,
    Migrations,
    Connect,
    Tables,
    Map,
    Check,
    Run,
    Review,
    Validate,
    Restore,
    Preview,
    Sample,
    Profile,
}

impl Scope {
    pub fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Migrations => "Migrations",
            Self::Connect => "Connect",
            Self::Tables => "Tables",
            Self::Map => "Map",
            Self::Check => "Check",
            Self::Run => "Run",
            Self::Review => "Review",
            Self::Validate => "Validate",
            Self::Restore => "Restore",
            Self::Preview => "Rows",
            Self::Sample => "Sample",
            Self::Profile => "Profile",
        }
    }

    /// Whether its keys are those of an overlay, which hides what lies below.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Preview | Self::Sample | Self::Profile)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionId {
    Migrations,
    OpenMigration,
    NewMigration,
    ReloadMigrations,
    Connect,
    Tables,
    Map,
    Check,
    Run,
    Review,
    Validate,
    Restore,
    NextScreen,
    PreviousScreen,
    Help,
    Palette,
    Answer,
    Undo,
    Redo,
    Back,
    Log,
    Theme,
    Mouse,
    Repaint,
    Suspend,
    Detach,
    TakeOver,
    Quit,
    EditSide,
    OtherSide,
    TestSide,
    ToggleTable,
    ToggleTables,
    PreviewTable,
    CountTable,
    FilterTables,
    MapTable,
    ReloadTables,
    EditColumn,
    EditValues,
    SkipColumn,
    SplitColumn,
    MergeColumns,
    NextTable,
    PreviousTable,
    EditFilter,
    ShowCreate,
    PreviewMapped,
    RunChecks,
    Start,
    PauseResume,
    MoreParallel,
    LessParallel,
    Throttle,
    TableDetail,
    Errors,
    Stop,
    RollBack,
    EditRow,
    RetryRow,
    FixGroup,
    RetryGroup,
    StopRetrying,
    DiscardRow,
    LookAround,
    Reveal,
    FilterReview,
    ReloadReview,
    RunValidation,
    StopValidation,
    ProofDetail,
    NextUnproven,
    FilterProof,
    PreviewRestore,
    GoBack,
    FilterPoints,
    PurgePoint,
    ExportOthers,
    PurgeExpired,
    ReloadPoints,
    ApproveRow,
    RejectRow,
    RemarkRow,
    ApproveMatching,
    ProfileTable,
    ProfileAll,
    ProfileSample,
    StopProfile,
    Inspect,
    NextPage,
    PreviousPage,
    FirstPage,
    LastPage,
    CopyCell,
    CopyRow,
}

impl ActionId {
    /// As the operator's file of keys calls it: `pause-resume`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for char in format!("{self:?}").chars() {
            if char.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(char.to_ascii_lowercase());
        }
        name
    }
}

#[derive(Debug)]
pub struct Action {
    pub id: ActionId,
    /// Short enough for the footer.
    pub title: &'static str,
    /// A sentence for help.
    pub help: &'static str,
    pub scope: Scope,
    /// The first is the one that is shown.
    pub keys: &'static [&'static str],
    /// Whether the footer shows it, space permitting; in the order of the catalogue.
    pub footer: bool,
}

const fn shown(
    id: ActionId,
    scope: Scope,
    keys: &'static [&'static str],
    title: &'static str,
    help: &'static str,
) -> Action {
    Action { id, title, help, scope, keys, footer: true }
}

const fn quiet(
    id: ActionId,
    scope: Scope,
    keys: &'static [&'static str],
    title: &'static str,
    help: &'static str,
) -> Action {
    Action { footer: false, ..shown(id, scope, keys, title, help) }
}

use ActionId as Id;

/// The screen's own actions first: the footer keeps this order.
pub static ACTIONS: &[Action] = &[
    shown(Id::OpenMigration, Scope::Migrations, &["enter"], "open", "Open the migration under the cursor"),
    shown(Id::NewMigration, Scope::Migrations, &["n"], "New Migration", "Make a new migration: name, type, both sides"),
    quiet(Id::ReloadMigrations, Scope::Migrations, &["r"], "reload", "Look for migrations again"),
    shown(Id::EditSide, Scope::Connect, &["enter"], "edit", "Edit the field under the cursor, or press the button"),
    shown(Id::OtherSide, Scope::Connect, &["left", "right", "h", "l"], "other side", "Go to the other side's panel"),
    shown(Id::TestSide, Scope::Connect, &["t"], "test", "Connect to this side and show its version"),
    shown(Id::ToggleTable, Scope::Tables, &["space"], "select", "Take the table into the plan, or out of it"),
    shown(
        Id::ToggleTables,
        Scope::Tables,
        &["a"],
        "all",
        "Take all tables that are shown into the plan; if they are in it, out of it",
    ),
    shown(Id::PreviewTable, Scope::Tables, &["enter", "p"], "rows", "Look at the table's rows"),
    shown(Id::MapTable, Scope::Tables, &["m"], "map", "Go to the mapping of the table"),
    shown(Id::CountTable, Scope::Tables, &["c"], "count", "Count the table's rows exactly"),
    shown(
        Id::FilterTables,
        Scope::Tables,
        &["/"],
        "filter",
        "Show only tables whose name fits: letters in order, or a pattern like sales_*",
    ),
    shown(Id::ProfileTable, Scope::Tables, &["i"], "profile", "What the table's rows hold, column by column"),
    quiet(Id::ReloadTables, Scope::Tables, &["r"], "reload", "Read the list of tables again"),
    shown(Id::EditColumn, Scope::Map, &["enter", "e"], "edit", "Edit what makes the destination column"),
    shown(Id::EditValues, Scope::Map, &["v"], "values", "Say for each value of the column what it becomes"),
    shown(
        Id::SkipColumn,
        Scope::Map,
        &["x"],
        "skip",
        "Leave the column behind or unfilled on purpose; again: undo that",
    ),
    shown(Id::NextTable, Scope::Map, &["]"], "next table", "Go to the mapping of the next table"),
    quiet(Id::PreviousTable, Scope::Map, &["["], "previous table", "Go to the mapping of the table before"),
    shown(Id::EditFilter, Scope::Map, &["w"], "where", "Edit the condition that rows must meet"),
    shown(Id::Undo, Scope::Map, &["u"], "undo", "Take back the last edit of the plan"),
    quiet(Id::Redo, Scope::Map, &["ctrl-r"], "redo", "Make the edit again that was taken back"),
    shown(Id::PreviewMapped, Scope::Map, &["p"], "rows", "Look at the source table's rows"),
    shown(Id::ProfileTable, Scope::Map, &["i"], "profile", "What the source table's rows hold, column by column"),
    shown(Id::ShowCreate, Scope::Map, &["d"], "DDL", "Show the statements that would create the destination table"),
    shown(Id::SplitColumn, Scope::Map, &["s"], "split", "Split the source column among destination columns"),
    shown(Id::MergeColumns, Scope::Map, &["m"], "merge", "Make the destination column of several source columns"),
    shown(Id::RunChecks, Scope::Check, &["r"], "run checks", "Run the checks again"),
    shown(Id::Start, Scope::Check, &["s"], "start", "Start the migration, or go on with the stopped one"),
    shown(Id::Answer, Scope::Run, &["a"], "answer", "Answer the oldest open error"),
    shown(Id::Start, Scope::Run, &["s"], "start", "Start the migration, or go on with the stopped one"),
    shown(Id::PauseResume, Scope::Run, &["p"], "pause", "Pause after the chunks under way, or go on"),
    shown(Id::Stop, Scope::Run, &["x"], "stop", "Halt the run; it can be resumed"),
    shown(Id::MoreParallel, Scope::Run, &["+", "="], "more at once", "One more table at once"),
    quiet(Id::LessParallel, Scope::Run, &["-"], "fewer at once", "One table less at once"),
    shown(Id::TableDetail, Scope::Run, &["enter"], "table", "Show the table in detail"),
    shown(Id::Errors, Scope::Run, &["e"], "errors", "List the errors, newest first; open ones can be answered"),
    shown(Id::Throttle, Scope::Run, &["t"], "limit", "Hold the run back to so many rows a second, or let it go"),
    shown(Id::RollBack, Scope::Run, &["b"], "roll back", "Go to the restore point that was made before the run"),
    shown(Id::EditRow, Scope::Review, &["enter", "i"], "edit and retry", "Change the row's values and try it again"),
    shown(Id::RetryRow, Scope::Review, &["r"], "retry", "Try the row again as it is"),
    shown(
        Id::FixGroup,
        Scope::Review,
        &["f"],
        "fix group",
        "Make a column of all rows of the group anew by an expression, see what it makes, and try them again",
    ),
    quiet(Id::RetryGroup, Scope::Review, &["R"], "retry group", "Try all rows of the group again as they are"),
    shown(
        Id::StopRetrying,
        Scope::Review,
        &["x"],
        "break off",
        "Break off trying rows again, behind the row under way",
    ),
    shown(Id::DiscardRow, Scope::Review, &["d"], "discard", "Give the row up, with a reason"),
    shown(Id::LookAround, Scope::Review, &["n"], "rows around", "Show the source's rows before and after this one"),
    shown(
        Id::Reveal,
        Scope::Review,
        &["v"],
        "private values",
        "Show the row's private values; the audit trail says that you did",
    ),
    shown(
        Id::FilterReview,
        Scope::Review,
        &["/"],
        "filter",
        "Show only rows whose table, column, cause or message has this text",
    ),
    quiet(Id::ReloadReview, Scope::Review, &["ctrl-r"], "reload", "Read the flagged rows again"),
    shown(
        Id::ProofDetail,
        Scope::Validate,
        &["enter"],
        "rows",
        "Show the table's checks, differences and sample in full",
    ),
    shown(
        Id::RunValidation,
        Scope::Validate,
        &["r"],
        "validate",
        "Set what the destination holds against what the run wrote",
    ),
    shown(Id::StopValidation, Scope::Validate, &["x"], "break off", "Break off the validation under way"),
    shown(Id::NextUnproven, Scope::Validate, &["n"], "next not passed", "Go to the next table that did not pass"),
    shown(Id::FilterProof, Scope::Validate, &["/"], "filter", "Show only tables whose name or verdict has this text"),
    shown(
        Id::PreviewRestore,
        Scope::Restore,
        &["enter"],
        "preview",
        "Read what going back would do, and show all of it; nothing is written",
    ),
    shown(Id::GoBack, Scope::Restore, &["b"], "go back", "Go back to the restore point; its name is typed first"),
    shown(
        Id::FilterPoints,
        Scope::Restore,
        &["/"],
        "filter",
        "Show only restore points whose name, maker or state has this text",
    ),
    shown(Id::PurgeExpired, Scope::Restore, &["x"], "purge expired", "Take off this host what is kept beyond its time"),
    shown(
        Id::ExportOthers,
        Scope::Restore,
        &["o"],
        "export others",
        "Write the rows that others wrote since to files; the destination stays as it is",
    ),
    quiet(
        Id::PurgePoint,
        Scope::Restore,
        &["D"],
        "purge",
        "Take what this restore point keeps off this host; its name is typed first",
    ),
    quiet(Id::ReloadPoints, Scope::Restore, &["ctrl-r"], "reload", "Read the restore points again"),
    shown(Id::ApproveRow, Scope::Sample, &["a"], "approve", "Approve the sampled row under the cursor"),
    shown(
        Id::RejectRow,
        Scope::Sample,
        &["x"],
        "reject",
        "Reject the row, with a reason: the validation does not pass until it is approved",
    ),
    shown(Id::RemarkRow, Scope::Sample, &["c"], "comment", "Say something of the row, and decide nothing"),
    shown(
        Id::ApproveMatching,
        Scope::Sample,
        &["A"],
        "all matching",
        "Approve all rows of the table's sample that match and are not decided",
    ),
    shown(Id::Inspect, Scope::Preview, &["enter"], "whole cell", "Show the cell's whole value"),
    shown(Id::NextPage, Scope::Preview, &["n"], "next rows", "The next page of rows"),
    shown(Id::PreviousPage, Scope::Preview, &["b"], "rows before", "The page of rows before"),
    quiet(Id::FirstPage, Scope::Preview, &["<"], "first rows", "The table's first rows"),
    quiet(Id::LastPage, Scope::Preview, &[">"], "last rows", "The table's last rows"),
    shown(Id::CopyCell, Scope::Preview, &["y"], "copy", "Send the cell to the terminal's clipboard"),
    quiet(Id::CopyRow, Scope::Preview, &["Y"], "copy row", "Send the row to the terminal's clipboard, tab-separated"),
    shown(Id::ProfileAll, Scope::Profile, &["a"], "all rows", "Look at all rows of the table"),
    shown(Id::ProfileSample, Scope::Profile, &["s"], "sample", "Look at the first 10,000 rows only"),
    shown(
        Id::StopProfile,
        Scope::Profile,
        &["x"],
        "break off",
        "Break the look off; what was seen stays, and is marked so",
    ),
    quiet(Id::Migrations, Scope::Everywhere, &["0"], "Migrations", "All migrations of this host; make a new one"),
    quiet(Id::Connect, Scope::Everywhere, &["1"], "Connect", "Both sides of the migration"),
    quiet(Id::Tables, Scope::Everywhere, &["2"], "Tables", "What to migrate"),
    quiet(Id::Map, Scope::Everywhere, &["3"], "Map", "Which column feeds which"),
    quiet(Id::Check, Scope::Everywhere, &["4"], "Check", "What must hold before a start"),
    quiet(Id::Run, Scope::Everywhere, &["5"], "Run", "The run and its progress"),
    quiet(Id::Review, Scope::Everywhere, &["6"], "Review", "Flagged rows"),
    quiet(Id::Validate, Scope::Everywhere, &["7"], "Validate", "Whether all rows arrived as they should"),
    quiet(Id::Restore, Scope::Everywhere, &["8"], "Restore", "Restore points, and the way back to them"),
    quiet(Id::NextScreen, Scope::Everywhere, &["tab"], "next screen", "Go to the next screen"),
    quiet(Id::PreviousScreen, Scope::Everywhere, &["shift-tab"], "screen before", "Go to the screen before"),
    quiet(Id::Back, Scope::Everywhere, &["esc"], "back", "Climb one level: close, clear the filter"),
    shown(Id::Detach, Scope::Everywhere, &["ctrl-d"], "detach", "Leave the console; the run goes on in its host"),
    quiet(
        Id::TakeOver,
        Scope::Everywhere,
        &["T"],
        "controls",
        "Ask whoever is at the controls for them; answer whoever asks",
    ),
    shown(Id::Palette, Scope::Everywhere, &[":", "ctrl-p"], "command", "Find an action by name and run it"),
    shown(Id::Help, Scope::Everywhere, &["?"], "help", "The keys, searchable"),
    quiet(
        Id::Log,
        Scope::Everywhere,
        &["L"],
        "log",
        "What happened, with the time: the run's facts and the host's log",
    ),
    quiet(
        Id::Theme,
        Scope::Everywhere,
        &["ctrl-t"],
        "theme",
        "Choose the colours: dark, light, high-contrast and others",
    ),
    quiet(
        Id::Mouse,
        Scope::Everywhere,
        &["M"],
        "mouse",
        "Leave the mouse to the terminal, which then selects text; or take it back",
    ),
    quiet(Id::Repaint, Scope::Everywhere, &["ctrl-l"], "repaint", "Draw the whole screen again"),
    quiet(Id::Suspend, Scope::Everywhere, &["ctrl-z"], "suspend", "Back to the shell; `fg` returns"),
    quiet(Id::Quit, Scope::Everywhere, &["q", "ctrl-c"], "quit", "Leave the console"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_and_means_one_thing_in_its_scope() {
        let mut seen = std::collections::HashSet::new();
        for (action, key) in ACTIONS.iter().flat_map(|action| action.keys.iter().map(move |key| (action, key))) {
            let press: super::super::KeyPress = key.parse().unwrap();
            assert!(seen.insert((action.scope, press)), "{key}");
        }
    }

    #[test]
    fn no_screen_hides_a_key_that_works_everywhere() {
        let everywhere = ACTIONS.iter().filter(|action| action.scope == Scope::Everywhere);
        for key in everywhere.flat_map(|action| action.keys) {
            let hidden = ACTIONS.iter().find(|action| {
                action.scope != Scope::Everywhere && !action.scope.is_over() && action.keys.contains(key)
            });
            assert!(hidden.is_none(), "{key}: {hidden:?}");
        }
    }

    #[test]
    fn every_action_says_what_it_does() {
        for action in ACTIONS {
            assert!(action.help.len() > 5 && !action.title.is_empty() && !action.keys.is_empty(), "{action:?}");
            assert!(action.title.len() <= 16, "{}", action.title);
        }
    }
}
