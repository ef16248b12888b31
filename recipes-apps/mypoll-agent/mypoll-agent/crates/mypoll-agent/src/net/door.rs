// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tracks connections from when they are accepted: guests until they are authorized, then clients.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{self, Instant},
};

use super::{Role, token::Hash};

/// Maximum number of guests. Further connections wait to be accepted.
const GUESTS: usize = 64;

/// How long a guest may stay while others wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a guest may stay at all. Longer than sinks wait for a token, because they can send the reason.
const STAY: Duration = Duration::from_secs(15);

/// All connections of an endpoint.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    tickets: Mutex<Vec<Weak<Ticket>>>,
    /// Signals that a guest became a client or left.
    moved: Arc<Notify>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Ticket {
    since: Instant,
    places: Arc<Semaphore>,
    moved: Arc<Notify>,
    is_guest: AtomicBool,
    grant: Mutex<Grant>,
    evicted: OnceLock<&'static str>,
    /// The waiting reader and the waiting writer.
    wakers: Mutex<[Option<Waker>; 2]>,
}

#[derive(Debug, Default)]
struct Grant {
    place: Option<OwnedSemaphorePermit>,
    /// The hash of the last token, and its role.
    token: Option<(Hash, Role)>,
}

/// The direction of data.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    In,
    Out,
}

impl Door {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            tickets: Mutex::default(),
            moved: Arc::default(),
        }
    }

    /// Registers a new guest.
    pub(super) fn enter(&self) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket {
            since: Instant::now(),
            places: self.places.clone(),
            moved: self.moved.clone(),
            is_guest: AtomicBool::new(true),
            grant: Mutex::default(),
            evicted: OnceLock::new(),
            wakers: Mutex::default(),
        });
        let mut tickets = lock(&self.tickets);
        tickets.retain(|ticket| ticket.strong_count() > 0);
        tickets.push(Arc::downgrade(&ticket));
        ticket
    }

    /// Waits until there is room for another guest.
    pub(super) async fn room(&self) {
        loop {
            let guests = self.guests();
            let Some(oldest) = guests.first().filter(|_| guests.len() >= GUESTS) else {
                return;
            };
            let until = oldest.since + PATIENCE;
            if until <= Instant::now() {
                oldest.evict("others are waiting, and it is not authorized yet");
                continue;
            }
            drop(guests);
            tokio::select! {
                () = self.moved.notified() => {}
                () = time::sleep_until(until) => {}
            }
        }
    }

    /// Evicts guests that stay too long. Never returns.
    pub(super) async fn expire(&self) {
        loop {
            let guests = self.guests();
            let Some(oldest) = guests.first() else {
                return std::future::pending().await;
            };
            let until = oldest.since + STAY;
            if until <= Instant::now() {
                oldest.evict("it was not authorized in time");
                continue;
            }
            drop(guests);
            time::sleep_until(until).await;
        }
    }

    /// Evicts connections for which `stays` returns false, given their token.
    pub(super) fn evict(
        &self,
        reason: &'static str,
        stays: impl Fn(Option<&(Hash, Role)>) -> bool,
    ) {
        for ticket in self.all() {
            let stays = stays(lock(&ticket.grant).token.as_ref());
            if !stays {
                ticket.evict(reason);
            }
        }
    }

    /// In order of arrival.
    fn all(&self) -> Vec<Arc<Ticket>> {
        lock(&self.tickets)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn guests(&self) -> Vec<Arc<Ticket>> {
        let mut tickets = self.all();
        tickets.retain(|ticket| {
            ticket.is_guest.load(Ordering::Relaxed) && ticket.evicted.get().is_none()
        });
        tickets
    }
}

impl Ticket {
    /// Turns a guest into a client, if there is room.
    pub(super) fn admit(&self, token: Option<(Hash, Role)>) -> Result<(), ()> {
        let mut grant = lock(&self.grant);
        if grant.place.is_none() {
            let place = self.places.clone().try_acquire_owned().map_err(|_| ())?;
            grant.place = Some(place);
        }
        grant.token = token;
        drop(grant);
        self.is_guest.store(false, Ordering::Relaxed);
        self.moved.notify_one();
        Ok(())
    }

    fn evict(&self, reason: &'static str) {
        if self.evicted.set(reason).is_err() {
            return;
        }
        self.moved.notify_one();
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Replaces the result of a read or write by an error once the connection was evicted.
    pub(super) fn check<T>(
        &self,
        way: Way,
        context: &mut Context<'_>,
        outcome: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let evicted = |reason: &&'static str| {
            Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                *reason,
            )))
        };
        if let Some(reason) = self.evicted.get() {
            return evicted(reason);
        }
        let outcome = outcome(context);
        if outcome.is_pending() {
            let mut wakers = lock(&self.wakers);
            let waker = &mut wakers[way as usize];
            if !waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(context.waker()))
            {
                *waker = Some(context.waker().clone());
            }
            drop(wakers);
            // It may have been evicted before its waker was registered.
            if let Some(reason) = self.evicted.get() {
                return evicted(reason);
            }
        }
        outcome
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.moved.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lingering_guests_are_evicted_when_others_wait() {
        let door = Door::new(1);
        let mut guests: Vec<_> = (0..GUESTS).map(|_| door.enter()).collect();
        let start = Instant::now();
        door.room().await;
        assert!(start.elapsed() >= PATIENCE);
        assert!(guests[0].evicted.get().is_some());
        assert!(guests[1].evicted.get().is_none());

        // Both leaving and becoming a client make room at once.
        let entered = door.enter();
        let (left, ()) = tokio::join!(async { guests.pop() }, door.room());
        drop(left);
        assert_eq!(start.elapsed(), PATIENCE);
        entered.admit(None).unwrap();
        door.room().await;
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn guests_have_a_time_limit_and_clients_have_none() {
        let door = Door::new(1);
        let (client, guest) = (door.enter(), door.enter());
        client.admit(None).unwrap();
        assert_eq!(guest.admit(None), Err(()), "there is one place");
        tokio::select! {
            () = door.expire() => unreachable!(),
            () = time::sleep(STAY * 2) => {}
        }
        assert!(guest.evicted.get().is_some());
        assert!(client.evicted.get().is_none());
        drop(client);
        door.enter().admit(None).unwrap();
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken_by_an_eviction() {
        let door = Door::new(1);
        let ticket = door.enter();
        let waits = |way| {
            std::future::poll_fn({
                let ticket = &ticket;
                move |context| ticket.check::<()>(way, context, |_| Poll::Pending)
            })
        };
        let away = async {
            tokio::task::yield_now().await;
            door.evict("gone", |_| false);
        };
        let (read, written, ()) = tokio::join!(waits(Way::In), waits(Way::Out), away);
        assert_eq!(read.unwrap_err().to_string(), "gone");
        assert_eq!(written.unwrap_err().to_string(), "gone");
    }
}
