//! The journal: the events of runs, one row a commit, packed.

use super::{
    Store, StoreError, StoreResult, Tx, on_model, packing,
    payloads::{self, Packed, payload_sql},
    value,
};
use crate::{args, on_db};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{EVENT_VERSION, Event},
};

/// Events in one row; a commit with more writes several.
const BLOCK_EVENTS_MAX: usize = 256;
/// Rows read at once.
const BLOCKS_READ_MAX: i64 = 64;

/// Events as they will stand in the journal; made before the writer's turn, so that it only inserts.
#[derive(Clone, Debug, Default)]
pub struct EventBlocks(Vec<Block>);

#[derive(Clone, Debug)]
struct Block {
    first: i64,
    last: i64,
    packed: Packed,
}

impl EventBlocks {
    /// Writes events, which are dense, as blocks. [`StoreError::TooLarge`] when one alone is larger than
    /// [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
    pub fn of(events: &[Event]) -> StoreResult<Self> {
        let mut blocks = Vec::new();
        for events in events.chunks(BLOCK_EVENTS_MAX) {
            let json = value::to_json(events, "run_events", "events")?;
            if payloads::check_size(&json, "an event").is_ok() {
                blocks.push(block(events, json));
                continue;
            }
            for event in events.chunks(1) {
                let json = value::to_json(event, "run_events", "events")?;
                payloads::check_size(&json, "an event")?;
                blocks.push(block(event, json));
            }
        }
        Ok(Self(blocks))
    }
}

fn block(events: &[Event], json: String) -> Block {
    Block {
        first: value::int(events[0].seq),
        last: value::int(events[events.len() - 1].seq),
        packed: Packed::of(json),
    }
}

/// Appends to the journal. A number that is there already is a [`StoreError::Constraint`].
pub(super) async fn events_append(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    blocks: &EventBlocks,
) -> StoreResult<()> {
    on_model!(tx, |model| model
        .append(run, blocks.0.iter().map(|b| (b.first, b.last, b.packed.bytes()))));
    for block in &blocks.0 {
        block.packed.put(tx, organization, run).await?;
        tx.gather(
            "run_events",
            "INSERT INTO run_events (organization_id, run_id, first_seq, last_seq, format, events, payload)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                organization.0,
                run.0,
                block.first,
                block.last,
                EVENT_VERSION,
                block.packed.inline().to_vec(),
                block.packed.hash(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Events of a run after a number, oldest first, at most `limit`; and whether more follow.
pub async fn events_after(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
    after: u64,
    limit: usize,
) -> StoreResult<(Vec<Event>, bool)> {
    on_model!(store, |node| node.read(|tables| tables.events_after(run, after, limit)).await);
    let mut events: Vec<Event> = Vec::new();
    let mut after = after;
    loop {
        let rows = blocks_after(store, organization, run, after).await?;
        let exhausted = (rows.len() as i64) < BLOCKS_READ_MAX;
        for (format, json) in rows {
            let json = json.ok_or(StoreError::Corrupt {
                table: "payloads",
                column: "bytes",
                detail: "the payload of an event is not there".into(),
            })?;
            let block = events_of_block(format, &json)?;
            for event in block.into_iter().filter(|event| event.seq > after) {
                if events.len() == limit {
                    return Ok((events, true));
                }
                events.push(event);
            }
            after = events.last().map_or(after, |event| event.seq);
        }
        if exhausted {
            return Ok((events, false));
        }
    }
}

/// The events of a block as it stands in its row.
pub(super) fn events_of_block(format: i64, json: &[u8]) -> StoreResult<Vec<Event>> {
    if format > i64::from(EVENT_VERSION) {
        return Err(StoreError::Corrupt {
            table: "run_events",
            column: "format",
            detail: format!("format {format} was written by a newer Signalbox"),
        });
    }
    let json = packing::unpack(json, "run_events", "events")?;
    value::from_json_bytes(&json, "run_events", "events")
}

async fn blocks_after(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
    after: u64,
) -> StoreResult<Vec<(i64, Option<Vec<u8>>)>> {
    // The block that holds the number, then those behind it: both by the primary key.
    Ok(on_db!(store, |pool| sqlx::query_as(concat!(
        "SELECT format, ",
        payload_sql!("run_events", "events"),
        " FROM run_events
         WHERE organization_id = $1 AND run_id = $2 AND last_seq > $3 AND first_seq >= coalesce(
           (SELECT max(first_seq) FROM run_events
            WHERE organization_id = $1 AND run_id = $2 AND first_seq <= $3 + 1), 0)
         ORDER BY first_seq LIMIT $4"
    ))
    .bind(organization.0)
    .bind(run.0)
    .bind(value::int(after))
    .bind(BLOCKS_READ_MAX)
    .fetch_all(pool)
    .await)?)
}

/// Checks that events follow one another without a gap from `after` on.
pub fn events_check_dense(events: &[Event], after: u64) -> StoreResult<()> {
    for (event, expected) in events.iter().zip(after + 1..) {
        if event.seq != expected {
            return Err(StoreError::Corrupt {
                table: "run_events",
                column: "events",
                detail: format!("event {expected} is missing; {} follows", event.seq),
            });
        }
    }
    Ok(())
}
