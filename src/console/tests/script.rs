//! Driving an app by messages and looking at what it shows.

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use crate::{
    console::{
        App, Borders, Colour, Effect, Look, Message, Options, Screen, Wishes,
        app::{Pointer, PointerDeed},
        draw, update,
    },
    protocol::{Answer, Ask, Command, FromHost, Reply, ToHost},
};

/// The dark theme, whatever the environment says.
pub(super) fn look(colour: Colour, borders: Borders) -> Look {
    Look::choose(&Wishes { colour, borders, ..Wishes::default() }, |_| None).unwrap()
}

/// An app with what it has sent so far.
pub(super) struct Script {
    pub app: App,
    pub effects: Vec<Effect>,
}

impl Script {
    /// Opened on a screen; the plan was asked for.
    pub fn open(start: Screen) -> Self {
        let options = Options { start, user: "ada".into(), can_detach: true, ..Options::default() };
        let look = look(Colour::On, Borders::Unicode);
        let mut script = Self { app: App::new(&options, look), effects: Vec::new() };
        script.tell(Message::Opened);
        script
    }

    pub fn tell(&mut self, message: Message) -> &mut Self {
        self.effects.extend(update(&mut self.app, message));
        self
    }

    /// Keys by name, separated by spaces.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            self.tell(Message::Key(key.parse().unwrap()));
        }
        self
    }

    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            let key = if char == ' ' { "space".to_owned() } else { char.to_string() };
            self.tell(Message::Key(key.parse().unwrap()));
        }
        self
    }

    /// Clicks on the first place that shows the text on a screen of this size.
    pub fn click(&mut self, text: &str, (width, height): (u16, u16)) -> &mut Self {
        let screen = self.screen(width, height);
        let place = screen.lines().enumerate().find_map(|(y, line)| Some((line.split_once(text)?.0, y)));
        let (before, y) = place.unwrap_or_else(|| panic!("{text} in\n{screen}"));
        let x = unicode_width::UnicodeWidthStr::width(before) as u16;
        self.tell(Message::Mouse(Pointer { x, y: y as u16, deed: PointerDeed::Click }))
    }

    pub fn at(&mut self, now_ms: u64) -> &mut Self {
        self.tell(Message::Tick { now_ms })
    }

    pub fn host(&mut self, message: FromHost) -> &mut Self {
        self.tell(Message::Host(Box::new(message)))
    }

    /// Answers the newest open ask that `is` says yes to.
    pub fn answer(&mut self, is: impl Fn(&Ask) -> bool, answer: Result<Answer, &str>) -> &mut Self {
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send(ToHost::Ask { id, ask }) if is(ask) => Some(*id),
            _ => None,
        });
        let id = asked.expect("that was asked");
        self.host(FromHost::Answer { id, answer: answer.map_err(str::to_owned) })
    }

    pub fn reply(&mut self, reply: Reply) -> &mut Self {
        let sent = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send(ToHost::Command { id, .. }) => Some(*id),
            _ => None,
        });
        let id = sent.expect("a command was sent");
        self.host(FromHost::Reply { id, reply })
    }

    /// The commands that were sent, oldest first.
    pub fn commands(&self) -> Vec<Command> {
        let command = |effect: &Effect| match effect {
            Effect::Send(ToHost::Command { command, .. }) => Some(command.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(command).collect()
    }

    /// The asks that were sent, oldest first.
    pub fn asks(&self) -> Vec<Ask> {
        let ask = |effect: &Effect| match effect {
            Effect::Send(ToHost::Ask { ask, .. }) => Some(ask.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(ask).collect()
    }

    pub fn buffer(&mut self, width: u16, height: u16) -> Buffer {
        self.tell(Message::Resize { width, height });
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut hits = Default::default();
        terminal.draw(|frame| hits = draw(&self.app, frame)).unwrap();
        self.app.hits = hits;
        terminal.backend().buffer().clone()
    }

    /// What the screen says, line by line, without spaces at the ends.
    pub fn screen(&mut self, width: u16, height: u16) -> String {
        let buffer = self.buffer(width, height);
        let rows = buffer.content.chunks(usize::from(width));
        let mut text = String::new();
        for row in rows {
            let mut skip = 0;
            let mut line = String::new();
            for cell in row {
                if skip == 0 {
                    line.push_str(cell.symbol());
                    skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
