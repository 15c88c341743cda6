//! What Slack's error codes mean, and so what helps.

use crate::method::Method;

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The content: Slack never takes it as it is. Plain text may go through.
    Content,
    /// The mark by which a post is found again. It goes out without.
    Mark,
    /// The message that is edited or answered: it is gone, or nobody may touch it any more. A new one
    /// can be posted.
    Message,
    /// The channel: people have to help. Other channels are not concerned.
    Channel,
    /// The token, its scopes or the workspace: nothing goes through until people help.
    Token,
    /// Slack's own trouble, which passes.
    Slack,
    /// A code that this version does not know.
    Unknown,
}

/// From Slack's reference of `chat.postMessage` and `chat.update`, as far as phonehome's calls can
/// meet them.
const CODES: [(Refusal, &[&str]); 6] = [
    (
        Refusal::Content,
        &[
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_block_id",
            "block_mismatch",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "invalid_attachments",
            "too_many_attachments",
            "attachment_payload_limit_exceeded",
            "invalid_arguments",
            "invalid_array_arg",
            "invalid_charset",
            "invalid_json",
            "json_not_object",
        ],
    ),
    (Refusal::Mark, &["invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"]),
    (
        Refusal::Message,
        &[
            "message_not_found",
            "thread_not_found",
            "cant_update_message",
            "edit_window_closed",
            "update_failed",
            "message_not_owned_by_app",
            "streaming_state_conflict",
            "cannot_reply_to_message",
            "restricted_action_thread_locked",
            "restricted_action_non_threadable_channel",
        ],
    ),
    (
        Refusal::Channel,
        &[
            "channel_not_found",
            "duplicate_channel_not_found",
            "channel_type_not_supported",
            "not_in_channel",
            "is_archived",
            "is_inactive",
            "no_permission",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "messages_tab_disabled",
            "external_channel_migrating",
        ],
    ),
    (
        Refusal::Token,
        &[
            "not_authed",
            "invalid_auth",
            "token_expired",
            "token_revoked",
            "account_inactive",
            "missing_scope",
            "not_allowed_token_type",
            "access_denied",
            "accesslimited",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "org_login_required",
            "team_access_not_granted",
            "team_not_found",
            "two_factor_setup_required",
            "as_user_not_supported",
            "method_deprecated",
            "deprecated_endpoint",
        ],
    ),
    (
        Refusal::Slack,
        &["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"],
    ),
];

impl Refusal {
    /// What a code is about.
    pub fn of(code: &str) -> Self {
        let known = CODES.iter().find(|(_, codes)| codes.contains(&code));
        known.map_or(Self::Unknown, |(refusal, _)| *refusal)
    }
}

/// What people can do about a code, in brackets; nothing for a code that says it itself.
pub(super) fn hint(method: Method, code: &str) -> &'static str {
    match code {
        "channel_not_found" => {
            " (does it exist? A private channel's bot must be invited: /invite @phonehome)"
        }
        "not_in_channel" => " (invite the bot: /invite @phonehome)",
        "is_archived" => " (unarchive it, or name another channel in the fleet file)",
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            " (the secret phonehome/slack-token is not a valid bot token)"
        }
        "missing_scope" => match method {
            Method::Post | Method::Update => " (the bot needs the scope chat:write)",
            Method::History | Method::Replies => {
                " (the bot needs the scope channels:history, for private channels groups:history)"
            }
            Method::Channels => " (the bot needs the scope channels:read, for private channels groups:read)",
        },
        _ => "",
    }
}
