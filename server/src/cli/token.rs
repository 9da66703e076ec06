//! `signalbox token create`: a token for a program, made on the server's own machine. Works beside
//! a running server.

use super::CommandError;
use crate::{
    http::api::tokens,
    store::{self, Store, StoreOptions},
};
use chrono::{SubsecRound, Utc};
use futures::FutureExt;
use signalbox::{id::OrganizationId, wire::Role};
use std::path::PathBuf;
use uuid::Uuid;

/// What can be done with tokens.
#[derive(clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, and nothing else
    Create {
        /// The data folder of the server
        #[arg(long, env = "SIGNALBOX_DATA", default_value = "./data")]
        data: PathBuf,
        /// The PostgreSQL database of the server, if it has one
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
        /// What the token may do: worker, viewer, approver, editor, admin or owner
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// The organisation's id; needed when there are several
        #[arg(long)]
        organization: Option<Uuid>,
    },
}

fn parse_role(word: &str) -> Result<Role, String> {
    let roles = Role::ALL.map(Role::as_str).join(", ");
    Role::parse(word).ok_or_else(|| format!("there is no role `{word}`; the roles are {roles}"))
}

pub async fn run(command: TokenCommand) -> Result<(), CommandError> {
    let TokenCommand::Create { data, database_url, role, name, organization } = command;
    let store = match database_url {
        Some(url) => Store::connect(&url, StoreOptions::default()).await?,
        None => Store::open_beside(&data).await?,
    };
    let created = create(&store, role, name, organization.map(OrganizationId)).await;
    store.close().await;
    println!("{}", created?);
    Ok(())
}

async fn create(
    store: &Store,
    role: Role,
    name: String,
    wanted: Option<OrganizationId>,
) -> Result<String, CommandError> {
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(CommandError::usage("--name must have 1 to 120 characters on one line"));
    }
    let organization = organization_of(store, wanted).await?;
    let now = Utc::now().trunc_subsecs(3);
    let by = "command line".to_owned();
    Ok(tokens::make(store, organization, name, role, by, None, now).await?.token)
}

/// The organisation that is meant; the first one is made when there is none.
async fn organization_of(
    store: &Store,
    wanted: Option<OrganizationId>,
) -> Result<OrganizationId, CommandError> {
    let all = store::organization_list(store, 100).await?;
    match (wanted, all.as_slice()) {
        (Some(id), _) => match store::organization_fetch(store, id).await {
            Ok(found) => Ok(found.id),
            Err(_) => Err(CommandError::new(format!("there is no organisation {id}"))),
        },
        (None, [only]) => Ok(only.id),
        (None, []) => {
            let (id, now) = (OrganizationId(Uuid::now_v7()), Utc::now().trunc_subsecs(3));
            let made = store.write(move |tx| {
                async move {
                    // The server may have been set up in between.
                    if let Some(id) = store::organization_first(tx).await? {
                        return Ok(id);
                    }
                    store::organization_create(tx, id, "My organisation", "UTC", now).await?;
                    Ok(id)
                }
                .boxed()
            });
            Ok(made.await?)
        }
        (None, several) => {
            let list: Vec<String> =
                several.iter().map(|one| format!("  {}  {}", one.id, one.name)).collect();
            let text = "there are several organisations; name one with --organization:";
            Err(CommandError::new(format!("{text}\n{}", list.join("\n"))))
        }
    }
}
