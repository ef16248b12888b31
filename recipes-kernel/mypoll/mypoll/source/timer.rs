// SPDX-License-Identifier: GPL-2.0-only

//! The timer source: periods without drift, and a synchronous stop.

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

/// A running timer. Dropping it stops the timer, and waits for a concurrent tick.
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
    /// Creates a stopped timer.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            running <- new_mutex!(None, "mypoll::Timer::running"),
        })
    }

    /// Starts the timer, with its first tick `period_ms` milliseconds from now. A running timer is
    /// stopped first.
    ///
    /// `EPERM` if another user's timer is running, `ENOMEM`.
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
        // Drop the old one first, so that its last tick can't follow the first tick of the new one.
        drop(running.take());
        *running = Some(Running {
            _ticker: ticker.start(period),
            owner: Kuid::current_euid(),
        });
        Ok(())
    }

    /// Stops the timer, if it is running. No tick follows once this has returned.
    ///
    /// `EPERM` if another user's timer is running.
    pub(crate) fn stop(&self) -> Result {
        let mut running = self.running.lock();
        if running.as_ref().is_some_and(|running| !running.is_ours()) {
            return Err(EPERM);
        }
        drop(running.take());
        Ok(())
    }

    /// Whether the timer is running.
    pub(crate) fn is_running(&self) -> bool {
        self.running.lock().is_some()
    }
}

/// The callback of the kernel's timer.
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
        // Afterwards, so that the counted periods are over by then, whatever the delay.
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
