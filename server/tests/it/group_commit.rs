//! Operations that share a commit: each is undone alone, and sees those before it.

use crate::{
    store::{advance, at, commit, feed_of, insert, insert_as, organization, published},
    support::database::{Place, on_each},
};
use futures::FutureExt;
use server::store::*;
use signalbox::{graph::Graph, id::*};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_operation_undoes_itself_alone() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let run = |succeed: bool| {
            let store = store.clone();
            async move {
                store
                    .write(move |tx| {
                        async move {
                            let id = WorkflowId(Uuid::now_v7());
                            let new = NewWorkflow {
                                organization: ours,
                                id,
                                name: if succeed { "good" } else { "bad" }.into(),
                                description: String::new(),
                                draft: Graph::default(),
                                created_by: String::new(),
                                labels: Default::default(),
                            };
                            workflow_create(tx, &new, at(0)).await?;
                            match succeed {
                                true => Ok(()),
                                false => Err(StoreError::Conflict { what: "this" }),
                            }
                        }
                        .boxed()
                    })
                    .await
            }
        };
        let results = futures::future::join_all((0..40).map(|n| run(n % 2 == 0))).await;
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), n % 2 == 0, "operation {n} gave {result:?}");
        }
        let names: Vec<String> = workflow_list(&store, ours, &Default::default(), None, 100)
            .await
            .unwrap()
            .into_iter()
            .map(|workflow| workflow.name)
            .collect();
        assert_eq!(names, vec!["good"; 20]);
        let feed = feed_of(&store, ours, 0, 20).await;
        assert_eq!(feed.len(), 20, "what was undone is not in the feed");
        assert!(feed.iter().zip(1..).all(|(entry, number)| entry.number == number), "dense");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gathered_statements_that_fail_undo_their_operation_alone() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let workflow = published(&store, ours).await;
        let before = feed_of(&store, ours, 0, 2).await.len();
        let start = |n: usize| {
            let store = store.clone();
            async move {
                match n % 3 {
                    0 => insert(&store, ours, workflow, None).await,
                    1 => insert(&store, ours, workflow, Some("the same")).await,
                    _ => insert(&store, ours, WorkflowId(Uuid::now_v7()), None).await,
                }
            }
        };
        let results = futures::future::join_all((0..60).map(start)).await;
        let count = |wanted: fn(&StoreResult<RunId>) -> bool| {
            results.iter().filter(|result| wanted(result)).count()
        };
        assert_eq!(count(|result| result.is_ok()), 21, "{results:?}");
        assert_eq!(count(|result| matches!(result, Err(StoreError::Conflict { .. }))), 19);
        assert_eq!(count(|result| matches!(result, Err(StoreError::Constraint(_)))), 20);
        for run in results.into_iter().flatten() {
            let (events, _) = events_after(&store, ours, run, 0, 10).await.unwrap();
            assert_eq!(events.len(), 3, "a run has its journal");
        }
        let all = run_list(&store, ours, &RunFilter::default(), None, 100).await.unwrap();
        assert_eq!(all.len(), 21);
        let feed = feed_of(&store, ours, 0, before + 21).await;
        assert_eq!(feed.len(), before + 21, "what was undone is not in the feed");
        assert!(feed.iter().zip(1..).all(|(entry, number)| entry.number == number), "dense");
        // A commit at an old number in a group with others, whose events would also clash.
        let run = all[0].id;
        let tries = (0..20).map(|n| advance(&store, commit(ours, run, 3, 4 + n % 2)));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let fenced = |result: &&StoreResult<()>| matches!(result, Err(StoreError::Conflict { .. }));
        assert_eq!(results.iter().filter(fenced).count(), 19, "{results:?}");
    })
    .await;
}

/// SQLite: operations that ask nothing wait, and are sent when one of the same commit asks something.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_commit_is_there_for_those_behind_it() {
    let place = Place::new().await;
    let store = place.open().await;
    let ours = organization();
    let workflow = published(&store, ours).await;
    let before = feed_of(&store, ours, 0, 2).await.len();
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let hold = store.write(|_| {
        async move {
            let _ = held.await;
            Ok::<_, StoreError>(())
        }
        .boxed()
    });
    let runs: Vec<RunId> = (0..8).map(|_| RunId(Uuid::now_v7())).collect();
    let put = |at: usize, key| insert_as(&store, ours, workflow, key, runs[at]);
    let nowhere = WorkflowId(Uuid::now_v7());
    let (wrong, again) = (runs[1], RunCommit { workflow, ..commit(ours, runs[6], 0, 3) });
    let breaks_off = store.write(move |tx| {
        async move {
            run_fence(tx, &again)?;
            Err(StoreError::Conflict { what: "this" })
        }
        .boxed()
    });
    let all = async {
        tokio::join!(
            hold,
            insert_as(&store, ours, nowhere, None, wrong),
            put(0, None),
            put(2, Some("k")),
            advance(&store, commit(ours, runs[2], 3, 5)), // asks
            put(3, Some("k")),
            put(4, None),
            breaks_off,
            put(0, None), // its id is taken
            put(5, None),
            advance(&store, commit(ours, runs[4], 2, 5)), // at an old number
            put(7, None),
        )
    };
    let let_go = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        release.send(()).unwrap();
    };
    let (results, ()) = tokio::join!(all, let_go);
    let conflict = |what| Err(StoreError::Conflict { what });
    assert_eq!((results.0, results.2, results.3, results.4), (Ok(()), Ok(()), Ok(()), Ok(())));
    assert!(matches!(results.1, Err(StoreError::Constraint(_))), "{:?}", results.1);
    assert_eq!(results.5, conflict("the run with this idempotency key"));
    assert_eq!((results.6, results.7), (Ok(()), conflict("this")));
    assert!(matches!(results.8, Err(StoreError::Constraint(_))), "{:?}", results.8);
    assert_eq!((results.9, results.10, results.11), (Ok(()), conflict(RUN_FENCE), Ok(())));

    let there = run_list(&store, ours, &RunFilter::default(), None, 100).await.unwrap();
    let mut there: Vec<_> = there.into_iter().map(|run| (run.id, run.seq)).collect();
    there.sort();
    assert_eq!(there, [(0, 3), (2, 5), (4, 3), (5, 3), (7, 3)].map(|(at, seq)| (runs[at], seq)));
    let feed = feed_of(&store, ours, 0, before + 6).await;
    assert!(feed.iter().zip(1..).all(|(entry, number)| entry.number == number), "dense");
    let told: Vec<_> = feed[before..].iter().map(|entry| entry.resource).collect();
    assert_eq!(told, [0, 2, 2, 4, 5, 7].map(|at| runs[at].0), "in order, without what failed");
}
