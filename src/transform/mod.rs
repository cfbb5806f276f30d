//! A table's mapping compiled to expressions over Arrow batches; names the rows that fail.
