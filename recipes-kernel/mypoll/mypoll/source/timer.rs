// SPDX-License-Identifier: GPL-2.0-only

//! The timer source: periods that do not drift, and a stop that waits.

use crate::{
    bus::Bus,
    clock::now_ns,
    event::Event,
    kernel_ext::cred, //
};
use kernel::{
    impl_has_hr_timer, new_mutex,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        Mutex, //
    },
    task::Kuid,
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

/// The module's one timer.
#[pin_data]
pub(crate) struct Timer {
    #[pin]
    running: Mutex<Option<Running>>,
}

/// A timer that runs. Dropping it stops the timer, and waits for a tick that is being made.
struct Running {
    _ticker: ArcHrTimerHandle<Ticker>,
    /// The user who started it.
    owner: Kuid,
}

impl Running {
    /// Whether the calling task may stop it: as its owner, or with CAP_SYS_ADMIN.
    fn is_ours(&self) -> bool {
        self.owner == Kuid::current_euid() || cred::is_admin()
    }
}

impl Timer {
    /// A timer that does not run.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            running <- new_mutex!(None, "mypoll::Timer::running"),
        })
    }

    /// Starts the timer, whose first tick comes `period_ms` milliseconds from now. One that runs is
    /// stopped first.
    ///
    /// `EPERM` where another user's runs, `ENOMEM`.
    pub(crate) fn start(&self, bus: &Arc<Bus>, period_ms: u32) -> Result {
        let period = Delta::from_millis(period_ms.into());
        let ticker = Arc::pin_init(
            pin_init!(Ticker {
                bus: bus.clone(),
                period,
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )?;

        let mut running = self.running.lock();
        if running.as_ref().is_some_and(|running| !running.is_ours()) {
            return Err(EPERM);
        }
        // The old one first, so that its last tick can't come after the first one of the new.
        drop(running.take());
        *running = Some(Running {
            _ticker: ticker.start(period),
            owner: Kuid::current_euid(),
        });
        Ok(())
    }

    /// Stops the timer, if it runs. No tick comes once this has returned.
    ///
    /// `EPERM` where another user's runs.
    pub(crate) fn stop(&self) -> Result {
        let mut running = self.running.lock();
        if running.as_ref().is_some_and(|running| !running.is_ours()) {
            return Err(EPERM);
        }
        drop(running.take());
        Ok(())
    }

    /// Whether the timer runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.lock().is_some()
    }
}

/// What the kernel's timer calls.
#[pin_data]
struct Ticker {
    bus: Arc<Bus>,
    period: Delta,
    #[pin]
    timer: HrTimer<Self>,
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
        this.bus.report(Event::tick(
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
