//! Members of the organisation.

use super::check;
use crate::{
    app_state::AppState,
    auth::Caller,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found},
    },
    store::{self, StoreError, User},
};
use futures::FutureExt;
use signalbox::{
    id::{OrganizationId, UserId},
    wire::{ErrorCode, Member, MemberAdd, MemberChange, Permission, Role},
};
use uuid::Uuid;

/// Members shown at most.
const MEMBERS_MAX: u32 = 1_000;

/// `GET /api/members`.
pub async fn list(call: Call) -> Answer<Found<Vec<Member>>> {
    Ok(Found(store::member_list(call.state.store(), call.organization(), MEMBERS_MAX).await?))
}

/// `POST /api/members`.
pub async fn add(call: Call<(), NoQuery, Json<MemberAdd>>) -> Answer<Created<Member>> {
    let (state, organization, Json(wanted)) = (&call.state, call.organization(), &call.body);
    for_people(wanted.role)?;
    may_give(&call.caller, wanted.role)?;
    let work = add_now(state, organization, wanted);
    idempotent::once(state, organization, "member_add", &call.headers, wanted, work)
        .await
        .map(Created)
}

async fn add_now(
    state: &AppState,
    organization: OrganizationId,
    wanted: &MemberAdd,
) -> Result<Member, Failure> {
    check::password(&wanted.password)?;
    let (name, email) = (check::name("name", &wanted.name)?, check::email(&wanted.email)?);
    let password_hash = state.passwords().hash(&wanted.password).await?;
    let user = User { id: UserId(Uuid::now_v7()), email, name, password_hash };
    let (role, now) = (wanted.role, state.now());
    let added = state.store().write(move |tx| {
        async move { store::member_add(tx, organization, &user, role, now).await }.boxed()
    });
    added.await.map_err(|error| match error {
        StoreError::Constraint(_) => Failure::new(
            ErrorCode::Conflict,
            "Somebody with this email address is a member already.",
        ),
        other => other.into(),
    })
}

/// `PATCH /api/members/{user}`.
pub async fn change(call: Call<UserId, NoQuery, Json<MemberChange>>) -> Answer<Found<Member>> {
    let (organization, user, role) = (call.organization(), call.path, call.body.0.role);
    for_people(role)?;
    may_touch(&call, user).await?;
    may_give(&call.caller, role)?;
    let changed = call.state.store().write(move |tx| {
        async move { store::member_set_role(tx, organization, user, role).await }.boxed()
    });
    let member = changed.await.map_err(last_owner)?;
    call.state.access_changed();
    Ok(Found(member))
}

/// `DELETE /api/members/{user}`.
pub async fn remove(call: Call<UserId>) -> Answer<Done> {
    let (organization, user) = (call.organization(), call.path);
    may_touch(&call, user).await?;
    let removed = call
        .state
        .store()
        .write(move |tx| async move { store::member_remove(tx, organization, user).await }.boxed());
    removed.await.map_err(last_owner)?;
    call.state.access_changed();
    Ok(Done)
}

/// The role of outside workers is for their tokens.
fn for_people(role: Role) -> Result<(), Failure> {
    if role != Role::Worker {
        return Ok(());
    }
    Err(Failure::value("role", "The role worker is for API tokens, not for members.")
        .help("Give viewer, approver, editor, admin or owner; make a token for the worker."))
}

/// Nobody gives a role that is above their own.
fn may_give(caller: &Caller, role: Role) -> Result<(), Failure> {
    if role <= caller.role && (role != Role::Owner || caller.may(Permission::OrgOwnershipManage)) {
        return Ok(());
    }
    let text = format!("Only a member who is {} or more can give this role.", role.as_str());
    Err(Failure::new(ErrorCode::Forbidden, text).help("Ask an owner of the organisation."))
}

/// Nobody changes somebody whose role is above their own.
async fn may_touch<Q, B>(call: &Call<UserId, Q, B>, user: UserId) -> Result<(), Failure> {
    let members = store::member_list(call.state.store(), call.organization(), MEMBERS_MAX).await?;
    let Some(member) = members.iter().find(|member| member.user == user) else {
        return Err(Failure::not_found("member"));
    };
    may_give(&call.caller, member.role)
}

fn last_owner(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict { .. } => {
            Failure::new(ErrorCode::WrongState, "The organisation needs an owner.")
                .help("Make somebody else an owner first.")
        }
        other => other.into(),
    }
}
