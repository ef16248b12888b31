// SPDX-License-Identifier: GPL-2.0-only

//! The timer source: periods that do not drift, and a stop that waits.

use crate::{
    event::Event,
    hub::{
        now_ns,
        Hub, //
    },
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    },
};

/// A running timer. Dropping it stops the timer, and waits for a tick that is being made.
pub(crate) type TickerHandle = ArcHrTimerHandle<Ticker>;

/// A timer with a fixed period.
#[pin_data]
pub(crate) struct Ticker {
    hub: Arc<Hub>,
    period: Delta,
    #[pin]
    timer: HrTimer<Self>,
}

impl Ticker {
    /// Starts a timer whose first tick comes `period_ms` milliseconds from now, in place of the one
    /// that runs.
    pub(crate) fn start(hub: &Arc<Hub>, period_ms: u32) -> Result {
        let period = Delta::from_millis(period_ms.into());
        let ticker = Arc::pin_init(
            pin_init!(Self {
                hub: hub.clone(),
                period,
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )?;

        let mut running = hub.ticker.lock();
        // The old one first, so that its last tick can't come after the first one of the new.
        drop(running.take());
        *running = Some(ticker.start(period));
        Ok(())
    }

    /// Stops the timer that runs. No tick comes once this has returned.
    pub(crate) fn stop(hub: &Hub) {
        drop(hub.ticker.lock().take());
    }
}

impl HrTimerCallback for Ticker {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let periods = context.forward_now(this.period);
        // After that, so that the periods counted are over by then, however long this was held up.
        let timestamp_ns = now_ns();
        this.hub.report(Event::tick(
            timestamp_ns,
            periods.try_into().unwrap_or(u32::MAX),
        ));
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Ticker {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}
