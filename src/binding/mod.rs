//! A plan set against both sides as they are: each table's mapping resolved, typed as the destination will hold it, and
//! compiled. What the checks judge and a run performs is this one thing.
//!
//! Opens nothing and writes nothing. May not touch the engine, a terminal or sqlx.

mod left_behind;
mod naming;
mod replaced;
mod sketch;

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

use futures::future::{try_join, try_join_all};

use crate::{
    endpoint::{Catalog, Destination, EndpointError, ErrorKind, Source},
    model::{Column, LoadOrder, Problem, RowEncoding, Table, load_order},
    plan::{self, Document, Mapping, Origin, Phrase, Plan, Spans, TablePlan, mentions},
    transform::{CompileError, ExprError, RunInstant, Transform, column_names},
};

pub use left_behind::left_behind;
pub use sketch::sketch;

/// How many tables are looked at side by side.
const AT_ONCE: usize = 4;

/// One table of a plan, ready to check or run.
#[derive(Clone, Debug)]
pub struct Bound {
    pub mapping: Mapping,
    /// What creates the destination table and, when its rows are in, completes it, where it is not there.
    pub statements: Vec<String>,
    /// `None` where `problems` holds the reason.
    pub transform: Option<Transform>,
    /// Errors and warnings, placed in the plan's text where that is possible.
    pub problems: Vec<Problem>,
}

impl Bound {
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.error)
    }
}

/// All tables of a plan, in the order in which they load.
#[derive(Debug)]
pub struct Binding {
    pub tables: Vec<Bound>,
    pub order: LoadOrder,
}

/// What both sides said of their tables, kept so that an edit of a mapping asks nobody. Made anew to see changes.
#[derive(Debug, Default)]
pub struct Descriptions {
    source: HashMap<String, Option<Table>>,
    destination: HashMap<String, Option<Table>>,
}

/// What the digest of the mapping's rows is taken over: the written columns, as the destination holds them.
pub fn encoding(mapping: &Mapping, destination: &(impl Catalog + ?Sized)) -> RowEncoding {
    let columns = mapping.columns.iter().map(|mapped| &mapped.target);
    RowEncoding::of(columns.map(|column| (column, destination.padding(column))))
}

impl Descriptions {
    /// To look at these destination tables as whoever made them did: as not there yet.
    pub fn before(tables: impl IntoIterator<Item = String>) -> Self {
        Self { source: HashMap::new(), destination: tables.into_iter().map(|table| (table, None)).collect() }
    }
}

/// Describes both sides of every table and resolves and compiles its mapping. What is wrong with a mapping is in its
/// problems; an error is a side that cannot be asked.
pub async fn bind(
    document: &Document,
    plan: &Plan,
    source: &dyn Source,
    destination: &dyn Destination,
    descriptions: &mut Descriptions,
    instant: RunInstant,
) -> Result<Binding, EndpointError> {
    look_ahead(&plan.tables, source, destination, descriptions).await?;
    let mut bound = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        bound.push(describe(table, &document.spans, source, descriptions).await?);
    }
    let mut mappings: Vec<Mapping> = bound.iter_mut().map(|(mapping, _)| std::mem::take(mapping)).collect();
    plan::rename_foreign_keys(&mut mappings);
    let mut tables = Vec::with_capacity(mappings.len());
    for ((mut mapping, (_, missing)), planned) in mappings.into_iter().zip(bound).zip(&plan.tables) {
        hold_as_destination_does(&mut mapping, source, destination);
        carry_as_held(&mut mapping, planned, source, destination);
        tables.push(compile(&document.spans, mapping, missing, destination, instant));
    }
    naming::check(&mut tables, &document.spans, destination);
    let order = load_order(tables.iter().map(|table| &table.mapping.to));
    tables.sort_by_key(|table| order.tables.iter().position(|name| *name == table.mapping.to.name));
    Ok(Binding { tables, order })
}

/// Resolves one table; a source table that is not there comes back as a problem.
async fn describe(
    table: &TablePlan,
    spans: &Spans,
    source: &dyn Source,
    known: &Descriptions,
) -> Result<(Mapping, Option<Problem>), EndpointError> {
    let Some(mut from) = known.source.get(&table.from).cloned().flatten() else {
        let to = Table { name: table.to.clone(), ..Table::default() };
        let message = format!("the source has no table '{}'{}", table.from, nearest(source, &table.from).await?);
        let (line, column) = spans.table(&table.to).unwrap_or_default();
        let problem = Problem { line, column, error: true, message };
        return Ok((Mapping { to, ..Mapping::default() }, Some(problem)));
    };
    let to = known.destination.get(&table.to).cloned().flatten();
    read_as_asked(&mut from, table, source);
    let wrong = RefCell::new(Vec::new());
    let type_of = |sql: &str| {
        crate::transform::expression_type(&from, sql).map_err(|error| {
            wrong.borrow_mut().push((sql.to_owned(), error.clone()));
            error.to_string()
        })
    };
    let mut mapping = plan::resolve_placed(table, &from, to.as_ref(), &type_of, spans);
    for (sql, error) in wrong.into_inner() {
        point_into(table, spans, &sql, &error, &mut mapping.problems);
    }
    Ok((mapping, None))
}

/// A column whose type the plan changes is read as that type, where the source can: what its own type does not hold would
/// be a reject before the plan has a say. Not where an expression knows it by its own.
fn read_as_asked(from: &mut Table, table: &TablePlan, source: &dyn Source) {
    let texts = table.columns.iter().flat_map(|(_, column)| [&column.expr, &column.check]).chain([&table.filter]);
    let mentioned: BTreeSet<String> = texts.flatten().flat_map(|sql| mentions(sql)).collect();
    for (name, planned) in table.columns.iter().filter(|(_, planned)| planned.expr.is_none()) {
        let Some(ty) = &planned.ty else { continue };
        let own = planned.from.as_ref().unwrap_or(name);
        let takers = table.columns.iter().filter(|(name, other)| other.from.as_ref().unwrap_or(name) == own).count();
        let column = from.columns.iter_mut().find(|column| column.name == *own && !mentioned.contains(own));
        if let Some(column) = column.filter(|column| takers == 1 && source.reads_as(column, ty)) {
            column.ty.clone_from(ty);
        }
    }
}

/// Moves the problem of a wrong expression from its column to the place inside the expression.
fn point_into(table: &TablePlan, spans: &Spans, sql: &str, error: &ExprError, problems: &mut [Problem]) {
    let message = error.to_string();
    for (name, _) in table.columns.iter().filter(|(_, column)| column.expr.as_deref() == Some(sql)) {
        let phrase = Phrase::Expr(name.clone());
        let Some(place) = spans.expression_line(&table.to, &phrase, error.line.max(1), error.column.max(1)) else {
            continue;
        };
        let at_column = spans.column(&table.to, name);
        let its = |problem: &&mut Problem| {
            Some((problem.line, problem.column)) == at_column && problem.message.contains(&message)
        };
        for problem in problems.iter_mut().filter(its) {
            (problem.line, problem.column) = place;
        }
    }
}

/// Describes what of the plan's tables is not known yet, some at once.
async fn look_ahead(
    tables: &[TablePlan],
    source: &dyn Source,
    destination: &dyn Destination,
    known: &mut Descriptions,
) -> Result<(), EndpointError> {
    for some in tables.chunks(AT_ONCE) {
        let from = some.iter().map(|table| &table.from).filter(|name| !known.source.contains_key(*name));
        let to = some.iter().map(|table| &table.to).filter(|name| !known.destination.contains_key(*name));
        let from = try_join_all(from.map(|name| there(source, name)));
        let to = try_join_all(to.map(|name| there(destination, name)));
        let (from, to) = try_join(from, to).await?;
        known.source.extend(from);
        known.destination.extend(to);
    }
    Ok(())
}

/// A table by its name; nothing where there is none of that name.
async fn there(side: &(impl Catalog + ?Sized), table: &str) -> Result<(String, Option<Table>), EndpointError> {
    match side.describe(table).await {
        Ok(described) => Ok((table.to_owned(), Some(described))),
        Err(error) if error.kind == ErrorKind::NoTable => Ok((table.to_owned(), None)),
        Err(error) => Err(error),
    }
}

async fn nearest(source: &dyn Source, name: &str) -> Result<String, EndpointError> {
    let tables = source.tables().await?;
    let near = tables.iter().map(|entry| (strsim::damerau_levenshtein(&entry.name, name), &entry.name)).min();
    Ok(match near {
        Some((distance, near)) if distance <= 3 => format!("; did you mean '{near}'?"),
        _ => "; `whimbrel tables` lists those it has".to_owned(),
    })
}

/// For a table to be created: each column's type becomes what the destination makes of it.
fn hold_as_destination_does(mapping: &mut Mapping, source: &dyn Source, destination: &dyn Destination) {
    if mapping.exists {
        return;
    }
    let mut unchanged_names = BTreeSet::new();
    for mapped in &mut mapping.columns {
        let unchanged = match &mapped.origin {
            Origin::Column(name) => {
                let same_type = mapping.from.column(name).is_some_and(|column| column.ty == mapped.target.ty);
                same_type && mapped.values.is_none()
            }
            Origin::Expr(_) | Origin::Default => false,
        };
        let wanted = mapped.target.clone();
        let held = destination.column_for(&wanted, unchanged.then(|| source.system()));
        // What becomes of these, the whole table decides.
        let (default, identity, generation) = (wanted.default, wanted.identity, wanted.generation);
        mapped.target = Column { default, identity, generation, ..held };
        mapped.meant = Some(wanted.ty);
        if unchanged {
            unchanged_names.insert(mapped.target.name.clone());
        }
        if let Some(column) = mapping.to.columns.iter_mut().find(|column| column.name == mapped.target.name) {
            *column = mapped.target.clone();
        }
    }
    destination.dress(&mut mapping.to, source.system(), &unchanged_names);
    for mapped in &mut mapping.columns {
        if let Some(dressed) = mapping.to.column(&mapped.target.name) {
            mapped.target = dressed.clone();
        }
        mapped.meant = mapped.meant.take().filter(|meant| *meant != mapped.target.ty);
    }
    let generated = mapping.columns.iter().filter(|mapped| mapped.target.generated);
    mapping.unfilled.extend(generated.map(|mapped| mapped.target.name.clone()));
    mapping.columns.retain(|mapped| !mapped.target.generated);
}

/// Between two of the same system, columns that nothing looks at travel as that system holds them, if that says more
/// than their types do. A type that the plan writes is one to hold them to.
fn carry_as_held(mapping: &mut Mapping, planned: &TablePlan, source: &dyn Source, destination: &dyn Destination) {
    if source.system() != destination.system() {
        return;
    }
    let mut looked_at = looked_at(mapping);
    looked_at.extend(planned.columns.iter().filter(|(_, column)| column.ty.is_some()).map(|(name, _)| name.clone()));
    for mapped in &mut mapping.columns {
        let Origin::Column(name) = &mapped.origin else { continue };
        let Some(from) = mapping.from.columns.iter_mut().find(|column| column.name == *name) else { continue };
        // Of two columns that declare the same a look at rows may have told the one from the other.
        let alike = from.ty == mapped.target.ty || from.native == mapped.target.native;
        let plain = alike && mapped.meant.is_none() && mapped.values.is_none();
        if !plain || mapped.default.is_some() || looked_at.contains(name) || looked_at.contains(&mapped.target.name) {
            continue;
        }
        let (left, right) = (source.travelling(from), destination.travelling(&mapped.target));
        let Some(ty) = left.filter(|left| right.as_ref() == Some(left)) else { continue };
        if let Some(column) = mapping.to.columns.iter_mut().find(|column| column.name == mapped.target.name) {
            column.ty.clone_from(&ty);
        }
        from.ty.clone_from(&ty);
        mapped.target.ty = ty;
    }
}

/// The columns that an expression, the filter or a check names, or that feed more than one.
fn looked_at(mapping: &Mapping) -> BTreeSet<String> {
    let expressions = mapping.columns.iter().filter_map(|column| match &column.origin {
        Origin::Expr(sql) => Some(sql),
        Origin::Column(_) | Origin::Default => None,
    });
    let checks = mapping.columns.iter().filter_map(|column| column.check.as_ref());
    let mut names: BTreeSet<String> =
        expressions.chain(checks).chain(&mapping.filter).flat_map(|sql| column_names(sql)).collect();
    let mut fed = BTreeSet::new();
    let sources = mapping.columns.iter().filter_map(|column| column.source_column());
    names.extend(sources.filter(|name| !fed.insert(*name)).map(str::to_owned).collect::<Vec<_>>());
    names
}

fn compile(
    spans: &Spans,
    mapping: Mapping,
    missing: Option<Problem>,
    destination: &dyn Destination,
    instant: RunInstant,
) -> Bound {
    let mut problems: Vec<Problem> = missing.into_iter().chain(mapping.problems.iter().cloned()).collect();
    let mut transform = None;
    if !problems.iter().any(|problem| problem.error) {
        match Transform::compile(&mapping, instant) {
            Ok(compiled) => transform = Some(compiled),
            Err(errors) => problems.extend(errors.iter().map(|error| placed(spans, &mapping.to.name, error))),
        }
    }
    let statements = match mapping.exists || mapping.columns.is_empty() {
        true => Vec::new(),
        false => {
            let later = destination.later_statements(&mapping.to);
            destination.create_statements(&mapping.to).into_iter().chain(later).collect()
        }
    };
    Bound { mapping, statements, transform, problems }
}

/// A mistake inside an expression, at its place in the plan's text where that is known.
fn placed(spans: &Spans, table: &str, error: &CompileError) -> Problem {
    let phrase = match error.column.as_str() {
        "where" => Phrase::Filter,
        column => Phrase::Expr(column.to_owned()),
    };
    let inside = spans.expression_line(table, &phrase, error.line.max(1), error.position.max(1));
    let (line, column) =
        inside.or_else(|| spans.column(table, &error.column)).or_else(|| spans.table(table)).unwrap_or_default();
    Problem { line, column, error: true, message: format!("{table}.{}: {}", error.column, error.message) }
}
