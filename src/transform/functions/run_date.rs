//! `run_date()`: the day on which the run started, in UTC, however often it is resumed.

use datafusion::{
    arrow::datatypes::DataType,
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RunDate {
    signature: Signature,
}

impl RunDate {
    pub(super) fn new() -> Self {
        Self { signature: Signature::nullary(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for RunDate {
    fn name(&self) -> &str {
        "run_date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    /// Compiling puts the date in its place.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(start) = context.query_execution_start_time() else { return Ok(ExprSimplifyResult::Original(args)) };
        let days = start.timestamp().div_euclid(86_400);
        let days = i32::try_from(days).map_err(|_| DataFusionError::Plan("the run's date is out of range".into()))?;
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(ScalarValue::Date32(Some(days)), None)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Plan("run_date() is only known once a run has started".into()))
    }
}
