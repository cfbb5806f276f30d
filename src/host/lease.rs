//! Who commands. Pure: clients come and go, one of them at a time may change things, the others watch.
//!
//! One idea: the controls are never free while somebody is there, and never taken in silence: whoever holds them is asked,
//! and only an answer, or none for a while, hands them on.

use crate::protocol::{Operator, Presence};

pub(super) type ClientId = u64;

#[derive(Debug, Default)]
pub(super) struct Lease {
    /// In the order in which they came.
    clients: Vec<(ClientId, String)>,
    commands: Option<ClientId>,
    asks: Option<ClientId>,
}

impl Lease {
    pub(super) fn joins(&mut self, client: ClientId, name: String) {
        self.clients.push((client, name));
        self.commands.get_or_insert(client);
    }

    /// Whoever has been there longest takes the place of one who commanded.
    pub(super) fn leaves(&mut self, client: ClientId) {
        self.clients.retain(|(known, _)| *known != client);
        if self.asks == Some(client) {
            self.asks = None;
        }
        if self.commands == Some(client) {
            self.commands = self.asks.take().or_else(|| self.clients.first().map(|(first, _)| *first));
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    pub(super) fn may(&self, client: ClientId) -> bool {
        self.commands == Some(client)
    }

    pub(super) fn name(&self, client: ClientId) -> &str {
        self.clients.iter().find(|(known, _)| *known == client).map_or("somebody", |(_, name)| name)
    }

    /// The name of whoever commands.
    pub(super) fn commander(&self) -> &str {
        self.commands.map_or("nobody", |client| self.name(client))
    }

    /// A watcher wants the controls. Says why it cannot be asked for.
    pub(super) fn wants(&mut self, client: ClientId) -> Result<(), String> {
        match self.asks {
            _ if self.commands == Some(client) => Err("you are at the controls already".into()),
            Some(other) if other != client => Err(format!("{} asks for the controls already", self.name(other))),
            _ => {
                self.asks = Some(client);
                Ok(())
            }
        }
    }

    /// Whoever commands answers whoever asks.
    pub(super) fn answers(&mut self, client: ClientId, yes: bool) {
        if self.commands == Some(client)
            && let Some(asking) = self.asks.take()
            && yes
        {
            self.commands = Some(asking);
        }
    }

    /// Nobody answered for long enough.
    pub(super) fn gives_in(&mut self) {
        if let Some(asking) = self.asks.take() {
            self.commands = Some(asking);
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asks.is_some()
    }

    /// What one of the clients sees of all.
    pub(super) fn seen_by(&self, client: ClientId) -> Presence {
        let operator = |(id, name): &(ClientId, String)| Operator {
            name: name.clone(),
            commands: self.commands == Some(*id),
            you: *id == client,
        };
        Presence {
            operators: self.clients.iter().map(operator).collect(),
            asks: self.asks.map(|asking| self.name(asking).to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lease(names: &[&str]) -> Lease {
        let mut lease = Lease::default();
        (1..).zip(names).for_each(|(id, name)| lease.joins(id, (*name).to_owned()));
        lease
    }

    #[test]
    fn the_first_commands_until_asked_and_willing() {
        let mut lease = lease(&["ada", "bob"]);
        assert!(lease.may(1) && !lease.may(2));
        assert!(lease.wants(1).is_err());
        lease.wants(2).unwrap();
        lease.answers(2, true);
        assert!(lease.may(1), "nobody grants oneself anything");
        lease.answers(1, false);
        assert!(lease.may(1) && !lease.is_asked());
        lease.wants(2).unwrap();
        lease.answers(1, true);
        assert!(lease.may(2) && !lease.may(1));
        assert_eq!(lease.commander(), "bob");
    }

    #[test]
    fn an_empty_chair_is_taken_by_whoever_asked_or_came_first() {
        let mut asked = lease(&["ada", "bob", "eve"]);
        asked.wants(3).unwrap();
        assert!(asked.wants(2).is_err(), "one at a time");
        asked.leaves(1);
        assert!(asked.may(3));
        let mut silent = lease(&["ada", "bob"]);
        silent.wants(2).unwrap();
        silent.gives_in();
        assert!(silent.may(2));
        silent.leaves(2);
        assert!(silent.may(1));
        silent.leaves(1);
        assert!(silent.is_empty() && silent.commander() == "nobody");
    }

    proptest! {
        #[test]
        fn exactly_one_commands_while_anybody_is_there(steps in proptest::collection::vec((0u8..5, 1u64..5), 0..60)) {
            let mut lease = Lease::default();
            for (step, client) in steps {
                let there = lease.clients.iter().any(|(known, _)| *known == client);
                match step {
                    0 if !there => lease.joins(client, client.to_string()),
                    1 => lease.leaves(client),
                    2 if there => drop(lease.wants(client)),
                    3 => lease.answers(client, client % 2 == 0),
                    4 => lease.gives_in(),
                    _ => {}
                }
                let commanding = (1..5).filter(|client| lease.may(*client)).count();
                prop_assert_eq!(commanding, usize::from(!lease.is_empty()));
                for (client, _) in &lease.clients {
                    let seen = lease.seen_by(*client);
                    prop_assert_eq!(seen.operators.iter().filter(|operator| operator.you).count(), 1);
                    prop_assert_eq!(seen.operators.iter().filter(|operator| operator.commands).count(), 1);
                }
            }
        }
    }
}
