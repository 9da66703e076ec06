//! Places of queues that calls take while a server makes them, on every store.

use super::*;

/// A call of a queue, and which server has it.
struct Waits {
    call: OpenCall,
    server: usize,
}

impl Bed {
    async fn waits(&self, number: u128, server: usize, ms: i64, priority: u8) -> Waits {
        let run = RunId(Uuid::from_u128(number));
        let mut call = self.call(run, 1);
        (call.call, call.route.priority) = (CallId(Uuid::from_u128(number)), Some(priority));
        let open = RunWrite::CallOpen(Box::new(call.clone()));
        self.insert(self.of(server), run, None, vec![]).await.unwrap();
        let commit = RunCommit { at: at(ms), ..self.commit(run, 1, vec![open]) };
        self.advance(self.of(server), commit).await.unwrap();
        Waits { call, server }
    }

    async fn asks(&self, of: &Waits, ask: PlaceAsk) -> PlaceAnswer {
        let call = of.call.clone();
        let asked = self
            .of(of.server)
            .write(move |tx| async move { call_take_place(tx, &call, ask).await }.boxed());
        asked.await.unwrap()
    }

    async fn over(&self, of: &Waits) {
        let close = RunWrite::CallClose(of.call.call);
        self.advance(self.of(of.server), self.commit(of.call.run, 2, vec![close])).await.unwrap();
    }
}

fn among(places: u32) -> PlaceAsk {
    PlaceAsk { places, per_minute: None, mine: 0, gives_way: true }
}

fn taken(claims: u32) -> PlaceAnswer {
    PlaceAnswer::Taken { claims }
}

/// So many calls of a queue are made at once, whichever server makes them.
pub async fn places_of_calls(bed: &Bed) {
    let (one, other) = (bed.waits(1, 0, 0, 5).await, bed.waits(2, 1, 0, 5).await);
    if bed.stores.len() == 1 {
        return match bed.one().is_shared() {
            true => assert_eq!(bed.asks(&one, among(1)).await, taken(1)),
            // One alone counts in memory, and here only how often it was begun.
            false => assert_eq!(bed.asks(&one, among(0)).await, taken(2)),
        };
    }
    assert_eq!(bed.asks(&one, among(1)).await, taken(1));
    assert_eq!(bed.asks(&other, among(1)).await, PlaceAnswer::Full);
    assert_eq!(bed.asks(&other, PlaceAsk { mine: 1, ..among(2) }).await, PlaceAnswer::Full);
    assert_eq!(bed.asks(&other, among(2)).await, taken(1));
    bed.over(&other).await;
    assert_eq!(bed.asks(&other, among(2)).await, PlaceAnswer::Gone);

    // What waits, is made anew or was left off keeps nobody out.
    let third = bed.waits(3, 1, 0, 5).await;
    assert_eq!(bed.asks(&third, among(1)).await, PlaceAnswer::Full);
    let park = RunWrite::CallPark(one.call.call);
    bed.advance(bed.one(), bed.commit(one.call.run, 2, vec![park])).await.unwrap();
    assert_eq!(bed.asks(&one, among(9)).await, PlaceAnswer::Gone, "it is not to be made");
    let second = OpenCall { attempt: 2, ..one.call.clone() };
    let open = RunWrite::CallOpen(Box::new(second.clone()));
    bed.advance(bed.one(), bed.commit(one.call.run, 3, vec![open])).await.unwrap();
    let one = Waits { call: second, server: 0 };
    assert_eq!(bed.asks(&third, among(1)).await, taken(1));
    let fourth = bed.waits(4, 1, 0, 5).await;
    assert_eq!(bed.asks(&one, among(1)).await, PlaceAnswer::Full);
    assert_eq!(bed.asks(&fourth, among(0)).await, PlaceAnswer::Full, "it makes none of its own");
    assert_eq!(bed.asks(&one, among(1)).await, taken(1), "the third was left off");
    bed.over(&fourth).await;
    let close = RunWrite::CallClose(one.call.call);
    bed.advance(bed.one(), bed.commit(one.call.run, 4, vec![close])).await.unwrap();
    assert_eq!(bed.asks(&third, among(1)).await, taken(2), "it is begun once more");
    bed.over(&third).await;
}

/// Calls of other servers go first if they are more urgent, or much older.
pub async fn servers_give_way(bed: &Bed) {
    if bed.stores.len() == 1 {
        return;
    }
    let insists = PlaceAsk { gives_way: false, ..among(2) };
    let (late, early) = (bed.waits(1, 0, 9_000, 5).await, bed.waits(2, 1, 1_000, 5).await);
    assert_eq!(bed.asks(&late, among(2)).await, PlaceAnswer::GivesWay);
    assert_eq!(bed.asks(&early, among(2)).await, taken(1));
    assert_eq!(bed.asks(&late, among(2)).await, taken(1), "who is made is before nobody");
    bed.over(&early).await;
    bed.over(&late).await;
    let (calm, urgent) = (bed.waits(3, 0, 1_000, 5).await, bed.waits(4, 1, 9_000, 6).await);
    let near = bed.waits(5, 0, 10_000, 6).await;
    assert_eq!(bed.asks(&calm, among(2)).await, PlaceAnswer::GivesWay);
    assert_eq!(bed.asks(&near, among(2)).await, taken(1), "older, but not by much");
    assert_eq!(bed.asks(&calm, insists).await, taken(1));
    assert_eq!(bed.asks(&urgent, among(3)).await, taken(1));
}

/// So many begin within a minute, whichever server begins them.
pub async fn rates_of_calls(bed: &Bed) {
    if bed.stores.len() == 1 {
        return;
    }
    let rate = PlaceAsk { per_minute: Some(2), ..among(9) };
    let mut calls = Vec::new();
    for number in 0..3 {
        calls.push(bed.waits(1 + number as u128, number, 0, 5).await);
    }
    let mut answers = Vec::new();
    for call in &calls {
        answers.push(bed.asks(call, rate).await);
        bed.over(call).await;
    }
    assert_eq!(answers[..2], [taken(1), taken(1)]);
    let PlaceAnswer::Late { wait_ms } = answers[2] else { panic!("{:?}", answers[2]) };
    assert!((50_000..=60_000).contains(&wait_ms), "{wait_ms}");
    let more = bed.waits(9, 1, 0, 5).await;
    assert_eq!(bed.asks(&more, PlaceAsk { per_minute: Some(3), ..rate }).await, taken(1));
}
