//! Which theme and which characters a terminal gets, from options and environment; asks the terminal nothing.

use super::Theme;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Appearance {
    #[default]
    Dark,
    Light,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    On,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Borders {
    /// ASCII for `TERM=linux` and where the locale is not UTF-8.
    #[default]
    Auto,
    Unicode,
    Ascii,
}

/// How everything is shown on one terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    pub theme: Theme,
    /// Line drawing and signs as ASCII.
    pub ascii: bool,
    /// Whether letters outside of ASCII can be shown.
    pub utf8: bool,
}

impl Look {
    /// `variable` looks up the environment.
    pub fn choose(
        appearance: Appearance,
        colour: Colour,
        borders: Borders,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let coloured = match colour {
            Colour::On => true,
            Colour::Off => false,
            Colour::Auto => set("NO_COLOR").is_none() && term != "dumb",
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let utf8 = borders == Borders::Unicode || locale.contains("utf-8") || locale.contains("utf8");
        let ascii = match borders {
            Borders::Ascii => true,
            Borders::Unicode => false,
            Borders::Auto => term == "linux" || !utf8,
        };
        Self { theme: if coloured { Theme::built_in(appearance) } else { Theme::mono() }, ascii, utf8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(colour: Colour, borders: Borders, environment: &[(&str, &str)]) -> Look {
        Look::choose(Appearance::Dark, colour, borders, |name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_is_respected() {
        let mono = |look: Look| look.theme == Theme::mono();
        let utf8 = ("LANG", "de_DE.UTF-8");
        assert!(!mono(look(Colour::Auto, Borders::Auto, &[utf8])));
        assert!(mono(look(Colour::Auto, Borders::Auto, &[("NO_COLOR", "1")])));
        assert!(!mono(look(Colour::Auto, Borders::Auto, &[("NO_COLOR", "")])));
        assert!(mono(look(Colour::Auto, Borders::Auto, &[("TERM", "dumb")])));
        assert!(!mono(look(Colour::On, Borders::Auto, &[("NO_COLOR", "1")])));
        assert!(!look(Colour::Auto, Borders::Auto, &[utf8]).ascii);
        assert!(look(Colour::Auto, Borders::Auto, &[utf8, ("TERM", "linux")]).ascii);
        assert!(look(Colour::Auto, Borders::Auto, &[("LANG", "C")]).ascii);
        assert!(look(Colour::Auto, Borders::Auto, &[utf8, ("LC_ALL", "POSIX")]).ascii);
    }
}
