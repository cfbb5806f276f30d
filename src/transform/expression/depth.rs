//! Expressions that nest deeply must not overflow the stack, which would end the process and not just the compiling.
//!
//! Parser, planner and simplifier all recurse, with frames of many kilobytes: 25 nested calls were seen to overflow the
//! 2 MB of a worker thread. So compiling has a thread of its own, of which the length of a text bounds the need; and what
//! is compiled is shallow enough to be evaluated on any thread.

use std::thread;

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion, TreeNodeVisitor},
    error::Result as PlanResult,
    logical_expr::Expr,
    sql::sqlparser::{
        dialect::GenericDialect,
        tokenizer::{Token, Tokenizer},
    },
};

use crate::transform::ExprError;

/// Address space; only what is used becomes memory.
const STACK_BYTES: usize = 128 << 20;

const MOST_WORDS: usize = 4000;

const MOST_LEVELS: usize = 100;

/// Does the work on a stack that no expression overflows.
pub(in crate::transform) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ExprError> {
    let gone = |what: &str| ExprError::new(format!("the expression could not be compiled: {what}"));
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("compile".into()).stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| gone(&error.to_string()))?;
        thread.join().map_err(|_| gone("its compiler failed; write it in another way"))
    })
}

/// Bounds what the parser is given. What has no tokens is left for the parser to explain.
pub(super) fn check_length(sql: &str) -> Result<(), ExprError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    let words = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if words <= MOST_WORDS {
        return Ok(());
    }
    Err(ExprError::new(format!(
        "the expression is too long: {words} words where {MOST_WORDS} are the most; a value map may do instead"
    )))
}

/// Bounds what is evaluated.
pub(super) fn check_levels(logical: &Expr) -> Result<(), ExprError> {
    let mut levels = Levels::default();
    let _ = logical.visit(&mut levels);
    if levels.most <= MOST_LEVELS {
        return Ok(());
    }
    Err(ExprError::new(format!(
        "the expression nests too deeply: {} levels where {MOST_LEVELS} are the most; use concat(a, b, ...), IN (...) or \
         parentheses around halves",
        levels.most
    )))
}

#[derive(Default)]
struct Levels {
    now: usize,
    most: usize,
}

impl<'n> TreeNodeVisitor<'n> for Levels {
    type Node = Expr;

    fn f_down(&mut self, _: &'n Expr) -> PlanResult<TreeNodeRecursion> {
        self.now += 1;
        self.most = self.most.max(self.now);
        Ok(TreeNodeRecursion::Continue)
    }

    fn f_up(&mut self, _: &'n Expr) -> PlanResult<TreeNodeRecursion> {
        self.now -= 1;
        Ok(TreeNodeRecursion::Continue)
    }
}
