// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random appends, endings, power cuts and damage: clients get every event once, in order, or the exact number missing.

use std::collections::HashMap;

use proptest::{prelude::*, sample::Index, test_runner::TestCaseResult};

use super::*;
use crate::journal::disk::format::Header;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u32>),
    /// A client reads to the end.
    Read(usize),
    Restart(Ending, bool),
    /// Loses the last bytes of the last segment, and other unsynced data.
    PowerCut(Index),
    /// Corrupts bytes anywhere.
    Damage(Vec<(Index, Index, u8)>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop_oneof![Just(Ending::Clean), Just(Ending::Killed)];
    let wrong = (any::<Index>(), any::<Index>(), 1..=255u8);
    let step = prop_oneof![
        8 => prop::collection::vec(0..3u32, 1..400).prop_map(Step::Append),
        4 => (0..CLIENTS).prop_map(Step::Read),
        // A kill with a reboot is a power cut that loses nothing.
        3 => (ending, any::<bool>()).prop_map(|(ending, boot)| Step::Restart(ending, boot)),
        1 => any::<Index>().prop_map(Step::PowerCut),
        1 => prop::collection::vec(wrong, 1..4).prop_map(Step::Damage),
    ];
    prop::collection::vec(step, 1..30)
}

const CLIENTS: usize = 3;

/// The state of a client.
#[derive(Clone, Copy)]
struct Client {
    session: SessionId,
    event: u64,
}

struct Model {
    board: Option<Board>,
    clients: Vec<Client>,
    /// Every event that was ever delivered.
    events: HashMap<(SessionId, u64), Event>,
    /// Whether files were cut or damaged.
    harmed: bool,
}

impl Model {
    async fn step(&mut self, step: Step) -> TestCaseResult {
        let board = self.board.as_mut().unwrap();
        match step {
            Step::Append(lost) => {
                // Reads every event as it is appended, for comparison.
                let mut witness = board.journal.cursor(Start::Now);
                board.append(lost).await;
                let session = board.session();
                let last = board.journal.stats().next - 1;
                for got in read_to(&mut witness, last).await {
                    let Got::Event(event) = got else {
                        return Err(TestCaseError::fail(format!("{got:?}")));
                    };
                    let number = event.sequence;
                    let before = self.events.insert((session, number), event);
                    prop_assert!(before.is_none(), "{session} {number} is reused");
                }
            }
            Step::Read(client) => self.read(client).await?,
            Step::Restart(ending, reboot) => self.restart(ending, reboot, |_| ()).await,
            Step::PowerCut(at) => {
                self.harmed = true;
                self.restart(Ending::Killed, true, |folder| {
                    let last = segments(folder).pop().unwrap();
                    let file = fs::File::options().write(true).open(last).unwrap();
                    let length = file.metadata().unwrap().len();
                    let first = Header::LENGTH as u64;
                    file.set_len(first + at.index((length - first + 1) as usize) as u64)
                        .unwrap();
                })
                .await;
            }
            Step::Damage(wrong) => {
                self.harmed = true;
                self.restart(Ending::Killed, true, |folder| {
                    for (file, at, flip) in wrong {
                        let files = segments(folder);
                        let file = file.get(&files);
                        let mut bytes = fs::read(file).unwrap();
                        let at = at.index(bytes.len());
                        bytes[at] ^= flip;
                        fs::write(file, bytes).unwrap();
                    }
                })
                .await;
            }
        }
        Ok(())
    }

    async fn restart(&mut self, ending: Ending, reboot: bool, change: impl FnOnce(&Path)) {
        let board = self.board.take().unwrap();
        let (session, next) = (board.session(), board.journal.stats().next);
        let board = board.restart(ending, reboot, change).await;
        if !self.harmed {
            let continues = ending == Ending::Clean || !reboot;
            assert_eq!(board.session() == session, continues);
            assert_eq!(board.journal.stats().next, next);
        }
        self.board = Some(board);
    }

    async fn read(&mut self, client: usize) -> TestCaseResult {
        let board = self.board.as_ref().unwrap();
        let Client { mut session, event } = self.clients[client];
        let mut cursor = board.resume(session, event);
        let start = cursor.position();
        prop_assert!(
            self.harmed || start == event + 1,
            "from {start} after {event}"
        );
        let last = board.journal.stats().next - 1;
        let oldest = board.journal.stats().first;
        let mut next = start;
        for got in read_to(&mut cursor, last).await {
            match got {
                Got::Gap(gap) => {
                    // No stored event is skipped.
                    prop_assert!(
                        self.harmed || next + gap.missed == oldest,
                        "{gap:?} at {next}, {oldest}"
                    );
                    if let Some(lost) = gap.lost.filter(|_| !self.harmed) {
                        let missed = next..next + gap.missed;
                        let of = |number| self.events[&(session, number)].lost();
                        prop_assert_eq!(lost, missed.map(of).sum::<u64>());
                    }
                    next += gap.missed;
                }
                Got::Era(new, _) => session = new,
                Got::Event(event) => {
                    prop_assert_eq!(event.sequence, next);
                    prop_assert_eq!(Some(&event), self.events.get(&(session, next)));
                    next += 1;
                }
            }
        }
        prop_assert_eq!(next, last + 1);
        self.clients[client] = Client {
            session: board.session(),
            event: last,
        };
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        // A failing case becomes a separate test.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn clients_get_every_event_once_or_the_number_missing(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let board = Board::new(30_000, 160 << 10);
            let client = Client { session: board.session(), event: 0 };
            let mut model = Model {
                board: Some(board),
                clients: vec![client; CLIENTS],
                events: HashMap::new(),
                harmed: false,
            };
            for step in steps {
                model.step(step).await?;
            }
            for client in 0..CLIENTS {
                model.read(client).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
