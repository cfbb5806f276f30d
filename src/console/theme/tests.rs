//! Themes: every one readable, whole, and told apart by whoever it is for.

use ratatui::style::{Color, Modifier, Style};

use super::{depth::rgb, *};

const ROLES: [Role; 21] = [
    Role::Text,
    Role::Muted,
    Role::Title,
    Role::Border,
    Role::BorderFocus,
    Role::Selection,
    Role::Header,
    Role::Ok,
    Role::Warn,
    Role::Error,
    Role::Danger,
    Role::Key,
    Role::Hint,
    Role::Gauge,
    Role::GaugeRest,
    Role::Null,
    Role::Changed,
    Role::Stage,
    Role::StageNow,
    Role::Toast,
    Role::Field,
];

/// Text and ground of a terminal that a theme is for.
fn terminal(name: &str) -> ([u8; 3], [u8; 3]) {
    if name == "light" { ([0, 0, 0], [255, 255, 255]) } else { ([229, 229, 229], [0, 0, 0]) }
}

fn linear(part: f64) -> f64 {
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| linear(f64::from(part) / 255.0));
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// As WCAG has it: from 1 to 21.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

/// What a role's text and ground look like. Dim is what xterm makes of it: two thirds.
fn shown(theme: &Theme, name: &str, style: Style) -> ([u8; 3], [u8; 3]) {
    let (text, ground) = terminal(name);
    let own = |colour: Option<Color>, base: Option<Color>, other| colour.or(base).and_then(rgb).unwrap_or(other);
    let mut text = own(style.fg, theme.ground().fg, text);
    let mut ground = own(style.bg, theme.ground().bg, ground);
    if style.add_modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut text, &mut ground);
    }
    if style.add_modifier.contains(Modifier::DIM) {
        let mixed = |at: usize| (f64::from(text[at]) * 2.0 / 3.0 + f64::from(ground[at]) / 3.0) as u8;
        text = [mixed(0), mixed(1), mixed(2)];
    }
    (text, ground)
}

#[test]
fn every_theme_names_every_role() {
    for name in Shelf::default().names() {
        let theme = Shelf::default().theme(&name).unwrap();
        assert_eq!(theme.styles.len(), ROLES.len(), "{name}");
    }
}

#[test]
fn every_text_stands_out_from_its_ground() {
    for name in Shelf::default().names() {
        let least = if name == "high-contrast" { 7.0 } else { 4.5 };
        for (depth, least) in [(Depth::True, least), (Depth::Indexed, least), (Depth::Named, 3.0)] {
            let theme = Shelf::default().theme(&name).unwrap().fitted(depth);
            for role in ROLES {
                let (text, ground) = shown(&theme, &name, theme.style(role));
                let ratio = contrast(text, ground);
                assert!(ratio >= least, "{name} {role:?} {depth:?}: {ratio:.1} of {text:?} on {ground:?}");
            }
        }
    }
}

/// What a colour becomes to an eye without one kind of cone (Machado and others, 2009).
fn seen(colour: [u8; 3], eye: [[f64; 3]; 3]) -> [f64; 3] {
    let light = colour.map(|part| linear(f64::from(part) / 255.0));
    eye.map(|row| {
        let sum: f64 = row.iter().zip(light).map(|(weight, part)| weight * part).sum();
        sum.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0
    })
}

#[test]
fn good_care_and_bad_are_told_apart_by_the_eyes_that_a_theme_is_for() {
    let deuteranope =
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
    let tritanope = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]];
    for (name, eye) in [("deuteranopia", deuteranope), ("tritanopia", tritanope)] {
        for depth in [Depth::True, Depth::Indexed] {
            let theme = Shelf::default().theme(name).unwrap().fitted(depth);
            let colours =
                [Role::Ok, Role::Warn, Role::Error].map(|role| (role, shown(&theme, name, theme.style(role)).0));
            for (one, other) in [(0, 1), (0, 2), (1, 2)] {
                let (one, other) = (colours[one], colours[other]);
                let (left, right) = (seen(one.1, eye), seen(other.1, eye));
                let apart = left.iter().zip(right).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt();
                assert!(apart > 75.0, "{name}: {:?} and {:?} are {apart:.0} apart", one.0, other.0);
            }
        }
    }
}

#[test]
fn the_theme_without_colour_has_none() {
    let mono = Shelf::default().theme("mono").unwrap();
    for style in mono.styles.values() {
        assert_eq!((style.fg, style.bg), (None, None));
    }
}

#[test]
fn own_themes_inherit_and_take_the_place_of_others() {
    let shelf = Shelf::with(&[
        ("dark", "inherits = \"dark\"\n[palette]\ngood = \"blue\""),
        ("night", "inherits = \"dark\"\n[roles]\nerror = { fg = \"#123456\" }"),
    ]);
    assert_eq!(shelf.names().last().map(String::as_str), Some("night"));
    let style = |name: &str, role| shelf.theme(name).unwrap().style(role);
    assert_eq!(style("dark", Role::Ok).fg, Some(Color::Blue));
    assert_eq!(style("night", Role::Ok).fg, Some(Color::Blue), "it takes from the operator's dark");
    assert_eq!(style("night", Role::Error).fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
    assert_eq!(style("light", Role::Header), Style::new().bold());
}

#[test]
fn what_is_wrong_with_a_theme_is_said_with_its_place() {
    let says = |text: &str, words: &[&str]| {
        let error = Shelf::with(&[("mine", text)]).theme("mine").unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    says("[roles]\ntext = { fg = \"blurple\" }", &["theme mine", "'blurple' is no colour"]);
    says("[roles]\n\ntxet = {}", &["line 3, column 1", "txet"]);
    says("inherits = \"dusk\"", &["no theme 'dusk'", "dark, light"]);
    let circle = Shelf::with(&[("a", "inherits = \"b\""), ("b", "inherits = \"a\"")]);
    assert!(circle.theme("a").unwrap_err().to_string().contains("circle"));
}

#[test]
fn colours_become_what_a_terminal_has() {
    assert_eq!(Depth::True.fit(Color::Rgb(1, 2, 3)), Color::Rgb(1, 2, 3));
    assert_eq!(Depth::Indexed.fit(Color::Rgb(255, 135, 0)), Color::Indexed(208));
    assert_eq!(Depth::Named.fit(Color::Rgb(250, 10, 10)), Color::LightRed);
    assert_eq!(Depth::Named.fit(Color::Indexed(28)), Color::Green, "no colour becomes a grey");
    assert_eq!(Depth::Named.fit(Color::Indexed(22)), Color::Black);
    assert_eq!(Depth::Named.fit(Color::Cyan), Color::Cyan);
    let depth = |term: &str, colorterm: &str| {
        Depth::detect(|name| match name {
            "TERM" => Some(term.to_owned()),
            _ => Some(colorterm.to_owned()),
        })
    };
    assert_eq!(depth("linux", ""), Depth::Named);
    assert_eq!(depth("xterm-256color", ""), Depth::Indexed);
    assert_eq!(depth("xterm-256color", "truecolor"), Depth::True);
    assert_eq!(depth("alacritty", ""), Depth::Indexed);
}

fn look(wishes: &Wishes, environment: &[(&str, &str)]) -> Look {
    let value = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Look::choose(wishes, value).unwrap()
}

#[test]
fn the_environment_is_respected() {
    let any = Wishes::default();
    let mono = |look: Look| !look.coloured && look.theme == Shelf::default().theme("mono").unwrap();
    let utf8 = ("LANG", "de_DE.UTF-8");
    assert!(!mono(look(&any, &[utf8])));
    assert!(mono(look(&any, &[("NO_COLOR", "1")])));
    assert!(!mono(look(&any, &[("NO_COLOR", "")])));
    assert!(mono(look(&any, &[("TERM", "dumb")])));
    assert!(!mono(look(&Wishes { colour: Colour::On, ..any.clone() }, &[("NO_COLOR", "1")])));
    assert!(!look(&any, &[utf8]).ascii);
    assert!(look(&any, &[utf8, ("TERM", "linux")]).ascii);
    assert!(look(&any, &[("LANG", "C")]).ascii);
    assert!(look(&any, &[utf8, ("LC_ALL", "POSIX")]).ascii);
}

#[test]
fn a_theme_is_taken_by_option_then_by_environment_then_by_ground() {
    let any = Wishes::default();
    let named = |name: &str| Wishes { theme: Some(name.to_owned()), ..Wishes::default() };
    let name = |wishes: &Wishes, environment: &[(&str, &str)]| look(wishes, environment).name;
    assert_eq!(name(&any, &[]), "dark");
    assert_eq!(name(&any, &[("COLORFGBG", "0;15")]), "light");
    assert_eq!(name(&any, &[("COLORFGBG", "0;15"), ("WHIMBREL_THEME", "tritanopia")]), "tritanopia");
    assert_eq!(name(&named("mono"), &[("WHIMBREL_THEME", "tritanopia")]), "mono");
    assert!(Look::choose(&named("none"), |_| None).unwrap_err().to_string().contains("high-contrast"));
    let wrong = look(&any, &[("WHIMBREL_THEME", "drak")]);
    assert_eq!(wrong.name, "dark");
    assert!(wrong.complaint.unwrap().contains("no theme 'drak'"));
}
