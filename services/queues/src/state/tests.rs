//! The state machine against a model that is too simple to be wrong: a list that is searched.

use proptest::prelude::*;

use super::*;

/// A message of the model.
#[derive(Debug, Clone)]
struct Plain {
    seq: Seq,
    group: u8,
    place: Place,
    due_ms: u64,
    receives: u32,
}

#[derive(Debug, Default)]
struct Model {
    is_fifo: bool,
    messages: Vec<Plain>,
}

impl Model {
    fn advance(&mut self, now_ms: u64) {
        for message in &mut self.messages {
            if matches!(message.place, Place::Delayed | Place::InFlight) && message.due_ms <= now_ms {
                message.place = Place::Ready;
            }
        }
    }

    /// Whether the rules allow that this message is received, after `before` by the same receive.
    fn can_receive(&self, seq: Seq, before: &[Seq]) -> bool {
        let Some(message) = self.messages.iter().find(|message| message.seq == seq) else { return false };
        let is_held = |other: &Plain| match other.place {
            Place::InFlight | Place::Leaving => !before.contains(&other.seq),
            Place::Ready | Place::Delayed => other.seq < seq,
        };
        let mut group = self.messages.iter().filter(|other| other.group == message.group && other.seq != seq);
        message.place == Place::Ready && (!self.is_fifo || !group.any(is_held))
    }

    fn get(&mut self, seq: Seq) -> &mut Plain {
        self.messages.iter_mut().find(|message| message.seq == seq).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Send { group: u8, delay_ms: u64 },
    Receive { most: usize, timeout_ms: u64 },
    Delete(usize),
    SetDue(usize, u64),
    Untake(usize),
    Wait(u64),
    Purge,
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_u8, prop_oneof![3 => Just(0), 1 => 1..50_u64]).prop_map(|(group, delay_ms)| Step::Send { group, delay_ms }),
        4 => (1..5_usize, 0..50_u64).prop_map(|(most, timeout_ms)| Step::Receive { most, timeout_ms }),
        2 => (0..20_usize).prop_map(Step::Delete),
        1 => (0..20_usize, 0..50_u64).prop_map(|(which, ms)| Step::SetDue(which, ms)),
        1 => (0..20_usize).prop_map(Step::Untake),
        2 => (1..60_u64).prop_map(Step::Wait),
        1 => Just(Step::Purge),
        1 => (0..200_u64).prop_map(Step::Expire),
    ];
    proptest::collection::vec(step, 0..120)
}

fn message(group: u8, is_fifo: bool, now_ms: u64, delay_ms: u64, position: u64) -> Message {
    Message {
        position,
        record_bytes: 10,
        sent_ms: now_ms,
        due_ms: now_ms + delay_ms,
        first_received_ms: 0,
        receives: 0,
        receives_before: 0,
        receipt: 0,
        place: if delay_ms > 0 { Place::Delayed } else { Place::Ready },
        group: if is_fifo { group.to_string().into() } else { "".into() },
    }
}

/// Does `steps` in both, and compares them after each.
fn run(is_fifo: bool, steps: Vec<Step>, receives_max: Option<u32>) -> Result<(), TestCaseError> {
    let (mut state, mut model) = (State::new(is_fifo), Model { is_fifo, ..Model::default() });
    let (mut now_ms, mut position) = (1_000, 0);
    for step in steps {
        state.advance(now_ms);
        model.advance(now_ms);
        let nth = |model: &Model, which: usize| model.messages.get(which).map(|message| message.seq);
        match step {
            Step::Send { group, delay_ms } => {
                let (seq, last) = (state.next_seq(now_ms), state.last_seq());
                prop_assert_eq!(seq, last);
                prop_assert!(model.messages.iter().all(|message| message.seq < seq));
                let sent = message(group, is_fifo, now_ms, delay_ms, position);
                model.messages.push(Plain { seq, group, place: sent.place, due_ms: sent.due_ms, receives: 0 });
                state.insert(seq, sent);
                position += 1;
            }
            Step::Receive { most, timeout_ms } => {
                let until_ms = now_ms + timeout_ms;
                let want = Want { messages_max: most, now_ms, until_ms, visible: position, receives_max };
                let taken = state.take(&want);
                let all: Vec<Seq> = taken.messages.iter().chain(&taken.dead).copied().collect();
                let mut in_order = all.clone();
                in_order.sort_unstable();
                let mut before = Vec::new();
                for seq in in_order {
                    prop_assert!(model.can_receive(seq, &before), "{} of {:?}", seq, model);
                    let is_dead = taken.dead.contains(&seq);
                    let received = model.get(seq);
                    prop_assert_eq!(is_dead, receives_max.is_some_and(|most| received.receives >= most));
                    received.place = if is_dead { Place::Leaving } else { Place::InFlight };
                    received.due_ms = until_ms;
                    received.receives += u32::from(!is_dead);
                    before.push(seq);
                }
                if all.len() < most {
                    let left = model.messages.iter().any(|message| model.can_receive(message.seq, &all));
                    prop_assert!(!left, "{:?} leaves some of {:?}", taken, model);
                }
                for seq in taken.dead {
                    // They are moved, or stay.
                    if seq % 2 == 0 {
                        state.remove(seq);
                        model.messages.retain(|message| message.seq != seq);
                    } else {
                        state.stay(seq);
                        model.get(seq).place = Place::Ready;
                    }
                }
            }
            Step::Delete(which) => {
                if let Some(seq) = nth(&model, which) {
                    prop_assert!(state.remove(seq).is_some() && state.remove(seq).is_none());
                    model.messages.remove(which);
                }
            }
            Step::SetDue(which, ms) => {
                if let Some(seq) = nth(&model, which) {
                    state.set_due(seq, now_ms + ms, now_ms);
                    let found = model.get(seq);
                    if found.place == Place::InFlight {
                        found.due_ms = now_ms + ms;
                    }
                }
            }
            Step::Untake(which) => {
                if let Some(seq) = nth(&model, which) {
                    state.untake(seq);
                    let found = model.get(seq);
                    if found.place == Place::InFlight {
                        (found.place, found.receives) = (Place::Ready, found.receives - 1);
                    }
                }
            }
            Step::Wait(ms) => now_ms += ms,
            Step::Purge => {
                state.purge(state.last_seq());
                model.messages.clear();
            }
            Step::Expire(ago_ms) => {
                let limit = now_ms.saturating_sub(ago_ms);
                let expired = state.expire(limit);
                // The model knows when they were sent by their numbers.
                model.messages.retain(|message| !expired.contains(&message.seq));
                prop_assert!(state.oldest_ms().is_none_or(|oldest_ms| oldest_ms > limit));
            }
        }
        state.advance(now_ms);
        model.advance(now_ms);
        let count = |places: &[Place]| model.messages.iter().filter(|one| places.contains(&one.place)).count();
        prop_assert_eq!(state.visible_count(), count(&[Place::Ready]));
        prop_assert_eq!(state.delayed_count(), count(&[Place::Delayed]));
        prop_assert_eq!(state.in_flight_count(), count(&[Place::InFlight, Place::Leaving]));
        prop_assert_eq!(state.live_bytes(), 10 * model.messages.len() as u64);
        let due = model.messages.iter().filter(|one| matches!(one.place, Place::Delayed | Place::InFlight));
        prop_assert_eq!(state.next_due_ms(), due.map(|one| one.due_ms).min());
        for one in &model.messages {
            let found = state.get(one.seq).unwrap();
            prop_assert_eq!((found.place, found.receives), (one.place, one.receives));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn standard_queues_are_as_the_model(steps in steps(), receives_max in proptest::option::of(1..3_u32)) {
        run(false, steps, receives_max)?;
    }

    #[test]
    fn fifo_queues_are_as_the_model(steps in steps(), receives_max in proptest::option::of(1..3_u32)) {
        run(true, steps, receives_max)?;
    }
}

fn want(now_ms: u64, visible: u64) -> Want {
    Want { messages_max: 10, now_ms, until_ms: now_ms + 30, visible, receives_max: None }
}

#[test]
fn what_is_not_durable_is_not_received() {
    for is_fifo in [false, true] {
        let mut state = State::new(is_fifo);
        for position in 0..2 {
            let seq = state.next_seq(1);
            state.insert(seq, message(position as u8, is_fifo, 1, 0, position));
        }
        let taken = state.take(&want(1, 1));
        assert_eq!((taken.messages.len(), taken.unflushed), (1, Some(1)));
        let taken = state.take(&want(1, 2));
        assert_eq!((taken.messages.len(), taken.unflushed), (1, None));
    }
}

#[test]
fn a_message_that_comes_back_stands_behind_those_that_wait() {
    let mut state = State::new(false);
    let seqs: Vec<Seq> = (0..3)
        .map(|position| {
            let seq = state.next_seq(1);
            state.insert(seq, message(0, false, 1, 0, position));
            seq
        })
        .collect();
    let one = Want { messages_max: 1, ..want(1, 3) };
    assert_eq!(state.take(&one).messages, seqs[..1]);
    state.set_due(seqs[0], 1, 1);
    assert_eq!(state.take(&want(1, 3)).messages, [seqs[1], seqs[2], seqs[0]]);
}

#[test]
fn a_new_delay_moves_what_is_delayed() {
    let mut state = State::new(true);
    let seq = state.next_seq(1_000);
    state.insert(seq, message(0, true, 1_000, 500, 0));
    state.change_delay(500, 200);
    assert_eq!(state.next_due_ms(), Some(1_200));
}
