//! The runs of a contact: those that were started about it, and those that wrote to it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_finds_the_runs_about_it_and_those_that_wrote_to_it() {
    on_each(async || {
        let shelf = Shelf::new().await;
        let [ada, grace, eve] = [(); 3].map(|()| ContactId(Uuid::now_v7()));
        let of = |contact| RunFilter { contact: Some(contact), ..RunFilter::default() };
        let put = |days_ago, contacts| Put { days_ago, contacts, ..Put::default() };
        let about = shelf.put(put(9, vec![ada])).await;
        let ended = Put { status: Some(done(shelf.now)), input: json!(4711), ..put(7, vec![]) };
        let wrote = shelf.put(ended).await;
        let both = shelf.put(put(5, vec![ada])).await;
        let nobody = shelf.put(put(3, vec![])).await;
        let dunning = workflow(&shelf.store, shelf.ours, "Dunning", shelf.now).await;
        let last = shelf.put_into(dunning, put(1, vec![grace])).await;
        let forgotten = RunId(Uuid::now_v7()); // messages outlive their runs
        for run in [wrote, both, wrote, last, forgotten] {
            shelf.message_to(Some(ada), shelf.ours, run, "accepted").await;
        }
        shelf.message(nobody, "accepted").await;
        let theirs = OrganizationId(Uuid::now_v7());
        shelf.message_to(Some(eve), theirs, nobody, "accepted").await;

        for limit in 1..=5 {
            let (mut found, mut cursor) = (vec![], None);
            loop {
                let page = run_list(&shelf.store, shelf.ours, &of(ada), cursor, limit).await;
                let page: Vec<RunId> = page.unwrap().into_iter().map(|run| run.id).collect();
                let Some(end) = page.last() else { break };
                cursor = Some(*end);
                found.extend(page);
            }
            assert_eq!(found, [last, both, wrote, about], "pages of {limit}");
        }
        assert_eq!(shelf.listed(of(grace)).await, [last]);
        assert_eq!(shelf.listed(of(eve)).await, [], "another organisation's contact");
        for contact in [ada, eve] {
            let found = run_list(&shelf.store, theirs, &of(contact), None, 10).await.unwrap();
            assert!(found.is_empty(), "another organisation's runs");
        }

        let phase = Some(RunPhase::Completed);
        assert_eq!(shelf.listed(RunFilter { phase, ..of(ada) }).await, [wrote]);
        let workflow = Some(dunning);
        assert_eq!(shelf.listed(RunFilter { workflow, ..of(ada) }).await, [last]);
        let after = Some(shelf.now - TimeDelta::days(6));
        assert_eq!(shelf.listed(RunFilter { after, ..of(ada) }).await, [last, both]);
        let words = Some("4711 welcome".into());
        assert_eq!(shelf.listed(RunFilter { words, ..of(ada) }).await, [wrote]);
    })
    .await;
}
