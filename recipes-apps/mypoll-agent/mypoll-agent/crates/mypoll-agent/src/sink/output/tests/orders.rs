// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs that are switched by orders.

use super::*;

fn set(active: bool) -> Action {
    let name = "leds-4".to_owned();
    Action::Output(Switch::Set { name, active })
}

fn toggle() -> Action {
    let name = "leds-4".to_owned();
    Action::Output(Switch::Toggle { name })
}

fn pulse(ms: u32) -> Action {
    let name = "leds-4".to_owned();
    Action::Output(Switch::Pulse { name, ms })
}

impl Bench {
    async fn order(&self, action: Action) -> Result<(), String> {
        let outcome = self.context.commands.order(action).await;
        outcome.map_err(|refused| refused.to_string())
    }
}

#[tokio::test(start_paused = true)]
async fn orders_switch_the_output() {
    let bench = Bench::start("", &[high(), low(), high(), low()]).await;
    assert_eq!(bench.order(set(true)).await, Ok(()));
    assert_eq!(bench.order(set(true)).await, Ok(()));
    assert_eq!(bench.order(set(false)).await, Ok(()));
    assert_eq!(bench.order(toggle()).await, Ok(()));
    assert_eq!(bench.order(toggle()).await, Ok(()));
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_pulse_ends_even_if_nobody_waits_for_it() {
    let bench = Bench::start("", &[high(), low(), high(), low()]).await;
    assert_eq!(bench.order(pulse(100)).await, Ok(()));
    time::sleep(ON * 2).await;
    // The sender is gone before the order is carried out.
    let order = tokio::spawn({
        let commands = bench.context.commands.clone();
        async move { commands.order(pulse(100)).await }
    });
    tokio::task::yield_now().await;
    order.abort();
    time::sleep(ON * 2).await;
    assert_eq!(
        bench.order(pulse(0)).await.unwrap_err(),
        "the output `leds-4` supports pulses of 1 to 3600000 ms, not 0"
    );
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_output_that_follows_a_line_takes_no_orders() {
    let bench = Bench::start("follow.label = 'door'", &[]).await;
    assert_eq!(
        bench.order(set(true)).await.unwrap_err(),
        "the output `leds-4` follows the line `door`, which alone controls it"
    );
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_failed_is_not_carried_out_later() {
    let bench = Bench::start_late("", vec!["busy"; 6], &[high(), low()]).await;
    assert_eq!(
        bench.order(set(true)).await.unwrap_err(),
        "the output `leds-4` is unavailable: busy"
    );
    time::sleep(Duration::from_secs(10)).await;
    assert_eq!(*bench.opened.lock().unwrap(), [PinState::Low]);
    assert_eq!(bench.order(set(true)).await, Ok(()));
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_precedes_steady_events() {
    let (mut bench, mut states, go) = slow("toggle.source = 'timer'").await;
    bench.events(&[(Kind::TICK, 0)]).await;
    assert_eq!(states.recv().await, Some(PinState::High));
    bench.events(&[(Kind::TICK, 0)]).await;
    let order = tokio::spawn({
        let commands = bench.context.commands.clone();
        async move { commands.order(set(true)).await }
    });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    // The order overrides the second event, so the line is not set again.
    assert_eq!(order.await.unwrap(), Ok(()));
    bench.stop.cancel();
    assert_eq!(states.recv().await, Some(PinState::Low));
    go.send(()).unwrap();
    bench.finish().await;
}
