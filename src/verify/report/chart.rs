//! Rows a second over the run's time, as a drawing inside the page.

use std::fmt::Write as _;

use super::Moment;
use crate::model::thousands;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 120;
/// The bars of a run, at most.
const BARS: u64 = 60;

/// `None` where nothing was committed.
pub(super) fn throughput(moments: &[Moment], from_ms: u64) -> Option<String> {
    let last = moments.iter().map(|moment| moment.at_ms).max()?;
    let span = last.saturating_sub(from_ms).max(1);
    let bars = BARS.min(moments.len() as u64 * 2).max(1);
    let mut rows = vec![0_u64; bars as usize];
    for moment in moments {
        let at = moment.at_ms.saturating_sub(from_ms) * (bars - 1) / span;
        rows[at.min(bars - 1) as usize] += moment.rows;
    }
    let speed = |rows: u64| rows.saturating_mul(1_000 * bars) / span;
    let most = rows.iter().copied().max().unwrap_or(0).max(1);
    let step = WIDTH / bars;
    let mut drawing = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"rows a second over time\">\n<text x=\"0\" y=\"12\">{} rows/s at \
         most</text>\n<line x1=\"0\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\" class=\"axis\"/>\n",
        WIDTH + 8,
        HEIGHT + 40,
        thousands(speed(most)),
        y = HEIGHT + 20
    );
    for (place, rows) in rows.iter().enumerate() {
        let height = (rows * HEIGHT / most).max(u64::from(*rows > 0));
        let (x, y) = (place as u64 * step, HEIGHT + 20 - height);
        let _ = writeln!(
            drawing,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\"><title>{} rows/s</title></rect>",
            step.saturating_sub(2).max(1),
            thousands(speed(*rows))
        );
    }
    let _ = write!(
        drawing,
        "<text x=\"0\" y=\"{0}\">0 s</text><text x=\"{WIDTH}\" y=\"{0}\" text-anchor=\"end\">{1} s</text>\n</svg>",
        HEIGHT + 36,
        thousands(span.div_ceil(1_000))
    );
    Some(drawing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_time_is_the_tallest_bar() {
        let moment = |at_ms, rows| Moment { at_ms, rows };
        assert_eq!(throughput(&[], 0), None);
        let drawing = throughput(&[moment(1_000, 100), moment(2_000, 400)], 1_000).unwrap();
        assert_eq!(drawing.matches("<rect").count(), 4);
        assert_eq!(drawing.matches(&format!("height=\"{HEIGHT}\"")).count(), 1, "{drawing}");
        assert!(drawing.contains("1,600 rows/s at most"), "{drawing}");
    }
}
