// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cleans up when SIGINT, SIGTERM or SIGHUP ends the program.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

type Action = Box<dyn FnOnce() + Send>;

static ACTIONS: Mutex<Vec<Action>> = Mutex::new(Vec::new());
static WATCHED: OnceLock<()> = OnceLock::new();

/// Registers `action` to run before a signal ends the program; the last one registered runs first. The program then
/// dies of that signal, as its parent expects.
pub fn before_termination(action: impl FnOnce() + Send + 'static) -> io::Result<()> {
    if WATCHED.get().is_none() {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        if WATCHED.set(()).is_ok() {
            thread::spawn(move || {
                if let Some(signal) = signals.forever().next() {
                    let mut actions = ACTIONS.lock().unwrap_or_else(PoisonError::into_inner);
                    while let Some(action) = actions.pop() {
                        action();
                    }
                    let _ = emulate_default_handler(signal);
                }
            });
        }
    }
    ACTIONS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Box::new(action));
    Ok(())
}
