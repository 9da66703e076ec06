//! The route table. A line is: method, path, the operation's name, who may, what it does, handler.

use super::{
    api::{
        accounts, contacts, events, exports, health, hooks, imports, inbound, inbox, labels,
        members, outbound, run_options, runs, runs_again, schedules, secrets, settings, tasks,
        templates, tokens, tracked, workflows,
    },
    body::{DRAFT_MAX, IMPORT_MAX, SchemaOf},
    call::HookQuery,
    endpoint::{Access, Also, Endpoint},
};
use Access::{Address, May, Public, SignedIn};
use signalbox::{
    client::Method::{Delete, Get, Patch, Post, Put},
    wire::{InboundOutcome, Permission::*},
};

macro_rules! routes {
    ($($method:ident $path:literal $name:ident ($access:expr) $summary:literal => $handler:path $(, $with:ident $(($argument:expr))?)*;)*) => {
        vec![$(Endpoint::new($method, $path, stringify!($name), $access, $summary, $handler)$(.$with($($argument)?))*,)*]
    };
}

/// Every route there is.
pub fn all() -> Vec<Endpoint> {
    [account_routes(), workflow_routes(), run_routes(), settings_routes(), raw_routes()].concat()
}

#[rustfmt::skip]
fn account_routes() -> Vec<Endpoint> {
    routes! {
        Get "/health" health (Public) "Whether the server is well; 503 with reasons when not" => health::health;
        Get "/api/openapi.json" openapi (Public) "This document" => health::openapi;
        Get "/api/setup" setup_state (Public) "Whether an owner is still to be set up" => accounts::setup_state;
        Post "/api/setup" setup (Public) "Makes the owner and signs in, once" => accounts::setup;
        Post "/api/session" sign_in (Public) "Signs in" => accounts::sign_in;
        Delete "/api/session" sign_out (SignedIn) "Signs out" => accounts::sign_out;
        Post "/api/session/organization" session_switch (SignedIn) "Lets the session act in another organisation of the person" => accounts::switch;
        Get "/api/me" me (SignedIn) "Who is asking" => accounts::me;
        Get "/api/members" members (May(OrgMembersManage)) "Lists members" => members::list;
        Post "/api/members" member_add (May(OrgMembersManage)) "Adds a member" => members::add, idempotent;
        Patch "/api/members/{user}" member_change (May(OrgMembersManage)) "Changes a member's role" => members::change;
        Delete "/api/members/{user}" member_remove (May(OrgMembersManage)) "Ends a membership and its sessions" => members::remove;
        Get "/api/tokens" tokens (May(OrgTokensManage)) "Lists API tokens" => tokens::list;
        Post "/api/tokens" token_create (May(OrgTokensManage)) "Makes an API token; it is shown this once" => tokens::create, idempotent;
        Delete "/api/tokens/{id}" token_revoke (May(OrgTokensManage)) "Ends an API token" => tokens::revoke;
    }
}

#[rustfmt::skip]
fn workflow_routes() -> Vec<Endpoint> {
    routes! {
        Get "/api/workflows" workflows (May(WorkflowDefinitionRead)) "Lists workflows, newest first" => workflows::list;
        Post "/api/workflows" workflow_create (May(WorkflowDefinitionEdit)) "Makes an empty workflow with a manual trigger" => imports::create, body_max(IMPORT_MAX), idempotent;
        Post "/api/workflows/import" workflow_import (May(WorkflowDefinitionEdit)) "Makes a workflow from a document of any known format" => imports::import, body_max(IMPORT_MAX), idempotent;
        Get "/api/workflows/{id}" workflow (May(WorkflowDefinitionRead)) "A workflow with its draft and what is wrong with it" => workflows::fetch;
        Put "/api/workflows/{id}" draft_save (May(WorkflowDefinitionEdit)) "Saves the draft if nobody else did meanwhile" => workflows::save, body_max(DRAFT_MAX), if_match;
        Patch "/api/workflows/{id}" workflow_label (May(WorkflowDefinitionEdit)) "Sets a workflow's tags, and whether it is a template" => labels::change;
        Post "/api/workflows/{id}/copy" workflow_copy (May(WorkflowDefinitionEdit)) "Makes a copy: a draft of its own" => labels::copy, idempotent;
        Delete "/api/workflows/{id}" workflow_archive (May(WorkflowDefinitionEdit)) "Archives a workflow; its runs go on" => workflows::archive;
        Post "/api/workflows/{id}/restore" workflow_restore (May(WorkflowDefinitionEdit)) "Takes a workflow out of the archive" => workflows::restore;
        Post "/api/workflows/{id}/publish" publish (May(WorkflowDefinitionPublish)) "Makes a version of the draft" => workflows::publish, idempotent;
        Get "/api/workflows/{id}/versions/{number}" version_graph (May(WorkflowDefinitionRead)) "The graph of a version" => workflows::version;
        Get "/api/workflows/{id}/export" workflow_export (May(WorkflowDefinitionRead)) "The draft or a version as a document" => exports::export;
        Get "/api/workflows/{id}/outcomes" workflow_outcomes (May(PlanInstanceRead)) "How many runs ended with which outcome, by version" => workflows::outcomes;
        Get "/api/schedules/next" schedule_next (May(WorkflowDefinitionRead)) "How a schedule reads and when it would come" => schedules::next;
        Get "/api/starters" starters (May(WorkflowDefinitionRead)) "Workflows to start from" => imports::starters;
        Post "/api/starters/{slug}" starter_use (May(WorkflowDefinitionEdit)) "Makes a workflow from a starter" => imports::starter_use, idempotent;
        Get "/api/templates" templates (May(WorkflowDefinitionRead)) "Lists message templates by id" => templates::list;
        Post "/api/templates" template_create (May(WorkflowDefinitionEdit)) "Makes a message template" => templates::create, body_max(IMPORT_MAX), idempotent;
        Get "/api/templates/{id}" template (May(WorkflowDefinitionRead)) "A message template" => templates::fetch;
        Put "/api/templates/{id}" template_change (May(WorkflowDefinitionEdit)) "Replaces a message template if nobody else did meanwhile" => templates::change, body_max(IMPORT_MAX);
        Delete "/api/templates/{id}" template_delete (May(WorkflowDefinitionEdit)) "Deletes a message template; steps that send it fail" => templates::delete;
        Get "/api/tools" tools (May(WorkflowDefinitionRead)) "The catalogue of tools" => workflows::tools;
    }
}

#[rustfmt::skip]
fn run_routes() -> Vec<Endpoint> {
    routes! {
        Post "/api/workflows/{id}/runs" run_start (May(PlanInstanceStart)) "Starts a run; 201, or 200 for a key that has a run" => runs::start, idempotent;
        Get "/api/runs" runs (May(PlanInstanceRead)) "Lists runs, newest first" => runs::list;
        Get "/api/runs/{id}" run (May(PlanInstanceRead)) "A run with its graph and newest events" => runs::fetch;
        Get "/api/runs/{id}/events" run_events (May(PlanInstanceRead)) "Events after a number" => runs::events;
        Get "/api/runs/{id}/execution" run_execution (May(PlanInstanceRead)) "A run in the words of the DAG document: steps, progress, usage" => run_options::execution;
        Get "/api/runs/{id}/wait" run_wait (May(PlanInstanceRead)) "Answers when the run ends or needs a person" => runs::wait;
        Post "/api/runs/{id}/pause" run_pause (May(PlanInstanceControl)) "Suspends a run" => runs::pause;
        Post "/api/runs/{id}/resume" run_resume (May(PlanInstanceControl)) "Lets a run go on" => runs::resume;
        Post "/api/runs/{id}/stop" run_stop (May(PlanInstanceControl)) "Ends a run" => runs::stop;
        Post "/api/runs/{id}/retry" run_retry (May(PlanInstanceExecute)) "Does again what failed or was cut off in a run that ended" => runs_again::retry;
        Post "/api/runs/{id}/fork" run_fork (May(PlanInstanceExecute)) "Makes a run of the first events of another one; 201, or 200 for a key that has a run" => runs_again::fork, idempotent;
        Post "/api/runs/{id}/migrate" run_migrate (May(PlanInstanceExecute)) "Lets a run go on in another version, or says what would not fit there" => runs_again::migrate;
        Post "/api/events" event_send (May(PlanEventSend)) "Sends an event, which starts workflows and wakes runs; 201, or 200 for an id that was sent before" => events::send, idempotent;
        Post "/api/tasks/claim" task_claim (May(PlanTaskExecute)) "Gives tasks to a worker; waits for the first one if asked to" => tasks::claim;
        Post "/api/tasks/{id}/heartbeat" task_heartbeat (May(PlanTaskExecute)) "The worker is still at it: moves its lease on" => tasks::heartbeat;
        Post "/api/tasks/{id}/complete" task_complete (May(PlanTaskExecute)) "The worker has done it" => tasks::complete, idempotent;
        Post "/api/tasks/{id}/fail" task_fail (May(PlanTaskExecute)) "The worker could not do it" => tasks::fail, idempotent;
        Post "/api/tasks/{id}/release" task_release (May(PlanTaskExecute)) "The worker gives it back undone" => tasks::release;
        Get "/api/approvals" approvals (May(InboxApprovalRead)) "Lists approvals; pending ones oldest first" => inbox::list;
        Get "/api/approvals/{id}" approval (May(InboxApprovalRead)) "All that a person needs to decide" => inbox::fetch;
        Post "/api/approvals/{id}/decide" decide (May(PlanInstanceApprove)) "Approves, rejects, edits, undoes, resolves" => inbox::decide;
        Get "/api/sandbox/messages" sandbox_messages (May(SandboxMessageRead)) "What the sandbox mailbox received, newest first" => inbox::messages;
        Get "/api/sandbox/messages/{id}" sandbox_message (May(SandboxMessageRead)) "A message in the sandbox mailbox" => inbox::message;
        Post "/api/sandbox/messages/{id}/answer" sandbox_answer (May(PlanInstanceControl)) "Answers a message of the sandbox mailbox, as its recipient would" => inbound::answer;
    }
}

#[rustfmt::skip]
fn settings_routes() -> Vec<Endpoint> {
    routes! {
        Get "/api/contacts" contacts (May(ContactRecordRead)) "Lists contacts" => contacts::list;
        Post "/api/contacts" contact_create (May(ContactRecordEdit)) "Makes a contact" => contacts::create, idempotent;
        Get "/api/contacts/{id}" contact (May(ContactRecordRead)) "A contact" => contacts::fetch;
        Patch "/api/contacts/{id}" contact_update (May(ContactRecordEdit)) "Changes a contact" => contacts::update;
        Delete "/api/contacts/{id}" contact_delete (May(ContactRecordEdit)) "Deletes a contact" => contacts::delete;
        Get "/api/secrets" secrets (May(OrgSecretsRead)) "Lists the names of secrets" => secrets::list;
        Post "/api/secrets" secret_set (May(OrgSecretsManage)) "Makes a secret or replaces its value, which no route gives back" => secrets::set, idempotent;
        Delete "/api/secrets/{name}" secret_delete (May(OrgSecretsManage)) "Deletes a secret" => secrets::delete;
        Get "/api/settings/general" settings_general (May(OrgSettingsRead)) "Name, zone, how long emails are held" => settings::general;
        Put "/api/settings/general" settings_general_set (May(OrgSettingsEdit)) "Sets name, zone, how long emails are held" => settings::general_set;
        Get "/api/settings/history" settings_history (May(OrgSettingsRead)) "How long runs and events are kept" => settings::history;
        Put "/api/settings/history" settings_history_set (May(OrgSettingsEdit)) "Sets how long runs and events are kept" => settings::history_set;
        Get "/api/settings/channels/email" settings_email (May(OrgSettingsRead)) "The email channel, without its password" => settings::email;
        Put "/api/settings/channels/email" settings_email_set (May(OrgSettingsEdit)) "Sets the email channel" => settings::email_set;
        Post "/api/settings/channels/email/test" settings_email_test (May(OrgSettingsEdit)) "Connects and signs in, sends nothing" => settings::email_test;
        Get "/api/settings/channels/email/inbound" settings_email_inbound (May(OrgSettingsEdit)) "Where a mail server hands over what came in; the address is a secret" => inbound::address;
        Get "/api/settings/outbound" settings_outbound (May(OrgSettingsRead)) "Sending hours, caps, consent, budget, and what is used of them today" => settings::outbound;
        Put "/api/settings/outbound" settings_outbound_set (May(OrgSettingsEdit)) "Sets sending hours, caps, consent, budget" => settings::outbound_set;
        Get "/api/outbound" outbound (May(InboxApprovalRead)) "Whether messages leave, and what waits for it" => outbound::state;
        Post "/api/outbound/pause" outbound_pause (May(OrgOutboundResume)) "Holds back all that the organisation sends" => outbound::pause;
        Post "/api/outbound/resume" outbound_resume (May(OrgOutboundResume)) "Lets what is due leave after a pause, slowly at first" => outbound::resume;
        Get "/api/settings/queues" settings_queues (May(OrgSettingsRead)) "Limits of named queues" => settings::queues;
        Put "/api/settings/queues" settings_queues_set (May(OrgSettingsEdit)) "Sets the limits of named queues, all together" => settings::queues_set;
        Get "/api/settings/models" settings_models (May(OrgSettingsRead)) "The model, without its key" => settings::models;
        Put "/api/settings/models" settings_models_set (May(OrgSettingsEdit)) "Sets the model" => settings::models_set;
    }
}

/// Routes whose handlers read the request themselves.
fn raw_routes() -> Vec<Endpoint> {
    vec![
        Endpoint::raw(
            Get,
            "/api/live",
            "live",
            SignedIn,
            "WebSocket: what changes, as it changes",
            crate::live::open,
        )
        .answers(101, None),
        Endpoint::raw(
            Get,
            "/t/{token}",
            "tracked",
            Address,
            "A tracked link (302 to where it leads) or the open pixel of a message (200)",
            tracked::fetch,
        )
        .answers(302, None)
        .also(Also { status: 200, when: "The open pixel: a GIF.", answer: None }),
        Endpoint::raw(
            Post,
            "/inbound/{token}",
            "inbound",
            Address,
            "Takes an email in, as a mail server received it",
            inbound::receive,
        )
        .answers(200, Some(SchemaOf::of::<InboundOutcome>())),
        hook("/hooks/{token}", "hook"),
        hook("/hooks/{token}/{*path}", "hook_path"),
    ]
}

fn hook(path: &'static str, name: &'static str) -> Endpoint {
    let summary = "Starts a run of the webhook's workflow";
    Endpoint::raw(Post, path, name, Address, summary, hooks::receive)
        .query::<HookQuery>()
        .answers(202, Some(SchemaOf::of::<hooks::HookAccepted>()))
        .also(Also {
            status: 200,
            when: "The run ended while the sender waited for it.",
            answer: Some(SchemaOf::of::<hooks::HookFinished>()),
        })
}
