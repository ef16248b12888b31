// SPDX-License-Identifier: MIT OR Apache-2.0
//! A slow pin.

use std::sync::mpsc as blocking;

use embedded_hal_mock::eh1::MockError;

use super::*;

/// A pin that reports each setting, and then waits for permission.
struct Slow {
    set: mpsc::UnboundedSender<PinState>,
    go_on: blocking::Receiver<()>,
}

impl digital::ErrorType for Slow {
    type Error = MockError;
}

impl OutputPin for Slow {
    fn set_low(&mut self) -> Result<(), MockError> {
        self.set_state(PinState::Low)
    }

    fn set_high(&mut self) -> Result<(), MockError> {
        self.set_state(PinState::High)
    }

    fn set_state(&mut self, state: PinState) -> Result<(), MockError> {
        self.set.send(state).unwrap();
        // An error means that the test is over.
        let _ = self.go_on.recv();
        Ok(())
    }
}

/// A bench whose pin was opened but not set yet, a receiver of its settings, and a sender of permissions.
pub(super) async fn slow(
    keys: &str,
) -> (
    Bench,
    mpsc::UnboundedReceiver<PinState>,
    blocking::Sender<()>,
) {
    let mut bench = Bench::start("", &[]).await;
    bench.stop.cancel();
    (&mut bench.task).await.unwrap();
    let (set, states) = mpsc::unbounded_channel();
    let (go, go_on) = blocking::channel();
    let pin = Mutex::new(Some(Slow { set, go_on }));
    let open = Arc::new(move |_| {
        let pin = pin.lock().unwrap().take();
        let pin = pin.ok_or_else(|| "opened twice".to_owned())?;
        Ok(Opened { pin, chip: None })
    });
    let config = self::config::output(keys);
    bench.stop = CancellationToken::new();
    bench.task = tokio::spawn({
        let (context, stop) = (bench.context.clone(), bench.stop.clone());
        async move { run(&config, &context, open, stop).await }
    });
    bench.settle().await;
    (bench, states, go)
}
