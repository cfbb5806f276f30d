//! What a mapping does to the values of each column.
//!
//! One idea: whether a default stepped in is told by the same mapping without its defaults, which leaves NULL there.

use datafusion::arrow::{array::Array, record_batch::RecordBatch};

use crate::{
    model::{Cell, cell_at},
    plan::{Mapping, Origin},
    protocol::{DryColumn, DryExample},
    transform::{Applied, RunInstant, Transform, TransformError},
};

/// So many values of a column are shown.
const SHOWN: usize = 3;

pub(super) struct Columns {
    pub(super) told: Vec<DryColumn>,
    /// For each, the source column that alone feeds it, by its place.
    sources: Vec<Option<usize>>,
    /// The mapping without defaults, and which columns have one.
    bare: Option<(Transform, Vec<bool>)>,
}

impl Columns {
    pub(super) fn of(mapping: &Mapping, instant: RunInstant) -> Self {
        let told = mapping.columns.iter().map(|mapped| DryColumn {
            column: mapped.target.name.clone(),
            origin: match &mapped.origin {
                Origin::Column(name) => format!("{}.{name}", mapping.from.name),
                Origin::Expr(sql) => sql.clone(),
                Origin::Default => "its default".to_owned(),
            },
            ..DryColumn::default()
        });
        let place = |name: &str| mapping.from.columns.iter().position(|column| column.name == name);
        let sources = mapping.columns.iter().map(|mapped| match &mapped.origin {
            Origin::Column(name) => place(name),
            Origin::Expr(sql) => match crate::transform::column_names(sql).as_slice() {
                [only] => place(only),
                _ => None,
            },
            Origin::Default => None,
        });
        Self { told: told.collect(), sources: sources.collect(), bare: without_defaults(mapping, instant) }
    }

    /// Takes in a batch that was made of `source`; `first` is the number of its first row, `places` says where its rows
    /// stand behind that.
    pub(super) fn count(
        &mut self,
        source: &RecordBatch,
        applied: &Applied,
        (first, places): (u64, &[usize]),
    ) -> Result<(), TransformError> {
        let bare = match &self.bare {
            Some((transform, _)) => Some(transform.apply(source)?),
            None => None,
        };
        for index in 0..self.told.len() {
            let after = applied.batch.column(index);
            let before = self.sources[index].map(|place| source.column(place));
            let has_default = self.bare.as_ref().is_some_and(|(_, defaults)| defaults[index]);
            let plain = before.is_some_and(|before| before.data_type() == after.data_type());
            for (made, row) in applied.rows.iter().enumerate() {
                let was = before.map(|array| cell_at(array, *row));
                if plain && before.is_some_and(|before| before.is_null(*row)) && after.is_null(made) {
                    continue;
                }
                let is = cell_at(after, made);
                let defaulted = has_default && !is.is_null() && is_null(bare.as_ref(), index, *row);
                let told = &mut self.told[index];
                let counted = match &was {
                    _ if defaulted => &mut told.defaulted,
                    Some(was) if *was == is => continue,
                    Some(was) if is.is_null() && !was.is_null() => &mut told.nulled,
                    None if is.is_null() => continue,
                    _ => &mut told.converted,
                };
                *counted += 1;
                // Of each kind the first is shown, so that the frequent do not hide the rare.
                if *counted == 1 || told.examples.len() < SHOWN {
                    let row = first + places[*row] as u64;
                    told.examples.push(DryExample { row, before: was, after: is });
                }
            }
        }
        Ok(())
    }
}

/// Whether the row comes out NULL there without defaults.
fn is_null(bare: Option<&Applied>, column: usize, row: usize) -> bool {
    let Some(bare) = bare else { return false };
    bare.rows.binary_search(&row).is_ok_and(|made| cell_at(bare.batch.column(column), made) == Cell::Null)
}

fn without_defaults(mapping: &Mapping, instant: RunInstant) -> Option<(Transform, Vec<bool>)> {
    let defaults: Vec<bool> = mapping.columns.iter().map(|mapped| mapped.default.is_some()).collect();
    if !defaults.contains(&true) {
        return None;
    }
    let mut bare = mapping.clone();
    for mapped in &mut bare.columns {
        mapped.check = None;
        if mapped.default.take().is_some() {
            mapped.target.nullable = true;
        }
    }
    Transform::compile(&bare, instant).ok().map(|transform| (transform, defaults))
}
