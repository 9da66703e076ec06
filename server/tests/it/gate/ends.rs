//! A run says that it holds nothing when it ends: the database has the last word.

use super::world::World;
use crate::{
    store::{advance, commit, insert, published},
    support::{
        clock::TestClock,
        database::{Place, on_each},
    },
};
use futures::FutureExt;
use server::store::*;
use signalbox::{id::*, wire::MessageState};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_an_unsent_message_does_not_end_as_one_that_holds_nothing() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = OrganizationId(Uuid::now_v7());
        let workflow = published(&store, ours).await;
        let world = World::over(store.clone(), ours, TestClock::new());
        let (_, drafted) = world.draft().await;
        let drafted = world.message(drafted).await;
        let unsent = [
            MessageState::PendingApproval,
            MessageState::Held,
            MessageState::Queued,
            MessageState::RetryWait,
        ];
        for state in unsent {
            let run = insert(&store, ours, workflow, None).await.unwrap();
            let id = MessageId(Uuid::now_v7());
            let message = Message {
                id,
                run: Some(run),
                call: None,
                approval: None,
                state,
                ..drafted.clone()
            };
            let put = store.write(move |tx| {
                async move { message_insert(tx, &message).await.map(|_| ()) }.boxed()
            });
            put.await.unwrap();
            let end = RunCommit {
                holds_nothing: true,
                phase_stays: false,
                writes: vec![RunWrite::End],
                ..commit(ours, run, 3, 4)
            };
            let refused = advance(&store, end.clone()).await;
            assert_eq!(refused, Err(StoreError::Conflict { what: RUN_FENCE }), "{state:?}");
            let recall = store.write(move |tx| {
                async move { messages_recall(tx, ours, run, None, TestClock::new().now()).await }
                    .boxed()
            });
            assert_eq!(recall.await.unwrap().len(), 1, "{state:?}");
            advance(&store, end).await.unwrap();
        }
        store.close().await;
    })
    .await;
}
