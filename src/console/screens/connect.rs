//! Connect: a form for each side, tested against the real thing.

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        address::Address,
        app::{App, Request},
        draft::{Outline, set_side},
        keys::{ActionId, KeyPress, Motion},
        theme::Role,
        widgets::{Canvas, Field, Hit, fit, split_left, split_top, wrap},
    },
    model::{System, clean, clip},
    protocol::{Secret, SideName},
};

/// Whether a side answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Unknown,
    /// The system's version.
    Connected(String),
    /// Why not, and what to do.
    Failed(String),
}

/// More lines than a side has: a line's place on the screen is `side * SIDE + row`.
const SIDE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Type,
    Host,
    Port,
    Database,
    Username,
    Password,
    Path,
    Test,
}

impl Row {
    const SERVER: [Self; 7] =
        [Self::Type, Self::Host, Self::Port, Self::Database, Self::Username, Self::Password, Self::Test];
    const FILE: [Self; 3] = [Self::Type, Self::Path, Self::Test];

    fn label(self) -> &'static str {
        match self {
            Self::Type => "Connection Type",
            Self::Host => "Host",
            Self::Port => "Port",
            Self::Database => "Database",
            Self::Username => "Username",
            Self::Password => "Password",
            Self::Path => "Path",
            Self::Test => "",
        }
    }
}

#[derive(Clone, Debug)]
pub struct SideForm {
    side: SideName,
    address: Address,
    /// What the plan has.
    url: String,
    password: Field,
    row: usize,
    /// The field under the cursor while it is typed into.
    pub editing: Option<Field>,
    pub link: Link,
}

impl SideForm {
    fn new(side: SideName) -> Self {
        let address = Address::new(System::Postgres);
        let password = Field::secret();
        Self { side, address, url: String::new(), password, row: 0, editing: None, link: Link::Unknown }
    }

    fn rows(&self) -> &'static [Row] {
        if self.address.is_file() { &Row::FILE } else { &Row::SERVER }
    }

    fn at(&self) -> Row {
        self.rows().get(self.row).copied().unwrap_or(Row::Test)
    }

    /// The password that was typed since the last connection, for the host.
    pub fn password(&self) -> Option<Secret> {
        (!self.password.is_empty()).then(|| Secret(self.password.text()))
    }

    pub fn forget_password(&mut self) {
        self.password = Field::secret();
    }

    fn value(&mut self, row: Row) -> Option<&mut String> {
        Some(match row {
            Row::Host => &mut self.address.host,
            Row::Port => &mut self.address.port,
            Row::Database => &mut self.address.database,
            Row::Username => &mut self.address.username,
            Row::Path => &mut self.address.path,
            Row::Type | Row::Password | Row::Test => return None,
        })
    }

    fn shown(&self, row: Row) -> (Role, String) {
        let text = |text: &str| (Role::Text, text.to_owned());
        match row {
            Row::Type => (Role::Text, format!("{} ▾", self.address.system)),
            // Not one sign per character: that would tell the length.
            Row::Password if !self.password.is_empty() => text("••••••••"),
            Row::Password => (Role::Muted, "as the plan says".into()),
            Row::Test => (Role::Key, "[ Test connection ]".into()),
            Row::Host => text(&self.address.host),
            Row::Port => text(&self.address.port),
            Row::Database => text(&self.address.database),
            Row::Username => text(&self.address.username),
            Row::Path => text(&self.address.path),
        }
    }
}

#[derive(Clone, Debug)]
pub struct ConnectScreen {
    pub sides: [SideForm; 2],
    at: usize,
    /// Tested as soon as the plan with the new address is saved.
    pub test_after_save: Option<SideName>,
}

impl Default for ConnectScreen {
    fn default() -> Self {
        let sides = [SideForm::new(SideName::Source), SideForm::new(SideName::Destination)];
        Self { sides, at: 0, test_after_save: None }
    }
}

impl ConnectScreen {
    pub fn form(&self) -> &SideForm {
        &self.sides[self.at]
    }

    pub fn form_mut(&mut self) -> &mut SideForm {
        &mut self.sides[self.at]
    }

    pub fn side_mut(&mut self, side: SideName) -> &mut SideForm {
        &mut self.sides[usize::from(side == SideName::Destination)]
    }

    /// Takes the addresses of the plan over where they changed.
    pub fn follow(&mut self, outline: &Outline) {
        for form in &mut self.sides {
            let url = &outline.side(form.side).url;
            if form.url != *url {
                form.url.clone_from(url);
                form.address = Address::parse(url);
                form.link = Link::Unknown;
                form.row = form.row.min(form.rows().len() - 1);
            }
        }
    }
}

impl App {
    pub fn connect_key(&mut self, key: KeyPress) -> bool {
        if self.connect.form().editing.is_some() {
            self.connect_field_key(key);
            return true;
        }
        let form = self.connect.form_mut();
        match Motion::of(key) {
            Some(Motion::Up) => form.row = form.row.saturating_sub(1),
            Some(Motion::Down) => form.row = (form.row + 1).min(form.rows().len() - 1),
            Some(Motion::Top) => form.row = 0,
            Some(Motion::Bottom) => form.row = form.rows().len() - 1,
            _ => return false,
        }
        true
    }

    fn connect_field_key(&mut self, key: KeyPress) {
        let form = self.connect.form_mut();
        let last = matches!(form.at(), Row::Password | Row::Path);
        let step = match () {
            () if key.is("enter") && last => {
                self.commit_field();
                return self.test_this_side();
            }
            () if key.is("enter") || key.is("tab") || key.is("down") => 1,
            () if key.is("shift-tab") || key.is("up") => -1,
            () if key.is("esc") => return form.editing = None,
            () => return form.editing.iter_mut().for_each(|field| _ = field.key(key)),
        };
        self.commit_field();
        let form = self.connect.form_mut();
        form.row = form.row.saturating_add_signed(step).clamp(1, form.rows().len() - 1);
        if form.at() != Row::Test {
            self.begin_field();
        }
    }

    fn begin_field(&mut self) {
        let form = self.connect.form_mut();
        let row = form.at();
        form.editing = match row {
            Row::Password => Some(Field::secret()),
            _ => form.value(row).map(|value| Field::new(value)),
        };
    }

    fn commit_field(&mut self) {
        let form = self.connect.form_mut();
        let Some(field) = form.editing.take() else { return };
        let row = form.at();
        match form.value(row) {
            None => form.password = field,
            Some(value) => {
                *value = field.text();
                self.save_address();
            }
        }
    }

    /// Saves the address if it is whole and new.
    fn save_address(&mut self) {
        let form = self.connect.form();
        if let Ok(url) = form.address.url()
            && url != form.url
        {
            let side = form.side;
            let edit = set_side(&self.plan.outline, side, url);
            self.edit(&format!("address of the {}", side_word(side)), &edit);
        }
    }

    fn test_this_side(&mut self) {
        let form = self.connect.form_mut();
        let side = form.side;
        match form.address.url() {
            Err(why) => form.link = Link::Failed(why.into()),
            Ok(_) if self.is_saving() => self.connect.test_after_save = Some(side),
            Ok(_) => self.test_side(side),
        }
    }

    pub fn connect_action(&mut self, id: ActionId) {
        match (id, self.connect.form().at()) {
            (ActionId::OtherSide, _) => self.connect.at = 1 - self.connect.at,
            (ActionId::TestSide, _) | (ActionId::EditSide, Row::Test) => self.test_this_side(),
            (ActionId::EditSide, Row::Type) => self.next_system(),
            (ActionId::EditSide, _) => self.begin_field(),
            _ => {}
        }
    }

    /// Goes to a line that was pointed at, of either side; says whether one stood there.
    pub fn choose_field(&mut self, place: usize) -> bool {
        if self.connect.form().editing.is_some() {
            self.commit_field();
        }
        let (side, row) = (place / SIDE, place % SIDE);
        let was_there = (self.connect.at, self.connect.form().row) == (side, row);
        self.connect.at = side.min(1);
        let form = self.connect.form_mut();
        form.row = row.min(form.rows().len() - 1);
        was_there || form.at() == Row::Test
    }

    fn next_system(&mut self) {
        let form = self.connect.form_mut();
        let place = System::ALL.iter().position(|system| *system == form.address.system).unwrap_or(0);
        let system = System::ALL[(place + 1) % System::ALL.len()];
        form.address = form.address.clone().with_system(system);
        form.link = Link::Unknown;
        self.save_address();
    }
}

fn side_word(side: SideName) -> &'static str {
    match side {
        SideName::Source => "source",
        SideName::Destination => "destination",
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (left, right) = split_left(area, area.width / 2);
    for (place, area) in [left, right].into_iter().enumerate() {
        draw_side(app, canvas, area, place);
    }
}

fn draw_side(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, place: usize) {
    let form = &app.connect.sides[place];
    let here = app.connect.at == place;
    let label = app.plan.outline.side(form.side).label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    let title = match form.side {
        SideName::Source => canvas.title(&format!("Source{label}")),
        SideName::Destination => canvas.title(&format!("Destination{label}")),
    };
    let inner = canvas.panel(area, title, here);
    for (at, row) in form.rows().iter().enumerate() {
        let gap = u16::from(*row == Row::Test);
        draw_row(canvas, inner, at as u16 + gap + 1, form, *row, here && at == form.row);
        canvas.hit(inner, at as u16 + gap + 1, Hit::Row(place * SIDE + at));
    }
    let (_, rest) = split_top(inner, form.rows().len() as u16 + 3);
    let state = state_lines(app, canvas, form, usize::from(rest.width));
    canvas.lines(rest, state);
}

fn draw_row(canvas: &mut Canvas<'_, '_>, inner: Rect, at: u16, form: &SideForm, row: Row, here: bool) {
    let sign = if here { "▸ " } else { "  " };
    let width = usize::from(inner.width);
    let label = format!("{sign}{}", fit(row.label(), 17.min(width / 2)));
    let (role, value) = form.shown(row);
    let value = clip(&clean(&value), width.saturating_sub(label.chars().count()));
    let spans = vec![canvas.span(if here { Role::Key } else { Role::Muted }, label.clone()), canvas.span(role, value)];
    canvas.line(inner, at, Line::from(spans));
    if let (true, Some(field)) = (here, &form.editing) {
        let (_, place) = split_left(inner, label.chars().count() as u16);
        let (_, place) = split_top(place, at);
        field.draw(canvas, place, true);
    }
}

fn state_lines(app: &App, canvas: &Canvas<'_, '_>, form: &SideForm, width: usize) -> Vec<Line<'static>> {
    let said = |role: Role, text: &str| {
        wrap(text, width.saturating_sub(1))
            .into_iter()
            .map(|line| canvas.span(role, format!(" {line}")).into())
            .collect()
    };
    if let Err(why) = form.address.url() {
        return said(Role::Warn, &format!("! {why}"));
    }
    if app.pending.has(&Request::Connect(form.side)) || app.connect.test_after_save == Some(form.side) {
        return said(Role::Muted, "Connecting…");
    }
    match &form.link {
        Link::Unknown => said(Role::Muted, "Not tested yet: t tests"),
        Link::Connected(version) => said(Role::Ok, &format!("✓ Connected: {version}")),
        Link::Failed(why) => said(Role::Error, &format!("✗ {why}")),
    }
}
