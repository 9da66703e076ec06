//! Roles and permissions.

use serde::{Deserialize, Serialize};

/// What a member may do, as a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes tasks of runs and reports what came of them, nothing else. For tokens of outside workers; no
    /// member has it.
    Worker,
    /// Reads everything but settings.
    Viewer,
    /// Also decides in the inbox.
    Approver,
    /// Also changes workflows and contacts and runs them; does not decide.
    Editor,
    /// Everything but the organisation's ownership.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// All roles, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Worker, Self::Viewer, Self::Approver, Self::Editor, Self::Admin, Self::Owner];

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether the role has a permission.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::*;
        match self {
            Self::Owner => true,
            Self::Admin => permission != OrgOwnershipManage,
            Self::Editor => matches!(
                permission,
                WorkflowDefinitionRead
                    | WorkflowDefinitionEdit
                    | WorkflowDefinitionPublish
                    | PlanInstanceRead
                    | PlanInstanceStart
                    | PlanInstanceControl
                    | PlanInstanceExecute
                    | PlanTaskExecute
                    | PlanEventSend
                    | ContactRecordRead
                    | ContactRecordEdit
                    | InboxApprovalRead
                    | SandboxMessageRead
                    | OrgSecretsRead
            ),
            Self::Approver => matches!(
                permission,
                WorkflowDefinitionRead
                    | PlanInstanceRead
                    | PlanInstanceApprove
                    | PlanInstanceResolveUncertain
                    | ContactRecordRead
                    | InboxApprovalRead
                    | SandboxMessageRead
            ),
            Self::Viewer => matches!(
                permission,
                WorkflowDefinitionRead
                    | PlanInstanceRead
                    | ContactRecordRead
                    | InboxApprovalRead
                    | SandboxMessageRead
            ),
            Self::Worker => permission == PlanTaskExecute,
        }
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A permission, `Domain:Resource:Action`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }
        impl Permission {
            /// All permissions.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The text `Domain:Resource:Action`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

permissions! {
    /// See workflows, versions, problems, the tool catalogue.
    WorkflowDefinitionRead = "Workflow:Definition:Read";
    /// Create, import, edit, archive drafts.
    WorkflowDefinitionEdit = "Workflow:Definition:Edit";
    /// Make a version.
    WorkflowDefinitionPublish = "Workflow:Definition:Publish";
    /// See runs and their events.
    PlanInstanceRead = "Plan:Instance:Read";
    /// Start runs.
    PlanInstanceStart = "Plan:Instance:Start";
    /// Pause, resume, stop.
    PlanInstanceControl = "Plan:Instance:Control";
    /// Do steps of a run again, or elsewhere: retry, fork, go on in another version.
    PlanInstanceExecute = "Plan:Instance:Execute";
    /// Take tasks of runs and report what came of them.
    PlanTaskExecute = "Plan:Task:Execute";
    /// Send events, which start workflows and wake runs.
    PlanEventSend = "Plan:Event:Send";
    /// Decide approvals.
    PlanInstanceApprove = "Plan:Instance:Approve";
    /// Say what became of a message whose sending was interrupted.
    PlanInstanceResolveUncertain = "Plan:Instance:ResolveUncertain";
    /// See the inbox.
    InboxApprovalRead = "Inbox:Approval:Read";
    /// See contacts.
    ContactRecordRead = "Contact:Record:Read";
    /// Create, change, delete contacts.
    ContactRecordEdit = "Contact:Record:Edit";
    /// See what the sandbox received.
    SandboxMessageRead = "Sandbox:Message:Read";
    /// See settings.
    OrgSettingsRead = "Org:Settings:Read";
    /// Change settings: zone, channels, models.
    OrgSettingsEdit = "Org:Settings:Edit";
    /// Add, change, remove members.
    OrgMembersManage = "Org:Members:Manage";
    /// Make and revoke API tokens.
    OrgTokensManage = "Org:Tokens:Manage";
    /// See the names of secrets.
    OrgSecretsRead = "Org:Secrets:Read";
    /// Set and delete secrets.
    OrgSecretsManage = "Org:Secrets:Manage";
    /// Pause all that is sent, and let it go on after a pause.
    OrgOutboundResume = "Org:Outbound:Resume";
    /// Hand the organisation to another owner.
    OrgOwnershipManage = "Org:Ownership:Manage";
}

/// Written by hand: a derived schema would list the names of the variants, not the words in JSON.
#[cfg(feature = "schema")]
mod schema {
    use super::Permission;
    use std::borrow::Cow;
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
    };

    impl PartialSchema for Permission {
        fn schema() -> RefOr<Schema> {
            let words = Self::ALL.iter().map(|permission| permission.as_str());
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("A permission, `Domain:Resource:Action`."))
                .enum_values(Some(words))
                .into()
        }
    }

    impl ToSchema for Permission {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("Permission")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written_and_workers_do_tasks_alone() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!(Role::ALL.is_sorted(), "weakest first");
        let of_worker: Vec<_> =
            Permission::ALL.iter().filter(|permission| Role::Worker.may(**permission)).collect();
        assert_eq!(of_worker, [&Permission::PlanTaskExecute]);
    }
}
