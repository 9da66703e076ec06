//! What the database will not keep: it repeats no effect, stops no timer but its own, and shows where people see it.

use super::support::*;
use crate::support::database::{Place, on_each};
use chrono::TimeDelta;
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{run::*, wire::ApprovalState};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::time::Duration;

/// The database itself learns a rule, in the words of each.
async fn rule(place: &Place, sqlite: &'static str, postgres: &'static str) {
    match place {
        Place::Sqlite(folder) => {
            let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
            let mut conn = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlite).execute(&mut conn).await.map(|_| ()).unwrap();
        }
        Place::Postgres { .. } => {
            let mut conn = PgConnection::connect(&place.url()).await.unwrap();
            sqlx::raw_sql(postgres).execute(&mut conn).await.map(|_| ()).unwrap();
        }
    }
}

/// No two approvals may ask the same.
async fn each_prompt_once(bench: &Bench) {
    let sql = "CREATE UNIQUE INDEX each_prompt_once ON approvals (prompt)";
    rule(&bench.place, sql, sql).await;
}

fn asks(prompt: &str) -> Value {
    json!({"type": "human", "mode": "approve", "prompt": prompt})
}

/// Fires what is due, which must not wait for the clock to be moved.
async fn fire_due(bench: &Bench) -> Option<chrono::DateTime<chrono::Utc>> {
    let fired = tokio::time::timeout(Duration::from_secs(20), bench.engine.fire_due());
    fired.await.expect("one timer stops the others").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_an_answer_is_shown_and_repeats_no_effect() {
    on_each(async || {
        for between in [action(), wait_ms(1_000)] {
            let look = asks("Look: {{steps.a.output.text}}");
            let nodes = [("t", trigger()), ("a", action()), ("w", between), ("h", look)];
            let bench = Bench::new(graph(&nodes, "t>a a>w w>h")).await;
            let output = json!({"text": "x\u{0}y"});
            let answer = CallOutcome::Succeeded { output, usage: None };
            bench.script.answer("a", [Says::Give(answer)]);
            let run = bench.start_plain().await;
            bench.engine.settled().await;
            bench.clock.advance_ms(1_000);
            fire_due(&bench).await;
            bench.engine.settled().await;
            assert_eq!(bench.phase(run).await, RunPhase::AwaitingInput);
            let made = bench.script.nodes();
            assert_eq!(made.iter().filter(|node| *node == "a").count(), 1, "{made:?}");
            let pending =
                ApprovalFilter { state: Some(ApprovalState::Pending), ..Default::default() };
            let shown = approval_list(&bench.store, bench.organization, &pending, None, 10);
            assert_eq!(shown.await.unwrap()[0].request.prompt, "Look: x\u{fffd}y");
            bench.sound(run).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_database_refuses_fails_its_step_at_once() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("h", human())];
        let bench = Bench::new(graph(&nodes, "t>a a>h")).await;
        each_prompt_once(&bench).await;
        let first = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(first).await, RunPhase::AwaitingInput);
        let second = bench.start_plain().await;
        bench.engine.settled().await;
        let status = bench.row(second).await.status;
        let RunStatus::Failed { error_message } = &status else { panic!("{status:?}") };
        assert!(error_message.contains("cannot be kept"), "{error_message}");
        assert_eq!(bench.script.nodes(), ["a", "a"], "each run made its call once");
        bench.sound(second).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_whose_consequence_the_database_refuses_holds_its_run() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_ms(1_000)), ("h", human())];
        let bench = Bench::new(graph(&nodes, "t>w w>h")).await;
        each_prompt_once(&bench).await;
        let runs = [bench.start_plain().await, bench.start_plain().await];
        bench.clock.advance_ms(1_000);
        fire_due(&bench).await;
        let [one, other] = [bench.phase(runs[0]).await, bench.phase(runs[1]).await];
        let phases = [RunPhase::AwaitingInput, RunPhase::Blocked];
        assert!(
            one != other && phases.contains(&one) && phases.contains(&other),
            "{one:?} {other:?}"
        );
        for run in runs {
            if bench.phase(run).await == RunPhase::Blocked {
                let status = bench.row(run).await.status;
                let RunStatus::Blocked { reason } = &status else { panic!("{status:?}") };
                assert!(reason.contains("cannot be kept"), "{reason}");
            }
            bench.sound(run).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_cannot_fire_rests_and_holds_up_no_other() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_ms(1_000)), ("h", human())];
        let mut bench = Bench::new(graph(&nodes, "t>w w>h")).await;
        rule(
            &bench.place,
            "CREATE TRIGGER nobody_asks BEFORE INSERT ON approvals
             BEGIN SELECT RAISE(ABORT, 'not now'); END",
            "CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
             CREATE TRIGGER nobody_asks BEFORE INSERT ON approvals
               FOR EACH ROW EXECUTE FUNCTION not_now()",
        )
        .await;
        let asks = bench.start_plain().await;
        let ends = graph(&[("t", trigger()), ("w", wait_ms(1_500)), ("e", end())], "t>w w>e");
        bench.workflow = publish(&bench.store, bench.organization, ends).await;
        let passes = bench.start_plain().await;

        bench.clock.advance_ms(1_000);
        assert_eq!(fire_due(&bench).await, Some(epoch() + TimeDelta::milliseconds(1_500)));
        bench.clock.advance_ms(500);
        assert_eq!(fire_due(&bench).await, Some(epoch() + TimeDelta::seconds(2)));
        assert_eq!(bench.phase(passes).await, RunPhase::Completed);
        bench.clock.advance_ms(500);
        let next = fire_due(&bench).await;
        assert_eq!(next, Some(epoch() + TimeDelta::seconds(4)), "it rests longer each time");

        rule(&bench.place, "DROP TRIGGER nobody_asks", "DROP TRIGGER nobody_asks ON approvals")
            .await;
        bench.clock.advance_ms(2_000);
        assert_eq!(fire_due(&bench).await, None);
        assert_eq!(bench.phase(asks).await, RunPhase::AwaitingInput);
        bench.sound(asks).await;
    })
    .await;
}
