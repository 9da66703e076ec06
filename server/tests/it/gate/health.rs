//! A mail server that cannot be reached: messages wait for it, one tries, and no attempts are burnt.

use super::world::World;
use crate::support::smtp_sink::SmtpSink;
use signalbox::{id::MessageId, run::Command, wire::*};

/// A port at which nobody listens.
async fn dead_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A world whose channel counts as out of order after three tries of one message, which had two attempts.
async fn out_of_order(port: u16) -> (World, MessageId) {
    let world = World::sandbox().await;
    world.use_server(port, SmtpSecurity::None, None).await;
    let (_, message) = world.draft().await;
    world.approve().await;
    for (attempts, pause) in [(1, 60), (2, 120), (2, 0)] {
        world.gate.step().await.unwrap();
        let waiting = world.message(message).await;
        assert_eq!((waiting.state, waiting.attempts), (MessageState::RetryWait, attempts));
        world.clock.advance(pause);
    }
    assert!(world.message(message).await.gate_held);
    (world, message)
}

#[tokio::test]
async fn messages_wait_for_a_dead_server_and_leave_when_it_is_back() {
    let port = dead_port().await;
    let (world, first) = out_of_order(port).await;
    // A second message does not even try, and says why.
    let (_, second) = world.draft().await;
    world.approve().await;
    world.gate.step().await.unwrap();
    let held = world.message(second).await;
    assert_eq!((held.state, held.attempts), (MessageState::Held, 0));
    assert!(held.detail.contains("not reached 3 times in a row"), "{}", held.detail);
    let verdict = world.gate.verdict(&held).await.unwrap();
    assert_eq!((verdict.verdict.as_str(), verdict.not_before), ("hold", held.due_at));
    let told = world.runs.told();
    assert!(matches!(told.last(), Some(Command::MessageMoved { until: Some(_), .. })), "{told:?}");

    // For a day: each time one of them tries, and neither loses an attempt. The runs hear of it now and then.
    for _ in 0..100 {
        world.clock.advance(900);
        world.gate.step().await.unwrap();
    }
    let heard = world.runs.told().len() - told.len();
    assert!((3..10).contains(&heard), "{heard}");
    assert_eq!(world.message(first).await.attempts, 2);
    assert_eq!(world.message(second).await.attempts, 0);

    let sink = SmtpSink::start_at(port).await;
    world.clock.advance(900);
    world.gate.step().await.unwrap();
    assert_eq!(sink.received().len(), 1, "one tries");
    world.clock.advance(60);
    world.gate.step().await.unwrap();
    let states = [world.state(first).await, world.state(second).await];
    assert_eq!(states, [MessageState::Accepted; 2]);
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test]
async fn a_changed_channel_is_tried_at_once() {
    let port = dead_port().await;
    let (world, message) = out_of_order(port).await;
    let sink = SmtpSink::start_at(port).await;
    world.gate.step().await.unwrap();
    assert!(sink.received().is_empty(), "it is not time yet");
    world.use_sink(&sink).await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_holds_messages_too() {
    let sink = SmtpSink::start().await;
    sink.require("shop", "secret");
    let world = World::smtp(&sink).await;
    let settings = world.gate.channels().settings();
    let mut channel = settings.email(world.organization).await.unwrap().channel;
    if let EmailChannel::Smtp { username, password, .. } = &mut channel {
        (*username, *password) = (Some("shop".into()), Some("wrong".into()));
    }
    // A password is never sent in the clear to another machine; this one is the loopback.
    settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
    let (_, message) = world.draft().await;
    world.approve().await;
    for _ in 0..5 {
        world.gate.step().await.unwrap();
        world.clock.advance(3_600);
    }
    let waiting = world.message(message).await;
    assert_eq!(
        (waiting.state, waiting.attempts),
        (MessageState::RetryWait, 2),
        "{}",
        waiting.detail
    );
    if let EmailChannel::Smtp { password, .. } = &mut channel {
        *password = Some("secret".into());
    }
    settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
}
