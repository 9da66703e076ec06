//! The customers of a world: `customer.*` over a list of records.

use crate::expr::{Expression, ValueScope};
use crate::run::{ErrorKind, StepError};
use serde_json::{Map, Value, json};

/// Records on a page unless asked otherwise.
const PAGE: usize = 50;

/// The customers of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contacts {
    records: Vec<Map<String, Value>>,
}

impl Contacts {
    pub fn new(records: impl Iterator<Item = Map<String, Value>>) -> Self {
        let mut contacts = Self::default();
        records.for_each(|record| contacts.add(record));
        contacts
    }

    /// The address of a customer.
    pub fn email(&self, id: &str) -> Option<&str> {
        self.find(id).and_then(|at| self.records[at].get("email")?.as_str())
    }

    /// The telephone number of a customer.
    pub fn phone(&self, id: &str) -> Option<&str> {
        self.find(id).and_then(|at| self.records[at].get("phone")?.as_str())
    }

    /// Carries out a `customer.*` tool. `None`: it is another tool.
    pub fn call(
        &mut self,
        tool: &str,
        input: &Value,
        now_ms: i64,
    ) -> Option<Result<Value, StepError>> {
        let result = match tool {
            "customer.get_by_id" => self.get(input),
            "customer.create" => Ok(self.create(input)),
            "customer.update" => self.update(input),
            "customer.query" => Ok(self.query(input)),
            "customer.filter" => self.filter(input, now_ms),
            _ => return None,
        };
        Some(result)
    }

    fn add(&mut self, mut record: Map<String, Value>) {
        let fallback = json!(format!("contact_{}", self.records.len() + 1));
        let id = record.get("id").or(record.get("_id")).cloned().unwrap_or(fallback);
        record.insert("id".into(), id.clone());
        record.insert("_id".into(), id);
        self.records.push(record);
    }

    fn find(&self, id: &str) -> Option<usize> {
        let is = |record: &Map<String, Value>, key: &str| match record.get(key) {
            Some(Value::String(text)) => text == id,
            Some(Value::Number(number)) => {
                id.parse().is_ok_and(|id: serde_json::Number| id == *number)
            }
            _ => false,
        };
        self.records.iter().position(|record| is(record, "id") || is(record, "externalId"))
    }

    fn named(&self, input: &Value) -> Result<usize, StepError> {
        let id = input.get("customerId").map(|id| match id {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let id =
            id.ok_or_else(|| StepError::new(ErrorKind::InvalidInput, "customerId is missing."))?;
        self.find(&id).ok_or_else(|| {
            let message =
                format!("There is no customer {id} in this world. Add it under contacts.");
            StepError::new(ErrorKind::NotFound, message)
        })
    }

    fn get(&self, input: &Value) -> Result<Value, StepError> {
        Ok(json!(self.records[self.named(input)?]))
    }

    fn create(&mut self, input: &Value) -> Value {
        let mut record = input.as_object().cloned().unwrap_or_default();
        if let Some(Value::Object(metadata)) = record.get("metadata").cloned() {
            metadata.into_iter().for_each(|(key, value)| {
                record.entry(key).or_insert(value);
            });
        }
        self.add(record);
        json!(self.records.last())
    }

    fn update(&mut self, input: &Value) -> Result<Value, StepError> {
        let at = self.named(input)?;
        let beside = input.as_object().into_iter().flatten();
        let beside = beside.filter(|(key, _)| !matches!(key.as_str(), "customerId" | "updates"));
        let inside = input.get("updates").and_then(Value::as_object).into_iter().flatten();
        for (key, value) in beside.chain(inside) {
            match (self.records[at].get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) if key == "metadata" => {
                    old.extend(new.clone());
                }
                _ => {
                    self.records[at].insert(key.clone(), value.clone());
                }
            }
        }
        Ok(json!(self.records[at]))
    }

    fn query(&self, input: &Value) -> Value {
        const FIELDS: [&str; 4] = ["status", "source", "email", "externalId"];
        let wanted = |key: &str| {
            let found = input.get(key).or_else(|| input.get("filters")?.get(key));
            found.filter(|value| !value.is_null())
        };
        let search = wanted("search").and_then(Value::as_str).map(str::to_lowercase);
        let fits = |record: &&Map<String, Value>| {
            FIELDS.iter().all(|key| wanted(key).is_none_or(|value| record.get(*key) == Some(value)))
                && search
                    .as_ref()
                    .is_none_or(|words| json!(record).to_string().to_lowercase().contains(words))
        };
        let limit = input.get("limit").or_else(|| input.get("paginationOpts")?.get("numItems"));
        let limit =
            limit.and_then(Value::as_u64).map_or(PAGE, |limit| limit.clamp(1, 200) as usize);
        page(self.records.iter().filter(fits).take(limit))
    }

    /// The expression as text, or with what it binds from the run: `{"$expression", "$scope"}`.
    fn filter(&self, input: &Value, now_ms: i64) -> Result<Value, StepError> {
        let given = &input["expression"];
        let source = given.as_str().or(given["$expression"].as_str()).unwrap_or_default();
        let wrong = |error: &dyn std::fmt::Display| {
            StepError::new(ErrorKind::Expression, format!("The filter cannot be used: {error}."))
        };
        let expression = Expression::parse(source).map_err(|error| wrong(&error))?;
        let scope = given.get("$scope").cloned().unwrap_or_else(|| json!({}));
        let scope = ValueScope::new(scope, now_ms);
        let mut kept = Vec::new();
        for record in &self.records {
            let value = expression.evaluate_with_record(&scope, &json!(record));
            if crate::expr::truthy(&value.map_err(|error| wrong(&error))?) {
                kept.push(record);
            }
        }
        let mut result = page(kept.into_iter());
        // A filter's result is also read as `output.data`, which is the list.
        result["data"] = result["items"].clone();
        Ok(result)
    }
}

fn page<'a>(records: impl Iterator<Item = &'a Map<String, Value>>) -> Value {
    let items: Vec<&Map<String, Value>> = records.collect();
    json!({
        "items": items, "page": items, "customers": items, "count": items.len(), "isDone": true, "continueCursor": null,
    })
}
