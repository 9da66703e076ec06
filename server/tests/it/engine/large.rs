//! Large inputs and outputs: kept apart from the hot rows, given back whole, refused past the limit.

use super::support::*;
use crate::support::database::on_each;
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::run::*;

fn noise(chars: usize) -> String {
    (0..chars).map(|_| rand::random_range('a'..='~')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_call_survives_a_restart_and_its_output_is_whole() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_ms(1_000)), ("a", action()), ("e", end())];
        let mut bench = Bench::new(graph(&nodes, "t>w w>a a>e")).await;
        let text = noise(200_000);
        let output = CallOutcome::Succeeded { output: json!({ "back": text }), usage: None };
        bench.script.answer("a", [Says::Hang, Says::Give(output)]);
        let input = json!({ "say": text });
        let start = StartRun { input: input.clone(), ..Default::default() };
        let run = bench.start(start).await.run;
        bench.clock.advance_ms(1_000);
        bench.engine.fire_due().await.unwrap();
        while bench.script.made().is_empty() {
            tokio::task::yield_now().await;
        }
        // The call is open, and only its row says what is asked.
        let open = calls_open(&bench.store, 10).await.unwrap();
        let request = serde_json::to_string(&open[0].as_ref().unwrap().request).unwrap();
        assert!(request.contains(&serde_json::to_string(&text).unwrap()));
        bench.restart().await;
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        let events = bench.events(run).await;
        assert!(events.iter().any(|event| matches!(&event.body,
            EventBody::NodeCompleted { output, .. } if output["back"] == json!(text))));
        assert!(
            matches!(&events[0].body, EventBody::RunStarted { input: given, .. } if *given == input)
        );
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_or_fails_its_step() {
    let bench =
        Bench::new(graph(&[("t", trigger()), ("a", action()), ("e", end())], "t>a a>e")).await;
    let huge = json!("x".repeat(PAYLOAD_BYTES_MAX));
    let start = StartRun { input: huge.clone(), ..Default::default() };
    let refused = bench.engine.start_run(bench.organization, bench.workflow, 1, start).await;
    let Err(EngineError::Store(StoreError::TooLarge { size, limit, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert!(size > limit && limit == PAYLOAD_BYTES_MAX);
    let output = CallOutcome::Succeeded { output: huge, usage: None };
    bench.script.answer("a", [Says::Give(output)]);
    let run = bench.start_plain().await;
    bench.drive().await;
    let RunStatus::Failed { error_message } = bench.row(run).await.status else {
        panic!("{:?}", bench.row(run).await)
    };
    assert!(error_message.contains("at most 10485760 are taken"), "{error_message}");
    bench.sound(run).await;
    bench.nothing_left().await;
}
