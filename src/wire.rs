//! Wire types: commands in, views out, exactly as they stand in the JSON of the API.
//!
//! Deliberately absent: business logic and rows of the database.

mod access;
mod accounts;
mod approvals;
mod contacts;
mod error;
mod events;
mod health;
mod inbound;
mod live;
mod outbound;
mod page;
mod runs;
mod schedules;
mod settings;
mod tasks;
mod templates;
mod workflows;

pub use access::{Permission, Role};
pub use accounts::{
    Me, Member, MemberAdd, MemberChange, OrganizationView, SessionSwitch, Setup, SetupState,
    SignIn, TokenCreate, TokenCreated, TokenView,
};
pub use approvals::{
    ApprovalDetail, ApprovalState, ApprovalView, Because, Decide, DecideKind, DecideOutcome,
    GateCheck, GateVerdict, MessageChannel, MessageEdit, MessageState, MessageView, Revision,
    TrackedLink, UncertainChoice,
};
pub use contacts::{ContactInput, ContactView};
pub use error::{ApiError, ErrorCode};
pub use events::{EventSend, EventSent};
pub use health::{Health, HealthCode, HealthReason, HealthStatus};
pub use inbound::{InboundAddress, InboundOutcome, SandboxAnswer};
pub use live::{LiveClient, LiveServer};
pub use outbound::{
    Consent, ConsentInput, ConsentKind, ConsentPolicy, ConsentState, Day, OutboundPause,
    OutboundSettings, OutboundState, OutboundView, PauseReason, SendingHours,
};
pub use page::{Page, PageQuery};
pub use runs::{
    EventsPage, ReasonBody, RunDetail, RunFork, RunMigrate, RunMigration, RunQuery, RunRetry,
    RunStart, RunStarted, RunView, RunWait,
};
pub use schedules::ScheduleNext;
pub use settings::{
    EmailChannel, EmailChannelView, GeneralSettings, HistorySettings, ModelPrice, ModelSettings,
    ModelSettingsView, QueueLimit, QueueSettings, SecretSet, SecretView, SmtpSecurity,
};
pub use tasks::{
    ClaimedTask, TaskBeat, TaskClaim, TaskComplete, TaskFail, TaskLease, TaskRelease, TaskReported,
    TasksClaimed,
};
pub use templates::{TemplateChange, TemplateCreate, TemplateView};
pub use workflows::{
    DraftSave, DraftSaved, ExportReport, ImportOutcome, ImportRequest, OutcomeCount, OutcomeCounts,
    Publish, Published, StarterView, VersionView, WorkflowCopy, WorkflowDetail, WorkflowLabel,
    WorkflowQuery, WorkflowView,
};
