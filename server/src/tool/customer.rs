//! `customer.*` over the contacts.

use super::{ToolResult, broken, list, text_of, wrong};
use crate::{
    gate::{ContactError, Gate},
    store::{self, ContactFilter, Store},
};
use chrono::Utc;
use serde_json::{Map, Value, json};
use signalbox::{
    expr::{Expression, ValueScope},
    id::{CallId, ContactId, OrganizationId},
    run::{ErrorKind, StepError},
    wire::{ContactInput, ContactView},
};

/// Rows that a filter reads at a time.
const BATCH: u32 = 500;
/// Rows that one filter looks at; past it the result says how to go on.
const ROWS_MAX: usize = 100_000;
/// Bytes of one list, before it is given under all its names.
const LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A contact as tools give it: metadata is readable at the top level, where no field stands already.
pub fn record(contact: &ContactView) -> Value {
    let mut fields = json!({
        "id": contact.id,
        "_id": contact.id,
        "_creationTime": contact.created_at.timestamp_millis(),
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "status": contact.status,
        "source": contact.source,
        "locale": contact.locale,
        "timezone": contact.timezone,
        "externalId": contact.external_id,
        "doNotContact": contact.do_not_contact,
        "consent": consent(contact),
        "tags": contact.tags,
        "totalSpent": contact.total_spent,
        "metadata": contact.metadata,
        "createdAt": contact.created_at.to_rfc3339(),
        "updatedAt": contact.updated_at.to_rfc3339(),
    });
    if let Value::Object(fields) = &mut fields {
        for (key, value) in &contact.metadata {
            fields.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    fields
}

/// What the contact said, by channel: `{"email": "granted"}`. Only people change it.
fn consent(contact: &ContactView) -> Value {
    let said = contact.consent.iter().map(|consent| {
        let state = consent.state_at(Utc::now());
        let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
        (word(json!(consent.channel)), json!(state))
    });
    Value::Object(said.collect())
}

fn failed(error: ContactError) -> StepError {
    match error {
        ContactError::Invalid { .. } => wrong(error.to_string()),
        ContactError::Store(store::StoreError::NotFound { .. }) => {
            StepError::new(ErrorKind::NotFound, "there is no such customer")
        }
        ContactError::Store(error) => broken(error),
    }
}

/// The customer that `customerId` names.
pub(super) async fn find(
    gate: &Gate,
    organization: OrganizationId,
    input: &Value,
) -> Result<ContactView, StepError> {
    let reference = text_of(input, "customerId").ok_or_else(|| wrong("customerId is empty"))?;
    let found = gate.contact_by_reference(organization, &reference).await.map_err(broken)?;
    found.ok_or_else(|| {
        StepError::new(
            ErrorKind::NotFound,
            format!("there is no customer \u{201c}{reference}\u{201d}"),
        )
    })
}

/// `customer.create`. The id is derived from the call: made again, it finds its customer.
pub(super) async fn create(
    gate: &Gate,
    organization: OrganizationId,
    call: CallId,
    input: Value,
) -> ToolResult {
    let id = ContactId::derive(call.0, &["contact"]);
    let mut input = contact_input(input)?;
    input.source = input.source.or(Some("workflow".into()));
    Ok(record(&gate.contact_create_as(organization, id, &input).await.map_err(failed)?))
}

/// `customer.get_by_id`.
pub(super) async fn get(gate: &Gate, organization: OrganizationId, input: Value) -> ToolResult {
    Ok(record(&find(gate, organization, &input).await?))
}

/// `customer.update`.
pub(super) async fn update(gate: &Gate, organization: OrganizationId, input: Value) -> ToolResult {
    let id = find(gate, organization, &input).await?.id;
    let mut changes = Map::new();
    if let Value::Object(mut fields) = input {
        fields.shift_remove("customerId");
        let updates = fields.shift_remove("updates");
        changes.extend(fields);
        if let Some(Value::Object(updates)) = updates {
            changes.extend(updates);
        }
    }
    let change = contact_input(Value::Object(changes))?;
    Ok(record(&gate.contact_update(organization, id, &change).await.map_err(failed)?))
}

/// `customer.query`.
pub(super) async fn query(store: &Store, organization: OrganizationId, input: Value) -> ToolResult {
    // `filters` and `paginationOpts` hold the same fields one level deeper.
    let field = |name: &str| {
        text_of(&input, name).or_else(|| input.get("filters").and_then(|f| text_of(f, name)))
    };
    let options = input.get("paginationOpts").cloned().unwrap_or_default();
    let limit = whole(&input["limit"]).or_else(|| whole(&options["numItems"])).unwrap_or(50);
    let limit = u32::try_from(limit.clamp(1, 200)).unwrap_or(200);
    let filter = ContactFilter {
        status: field("status"),
        source: field("source"),
        email: field("email"),
        external_id: field("externalId"),
        search: field("search").or_else(|| field("query")),
    };
    let cursor = text_of(&input, "cursor").or_else(|| text_of(&options, "cursor"));
    let after = cursor.map(|text| parse_cursor(&text)).transpose()?;
    let mut rows = store::contact_list(store, organization, &filter, after, limit + 1)
        .await
        .map_err(broken)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(list("customers", rows.iter().map(record).collect(), next))
}

/// `customer.filter`: all rows, in batches.
pub(super) async fn filter(
    store: &Store,
    organization: OrganizationId,
    input: Value,
) -> ToolResult {
    // With names from the run it comes as `{"$expression": source, "$scope": {…}}`.
    let given = &input["expression"];
    let (source, outer) = match given.get("$expression") {
        Some(_) => (text_of(given, "$expression"), given["$scope"].clone()),
        None => (text_of(&input, "expression"), json!({})),
    };
    let source = source.ok_or_else(|| wrong("the expression is empty"))?;
    let expression = Expression::parse(&source)
        .map_err(|error| StepError::new(ErrorKind::Expression, error.to_string()))?;
    let limit =
        usize::try_from(whole(&input["limit"]).unwrap_or(1_000).clamp(1, 1_000)).unwrap_or(1_000);
    let mut after = text_of(&input, "cursor").map(|text| parse_cursor(&text)).transpose()?;
    let scope = ValueScope::new(outer, Utc::now().timestamp_millis());
    let everyone = ContactFilter::default();
    let (mut kept, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let rows = store::contact_list(store, organization, &everyone, after, BATCH).await;
        let rows = rows.map_err(broken)?;
        let last_batch = rows.len() < BATCH as usize;
        for row in &rows {
            let record = record(row);
            let value = expression.evaluate_with_record(&scope, &record);
            let value =
                value.map_err(|error| StepError::new(ErrorKind::Expression, error.to_string()))?;
            after = Some(row.id);
            looked_at += 1;
            if signalbox::expr::truthy(&value) {
                bytes += record.to_string().len();
                kept.push(record);
            }
            if kept.len() >= limit || bytes > LIST_BYTES_MAX {
                return Ok(filtered(kept, after));
            }
        }
        if last_batch {
            return Ok(filtered(kept, None));
        }
        if looked_at >= ROWS_MAX {
            return Ok(filtered(kept, after));
        }
        tokio::task::yield_now().await;
    }
}

/// A filter's result is also read as `output.data`, which is the list.
fn filtered(kept: Vec<Value>, after: Option<ContactId>) -> Value {
    let mut result = list("customers", kept, after.map(|id| id.to_string()));
    result["data"] = result["items"].clone();
    result
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn parse_cursor(text: &str) -> Result<ContactId, StepError> {
    text.parse().map_err(|_| wrong("the cursor is not one that an earlier page gave"))
}

/// Fields of a contact; the others become metadata. Null leaves a field as it is.
pub fn contact_input(input: Value) -> Result<ContactInput, StepError> {
    let Value::Object(fields) = input else { return Err(wrong("the input must be an object")) };
    let mut contact = ContactInput::default();
    let mut metadata = Map::new();
    for (name, value) in fields {
        let text = || match &value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        match name.as_str() {
            "metadata" => match value {
                Value::Object(more) => metadata.extend(more),
                Value::Null => {}
                other => return Err(wrong(format!("metadata must be an object, not {other}"))),
            },
            "name" => contact.name = text(),
            "email" => contact.email = text(),
            "phone" => contact.phone = text(),
            "status" => contact.status = text(),
            "source" => contact.source = text(),
            "locale" => contact.locale = text(),
            "timezone" => contact.timezone = text(),
            "externalId" | "external_id" => contact.external_id = text(),
            "doNotContact" | "do_not_contact" => contact.do_not_contact = value.as_bool(),
            "tags" => contact.tags = strings(&value),
            "totalSpent" | "total_spent" => contact.total_spent = value.as_f64(),
            // What names the record is not a change of it.
            "id" | "_id" | "_creationTime" | "createdAt" | "updatedAt" => {}
            // A person's word is not a workflow's to change; an opt-out is (doNotContact).
            "consent" => {}
            _ if value.is_null() => {}
            _ => {
                metadata.insert(name, value);
            }
        }
    }
    contact.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
    Ok(contact)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    Some(
        items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect(),
    )
}
