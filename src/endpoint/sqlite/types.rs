//! SQLite's declared types and what they mean here.
//!
//! SQLite enforces no declared type: a column has an affinity, and a cell holds whatever was put into it. So a type is
//! read from the spelling, as people mean it, and [`super::decode`] holds every cell to it.

use crate::model::{Column, ColumnType, System};

/// What SQLite does to a value on its way into a column (datatype3.html, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    pub(super) fn of(declared: &str) -> Self {
        let name = declared.to_ascii_uppercase();
        let has = |part: &str| name.contains(part);
        match () {
            () if has("INT") => Self::Integer,
            () if has("CHAR") || has("CLOB") || has("TEXT") => Self::Text,
            () if has("BLOB") || name.trim().is_empty() => Self::Blob,
            () if has("REAL") || has("FLOA") || has("DOUB") => Self::Real,
            () => Self::Numeric,
        }
    }

    /// Whether text that looks like a number becomes one.
    pub(super) fn converts_text(self) -> bool {
        matches!(self, Self::Integer | Self::Real | Self::Numeric)
    }
}

/// The most decimal digits that a double always gives back.
pub(super) const DOUBLE_DIGITS: u8 = 15;

/// The type that a declaration means. A name that SQLite does not know reads as text, in which numbers show as
/// themselves; its affinity would refuse all text there.
pub(super) fn column_type(declared: &str) -> ColumnType {
    let upper = declared.trim().to_ascii_uppercase();
    let name = upper.split('(').next().unwrap_or_default().trim_end();
    match name {
        "DATE" => ColumnType::Date,
        "TIME" => ColumnType::Time,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => ColumnType::Timestamp { zone: false },
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "DATETIMETZ" => ColumnType::Timestamp { zone: true },
        "UUID" | "GUID" | "UNIQUEIDENTIFIER" => ColumnType::Uuid,
        "JSON" => ColumnType::Json,
        "BOOL" | "BOOLEAN" => ColumnType::Boolean,
        "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => decimal(&upper),
        "NUM" | "MONEY" | "CURRENCY" | "SMALLMONEY" => ColumnType::Numeric,
        "BINARY" | "VARBINARY" | "BYTEA" => ColumnType::Bytes { max: None },
        // These contain INT by accident.
        "INTERVAL" => ColumnType::TEXT,
        "FLOATING POINT" => ColumnType::DOUBLE,
        _ => by_affinity(name),
    }
}

fn by_affinity(name: &str) -> ColumnType {
    match Affinity::of(name) {
        _ if name.starts_with("BOOL") => ColumnType::Boolean,
        Affinity::Integer => ColumnType::BIGINT,
        Affinity::Real => ColumnType::DOUBLE,
        Affinity::Blob if !name.is_empty() => ColumnType::Bytes { max: None },
        Affinity::Text | Affinity::Blob | Affinity::Numeric => ColumnType::TEXT,
    }
}

/// `DECIMAL(10,2)` as such; without digits, or with more than a double holds, as a number of any length.
fn decimal(declared: &str) -> ColumnType {
    let arguments = declared.split_once('(').and_then(|(_, rest)| rest.trim_end().strip_suffix(')'));
    let parsed = arguments.and_then(|arguments| {
        let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
        Some((precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?))
    });
    match parsed {
        Some((precision @ 1..=DOUBLE_DIGITS, scale)) if (0..=precision.cast_signed()).contains(&scale) => {
            ColumnType::Decimal { precision, scale }
        }
        _ => ColumnType::Numeric,
    }
}

/// How SQLite holds the column when it creates it; what SQLite would round or convert is held as text.
pub(super) fn column_for(column: &Column, from: Option<System>) -> Column {
    if from == Some(System::Sqlite) {
        return Column { native: safe_native(&column.native), ..column.clone() };
    }
    let native = native(&column.ty);
    Column { ty: column_type(&native), native, generated: false, default: None, ..column.clone() }
}

fn native(ty: &ColumnType) -> String {
    match ty {
        ColumnType::Boolean => "BOOLEAN".into(),
        // Beyond 2^63 an integer would become a double, so the 64-bit unsigned are kept as their digits.
        ColumnType::Integer { bits: 64, unsigned: true } => "TEXT".into(),
        ColumnType::Integer { .. } => "INTEGER".into(),
        ColumnType::Decimal { precision, scale } if *precision <= DOUBLE_DIGITS && *scale >= 0 => {
            format!("DECIMAL({precision},{scale})")
        }
        ColumnType::Float { .. } => "REAL".into(),
        ColumnType::Text { max: Some(max) } => format!("VARCHAR({max})"),
        ColumnType::Bytes { .. } => "BLOB".into(),
        ColumnType::Date => "DATE".into(),
        ColumnType::Time => "TIME".into(),
        ColumnType::Timestamp { zone: false } => "TIMESTAMP".into(),
        ColumnType::Timestamp { zone: true } => "TIMESTAMPTZ".into(),
        // TEXT affinity: SQLite's NUMERIC affinity would turn a UUID or a JSON that looks like a number into one.
        ColumnType::Decimal { .. }
        | ColumnType::Numeric
        | ColumnType::Text { max: None }
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Other(_) => "TEXT".into(),
    }
}

/// A declared type as another file spelt it goes into a statement of ours: only if it is nothing but a type.
pub(super) fn safe_native(declared: &str) -> String {
    const CLAUSES: [&str; 12] = [
        "PRIMARY",
        "KEY",
        "NOT",
        "NULL",
        "UNIQUE",
        "CHECK",
        "DEFAULT",
        "COLLATE",
        "REFERENCES",
        "GENERATED",
        "AS",
        "CONSTRAINT",
    ];
    let (name, arguments) = match declared.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end().strip_suffix(')').unwrap_or("?")),
        None => (declared, ""),
    };
    let words = |text: &str| text.chars().all(|char| char.is_ascii_alphanumeric() || "_ ".contains(char));
    let numbers = |text: &str| text.chars().all(|char| char.is_ascii_digit() || "+-, ".contains(char));
    let clause = |word: &str| CLAUSES.contains(&word.to_ascii_uppercase().as_str());
    if words(name) && numbers(arguments) && !name.split_whitespace().any(clause) {
        return declared.to_owned();
    }
    native(&column_type(declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_read_as_people_mean_them() {
        for (declared, ty) in [
            ("INTEGER", "bigint"),
            ("tinyint(1)", "bigint"),
            ("UNSIGNED BIG INT", "bigint"),
            ("BOOLEAN", "boolean"),
            ("bool", "boolean"),
            ("NUMERIC(10,2)", "decimal(10,2)"),
            ("decimal( 15 , 15 )", "decimal(15,15)"),
            ("DECIMAL(5)", "decimal(5,0)"),
            ("DECIMAL(16,2)", "numeric"),
            ("NUMERIC", "numeric"),
            ("REAL", "double"),
            ("DOUBLE PRECISION", "double"),
            ("FLOAT", "double"),
            ("FLOATING POINT", "double"),
            ("NVARCHAR(160)", "text"),
            ("CLOB", "text"),
            ("TEXT", "text"),
            ("", "text"),
            ("STRING", "text"),
            ("INTERVAL", "text"),
            ("BLOB", "bytes"),
            ("DATE", "date"),
            ("DATETIME", "timestamp"),
            ("timestamp(6)", "timestamp"),
            ("TIMESTAMPTZ", "timestamptz"),
            ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
            ("TIME", "time"),
            ("UUID", "uuid"),
            ("JSON", "json"),
        ] {
            assert_eq!(column_type(declared).to_string(), ty, "{declared}");
        }
    }

    #[test]
    fn a_created_column_is_described_as_it_was_promised() {
        for ty in ColumnType::NAMES.iter().map(|name| name.replace("(p,s)", "(12,4)").replace("(n)", "(30)")) {
            let column = column_for(&Column::new("x", ty.parse().unwrap()), Some(System::Postgres));
            assert_eq!(column_type(&column.native), column.ty, "{ty}");
        }
        for (ty, native) in [
            ("bigint unsigned", "TEXT"),
            ("integer unsigned", "INTEGER"),
            ("decimal(15,2)", "DECIMAL(15,2)"),
            ("decimal(16,2)", "TEXT"),
            ("numeric", "TEXT"),
            ("json", "TEXT"),
            ("timestamptz", "TIMESTAMPTZ"),
        ] {
            assert_eq!(column_for(&Column::new("x", ty.parse().unwrap()), None).native, native, "{ty}");
        }
    }

    #[test]
    fn a_column_of_another_sqlite_file_keeps_its_spelling_if_it_is_a_type() {
        let of = |native: &str| {
            let column = Column { native: native.into(), ..Column::new("x", column_type(native)) };
            column_for(&column, Some(System::Sqlite)).native
        };
        assert_eq!(of("NVARCHAR(160)"), "NVARCHAR(160)");
        assert_eq!(of(""), "");
        assert_eq!(of("INT); DROP TABLE x; --"), "INTEGER");
        assert_eq!(of("INT PRIMARY KEY"), "INTEGER");
        assert_eq!(of("TEXT DEFAULT (1)"), "TEXT");
    }

    #[test]
    fn affinities_follow_sqlites_rules() {
        assert_eq!(Affinity::of("POINT"), Affinity::Integer);
        assert_eq!(Affinity::of("STRING"), Affinity::Numeric);
        assert_eq!(Affinity::of(""), Affinity::Blob);
        assert_eq!(Affinity::of("JSON"), Affinity::Numeric);
    }
}
