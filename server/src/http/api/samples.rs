//! Sample contacts, so that a starter can be tried on a machine where there is nobody yet. Their
//! addresses are of a domain that is reserved for examples; nothing could ever reach anybody.

use crate::{app_state::AppState, http::failure::Failure, store};
use serde_json::{Map, json};
use signalbox::{
    id::{ContactId, OrganizationId},
    wire::ContactInput,
};

/// External id, name, address, status, spent so far.
const SAMPLES: [(&str, &str, &str, &str, f64); 4] = [
    ("cust_456", "Ada Lovelace", "ada@example.com", "active", 1_480.5),
    ("cust_457", "Grace Hopper", "grace@example.com", "inactive", 320.0),
    ("cust_458", "Katherine Johnson", "katherine@example.com", "inactive", 45.9),
    ("cust_459", "Mary Jackson", "mary@example.com", "potential", 0.0),
];

/// Makes the sample contacts where an organisation has no contacts at all.
pub async fn add(state: &AppState, organization: OrganizationId) -> Result<(), Failure> {
    if store::contacts_count(state.store(), organization).await? > 0 {
        return Ok(());
    }
    for (external_id, name, email, status, spent) in SAMPLES {
        // Derived, so that two starters at once make each of them once.
        let id = ContactId::derive(organization.0, &["sample", external_id]);
        let input = ContactInput {
            name: Some(name.into()),
            email: Some(email.into()),
            status: Some(status.into()),
            source: Some("sample".into()),
            external_id: Some(external_id.into()),
            total_spent: Some(spent),
            tags: Some(vec!["sample".into()]),
            metadata: Some(Map::from_iter([("plan".to_owned(), json!("standard"))])),
            ..ContactInput::default()
        };
        state.gate().contact_create_as(organization, id, &input).await?;
    }
    Ok(())
}
