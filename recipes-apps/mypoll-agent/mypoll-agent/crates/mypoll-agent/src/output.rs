// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPIO outputs that react to events.

pub mod gpio;
mod late_pin;

use std::{fmt::Display, sync::Arc};

use embedded_hal::digital::{OutputPin, PinState};
use mypoll::{Event, Lines};
use tokio::time::Instant;
use tracing::warn;

pub use late_pin::LatePin;

use crate::{
    config::Rule,
    deadline,
    fanout::{Delivery, Subscription},
};

/// A pin and what it does on which event.
pub struct Output<P, O> {
    /// The pin; high and low are voltages here, whatever is active.
    pub pin: LatePin<P, O>,
    /// Whether low is the active level.
    pub active_low: bool,
    /// What it does.
    pub rule: Rule,
    /// The labels that the rule may refer to.
    pub lines: Arc<Lines>,
}

impl<P, E, O> Output<P, O>
where
    P: OutputPin,
    E: Display,
    O: FnMut(PinState) -> Result<P, E>,
{
    /// Reacts to events until there are no more, and leaves the pin inactive.
    ///
    /// A failing pin is logged and tried again at the next change, one that can't be opened every few seconds.
    pub async fn run(mut self, mut events: Subscription) {
        let mut off_at = None;
        loop {
            tokio::select! {
                // An event at the very end of a blink prolongs it, without a gap.
                biased;
                delivery = events.next() => {
                    let Some(Delivery { missed, notice }) = delivery else {
                        break;
                    };
                    if let Some(missed) = missed {
                        warn!(
                            output = self.pin.name(),
                            missed = missed.events,
                            "too slow, did not react to some events"
                        );
                    }
                    off_at = self.react(&notice.event).or(off_at);
                }
                () = deadline::reached(off_at) => {
                    off_at = None;
                    self.set(false);
                }
                () = self.pin.try_again() => {}
            }
        }
        self.set(false);
    }

    /// Does what the rule says; the result is when to turn the pin off.
    fn react(&mut self, event: &Event) -> Option<Instant> {
        match &self.rule {
            Rule::Follow(line) if line.is_of(event, &self.lines) => {
                self.set(event.value != 0);
                None
            }
            Rule::Blink(blink) if blink.wants(event, &self.lines) => {
                let off_at = Instant::now() + blink.on;
                self.set(true);
                Some(off_at)
            }
            Rule::Follow(_) | Rule::Blink(_) => None,
        }
    }

    fn set(&mut self, active: bool) {
        self.pin.set(PinState::from(active != self.active_low));
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use embedded_hal_mock::eh1::{
        MockError,
        digital::{Mock, State, Transaction},
    };
    use mypoll::{Kind, Source};
    use tokio::{sync::oneshot, task::JoinHandle, time};

    use super::*;
    use crate::{
        config::{Blink, Line},
        fanout::Fanout,
    };

    const ON: Duration = Duration::from_millis(100);

    /// An output that expects these settings, and then the one at its end.
    fn start(
        rule: Rule,
        active_low: bool,
        expected: &[Transaction],
    ) -> (Fanout, Mock, JoinHandle<()>) {
        let lines: Arc<Lines> = Arc::new("line=0 label=button\nline=1 label=door".parse().unwrap());
        let fanout = Fanout::new(16, Arc::clone(&lines));
        let pin = Mock::new(expected);
        let opened = pin.clone();
        let mut late = LatePin::new("LED".to_owned(), PinState::Low, move |_| {
            Ok::<_, Infallible>(opened.clone())
        });
        late.open().unwrap();
        let output = Output {
            pin: late,
            active_low,
            rule,
            lines,
        };
        let task = tokio::spawn(output.run(fanout.subscribe()));
        (fanout, pin, task)
    }

    /// Ends the output, and compares.
    async fn finish((fanout, mut pin, task): (Fanout, Mock, JoinHandle<()>)) {
        drop(fanout);
        task.await.unwrap();
        pin.done();
    }

    fn high() -> Transaction {
        Transaction::set(State::High)
    }

    fn low() -> Transaction {
        Transaction::set(State::Low)
    }

    fn event(kind: Kind, line: u32) -> Event {
        Event {
            sequence: 1,
            source: kind.source(),
            kind,
            line,
            value: u32::from(kind == Kind::Rising),
            lost: 0,
            timestamp_ns: 0,
        }
    }

    fn blink(source: Option<Source>, kind: Option<Kind>, line: Option<Line>) -> Rule {
        Rule::Blink(Blink {
            source,
            kind,
            line,
            on: ON,
        })
    }

    #[tokio::test]
    async fn it_follows_its_line_and_no_other() {
        for line in [Line::Number(1), Line::Label("door".to_owned())] {
            let mut output = start(Rule::Follow(line), false, &[high(), low(), low()]);
            output.0.publish(event(Kind::Rising, 0));
            output.0.publish(event(Kind::Tick, 0));
            output.0.publish(event(Kind::Rising, 1));
            output.0.publish(event(Kind::Falling, 0));
            output.0.publish(event(Kind::Falling, 1));
            finish(output).await;
        }
    }

    #[tokio::test]
    async fn active_low_turns_the_level_around() {
        let mut output = start(Rule::Follow(Line::Number(1)), true, &[low(), high()]);
        output.0.publish(event(Kind::Rising, 1));
        finish(output).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_blinks_for_the_time_after_the_last_event() {
        let mut output = start(blink(None, None, None), false, &[high(), high(), low()]);
        output.0.publish(event(Kind::Tick, 0));
        time::sleep(ON * 3 / 4).await;
        output.0.publish(event(Kind::Tick, 0));
        time::sleep(ON * 3 / 4).await;
        time::sleep(ON).await;
        output.1.done();

        output.1.update_expectations(&[low()]);
        finish(output).await;
    }

    #[tokio::test]
    async fn what_is_not_given_does_not_matter_to_a_blink() {
        let door = || Some(Line::Label("door".to_owned()));
        for (rule, wanted) in [
            (blink(None, None, None), [true; 4]),
            (
                blink(Some(Source::Gpio), None, None),
                [false, true, true, true],
            ),
            (
                blink(None, Some(Kind::Falling), None),
                [false, false, false, true],
            ),
            (blink(None, None, door()), [false, false, true, true]),
            (
                blink(None, Some(Kind::Rising), door()),
                [false, false, true, false],
            ),
        ] {
            let count = wanted.into_iter().filter(|wanted| *wanted).count();
            let mut expected = vec![high(); count];
            expected.push(low());
            let mut output = start(rule, false, &expected);
            output.0.publish(event(Kind::Tick, 0));
            output.0.publish(event(Kind::Rising, 0));
            output.0.publish(event(Kind::Rising, 1));
            output.0.publish(event(Kind::Falling, 1));
            finish(output).await;
        }
    }

    #[tokio::test]
    async fn a_failing_pin_is_tried_again_at_the_next_change() {
        let broken = MockError::Io(std::io::ErrorKind::Other);
        let mut output = start(
            Rule::Follow(Line::Number(1)),
            false,
            &[high().with_error(broken), low(), low()],
        );
        output.0.publish(event(Kind::Rising, 1));
        output.0.publish(event(Kind::Falling, 1));
        finish(output).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_pin_that_opens_late_shows_what_happened_before() {
        let lines: Arc<Lines> = Arc::new("line=1 label=door".parse().unwrap());
        let mut fanout = Fanout::new(16, Arc::clone(&lines));
        let mut mock = Mock::new(&[low()]);
        let late = mock.clone();
        let (opened, state) = oneshot::channel();
        let mut opened = Some(opened);
        let mut tries = 0;
        let mut pin = LatePin::new("LED".to_owned(), PinState::Low, move |state| {
            tries += 1;
            if tries < 3 {
                return Err("busy");
            }
            opened.take().unwrap().send(state).unwrap();
            Ok(late.clone())
        });
        pin.open().unwrap_err();
        let output = Output {
            pin,
            active_low: false,
            rule: Rule::Follow(Line::Number(1)),
            lines,
        };
        let task = tokio::spawn(output.run(fanout.subscribe()));
        fanout.publish(event(Kind::Rising, 1));
        assert_eq!(state.await, Ok(PinState::High));
        drop(fanout);
        task.await.unwrap();
        mock.done();
    }

    #[tokio::test]
    async fn a_slow_output_goes_on_with_the_events_that_are_left() {
        let mut output = start(Rule::Follow(Line::Number(1)), false, &[low(), low()]);
        for _ in 0..16 {
            output.0.publish(event(Kind::Rising, 1));
        }
        // The queue holds 16: only these are left of 32.
        for _ in 0..15 {
            output.0.publish(event(Kind::Tick, 0));
        }
        output.0.publish(event(Kind::Falling, 1));
        finish(output).await;
    }
}
