//! How many colours a terminal has, and what becomes of those that it has not.

use ratatui::style::Color;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The sixteen that have names.
    Named,
    #[default]
    Indexed,
    True,
}

/// The named ones as xterm shows them: what a terminal really has is its own affair.
const NAMED: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The six steps of each colour in the cube of 216.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Depth {
    /// By what the environment says. True colour is never assumed: where it is missing, it is a mess.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        let plain = ["linux", "ansi", "xterm", "screen", "tmux", "rxvt", "cygwin", "eterm-color"];
        match variable("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ if term.ends_with("-direct") => Self::True,
            _ if plain.contains(&term.as_str()) || term.starts_with("vt") => Self::Named,
            _ => Self::Indexed,
        }
    }

    /// The nearest colour that there is.
    pub fn fit(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::True, _) | (Self::Indexed, Color::Indexed(_)) => colour,
            (Self::Indexed, Color::Rgb(red, green, blue)) => Color::Indexed(nearest_index([red, green, blue])),
            (Self::Named, Color::Rgb(..) | Color::Indexed(_)) => rgb(colour).map_or(colour, nearest_name),
            _ => colour,
        }
    }
}

/// What a colour looks like; none for the terminal's own.
pub(super) fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Reset => None,
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Indexed(index @ 0..16) => Some(NAMED[usize::from(index)].1),
        Color::Indexed(index @ 16..232) => {
            let place = usize::from(index - 16);
            Some([STEPS[place / 36], STEPS[place / 6 % 6], STEPS[place % 6]])
        }
        Color::Indexed(index) => Some([8 + (index - 232) * 10; 3]),
        named => NAMED.iter().find(|(colour, _)| *colour == named).map(|(_, rgb)| *rgb),
    }
}

fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
}

fn nearest_index(wanted: [u8; 3]) -> u8 {
    let far = |index: &u8| rgb(Color::Indexed(*index)).map_or(u32::MAX, |colour| distance(colour, wanted));
    (16..=255).min_by_key(far).unwrap_or(15)
}

fn is_grey(colour: [u8; 3]) -> bool {
    let (most, least) = (colour.iter().max(), colour.iter().min());
    most.zip(least).is_some_and(|(most, least)| most - least < 48)
}

/// A colour never becomes a grey: it would lose what it says. But a dark one becomes black, since all that have names are
/// light, and would be lost on the light ground that it is for.
fn nearest_name(wanted: [u8; 3]) -> Color {
    if wanted.iter().all(|part| *part < 128) {
        return Color::Black;
    }
    let alike = NAMED.iter().filter(|(_, colour)| is_grey(*colour) == is_grey(wanted));
    alike.min_by_key(|(_, colour)| distance(*colour, wanted)).map_or(Color::Reset, |(colour, _)| *colour)
}
