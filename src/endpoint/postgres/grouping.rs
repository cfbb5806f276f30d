//! When several batches are worth one COPY.

/// Whether batches are tried together. Where rows are refused again and again, a try costs more than it brings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grouping {
    /// Groups to let pass before the next try, and how many the last failed try made of them.
    rest: u32,
    penalty: u32,
}

impl Grouping {
    pub(super) fn may_try(&mut self) -> bool {
        let may = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        may
    }

    pub(super) fn tried(&mut self, written: bool) {
        self.penalty = if written { 0 } else { (self.penalty * 2).clamp(1, 64) };
        self.rest = self.penalty;
    }
}
