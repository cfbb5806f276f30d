//! Values too long to be held by every buffer on their way to the server.
//!
//! One idea: the server gets such a value in pieces, as variables of the session, and puts them together in the statement
//! that takes the row. So nothing here holds more of it than a piece, beside the batch it came in.

use sqlx::mysql::MySqlArguments;

use super::{connect::Session, encode::Bound, error::Complaint, sql};
use crate::endpoint::Result;

/// A value of more bytes goes in pieces: below, buffers cost nothing.
const LONG: usize = 8 << 20;

/// Bytes of a piece; with what is around it less than the least that a server takes of a value that is [`LONG`].
const PIECE: usize = 4 << 20;

/// What one row binds, its long values replaced by expressions.
pub(super) struct Pieces<'b> {
    /// What stands in the statement for each value.
    pub(super) places: Vec<String>,
    /// The values that are bound as they are.
    pub(super) bound: Vec<&'b Bound<'b>>,
    pieces: Vec<Bound<'b>>,
}

pub(super) fn is_long(bound: &Bound<'_>) -> bool {
    match bound {
        Bound::Text(text) => text.len() > LONG,
        Bound::Bytes(bytes) => bytes.len() > LONG,
        _ => false,
    }
}

impl<'b> Pieces<'b> {
    /// `placeholders`: what stands for each value where none is long.
    pub(super) fn of(row: &'b [Bound<'b>], placeholders: &[String]) -> Self {
        let mut pieces = Self { places: Vec::new(), bound: Vec::new(), pieces: Vec::new() };
        for (bound, placeholder) in row.iter().zip(placeholders) {
            if !is_long(bound) {
                pieces.places.push(placeholder.clone());
                pieces.bound.push(bound);
                continue;
            }
            let first = pieces.pieces.len();
            pieces.pieces.extend(cut(bound));
            let names: Vec<String> = (first..pieces.pieces.len()).map(variable).collect();
            pieces.places.push(format!("CONCAT({})", names.join(", ")));
        }
        pieces
    }

    /// Gives the server the pieces; its complaint, should it have one.
    pub(super) async fn send(&self, session: &mut Session) -> Result<Option<Complaint>> {
        for (number, piece) in self.pieces.iter().enumerate() {
            let mut arguments = MySqlArguments::default();
            piece.add_to(&mut arguments).map_err(sql::cannot_bind)?;
            if let Err(complaint) = session.run(&format!("SET {} = ?", variable(number)), arguments, false).await? {
                return Ok(Some(complaint));
            }
        }
        Ok(None)
    }

    /// What takes the pieces from the server again.
    pub(super) fn forget(&self) -> String {
        let names: Vec<String> = (0..self.pieces.len()).map(|number| format!("{} = NULL", variable(number))).collect();
        format!("SET {}", names.join(", "))
    }
}

fn variable(number: usize) -> String {
    format!("@whimbrel_{number}")
}

/// Pieces of a text end between characters.
fn cut<'b>(bound: &Bound<'b>) -> Vec<Bound<'b>> {
    let mut pieces = Vec::new();
    match bound {
        Bound::Bytes(bytes) => pieces.extend(bytes.chunks(PIECE).map(Bound::Bytes)),
        Bound::Text(text) => {
            let mut rest: &'b str = text;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
                pieces.push(Bound::Text(piece));
                rest = behind;
            }
        }
        _ => {}
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_together_are_the_value() {
        let text = "é".repeat(PIECE + 1);
        let row = [Bound::Integer(1), Bound::Text(&text), Bound::Null];
        let placeholders = ["?", "?", "?"].map(str::to_owned);
        let pieces = Pieces::of(&row, &placeholders);
        assert_eq!(pieces.places, ["?", "CONCAT(@whimbrel_0, @whimbrel_1, @whimbrel_2)", "?"]);
        assert_eq!(pieces.bound, [&row[0], &row[2]]);
        let odd = format!("x{text}");
        let texts = cut(&Bound::Text(&odd));
        let of = |piece: &Bound<'_>| match piece {
            Bound::Text(text) => (*text).to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(texts.iter().map(of).collect::<String>(), odd);
        assert!(texts.iter().all(|piece| of(piece).len() <= PIECE), "a character is not cut");
    }
}
