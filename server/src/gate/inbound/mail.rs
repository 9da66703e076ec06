//! An email that came in, read: from whom, about which message of ours, and whether a person wrote it.
//!
//! Deliberately absent: the database, and what follows from it.

use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders};
use sha2::{Digest, Sha256};
use signalbox::id::MessageId;

/// Text that is kept, in bytes.
const TEXT_MAX: usize = 64 * 1024;
/// Longest subject that is kept, in characters.
const SUBJECT_MAX: usize = 998;
/// Ids of other messages that are looked at.
const REFERENCES_MAX: usize = 50;
/// How far a report is read, in bytes.
const REPORT_MAX: usize = 512 * 1024;
/// Headers that only programs write which answer by themselves.
const AUTO_HEADERS: [&str; 3] = ["x-autoreply", "x-autorespond", "x-mail-autoreply"];
/// How the subjects of automatic answers begin.
const AUTO_SUBJECTS: [&str; 6] =
    ["automatic reply", "auto reply", "auto-reply", "autoreply", "out of office", "abwesenheit"];
/// What a message says that says nothing else and opts out.
const OPT_OUTS: [&str; 11] = [
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "unsubscribe me",
    "please unsubscribe",
    "revoke",
    "optout",
    "opt out",
    "remove me",
    "remove",
];

/// What an email is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person wrote it.
    Written,
    /// A person wrote that no more is wanted.
    OptOut,
    /// It was not delivered and never will be; the status code with its explanation.
    Bounce(String),
    /// It was not delivered yet.
    Delay,
    /// It was delivered.
    Delivered,
    /// A program answered, or reports something else.
    Auto,
}

/// An email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its Message-ID, else a hash of its bytes: the same for each delivery.
    pub key: String,
    /// The sender's bare address in lower case.
    pub from: String,
    /// The subject.
    pub subject: String,
    /// What was written, without what is quoted.
    pub text: String,
    /// Messages that it answers or reports about, the nearest first.
    pub about: Vec<MessageId>,
    /// It says that it answers some message, of ours or of somebody else.
    pub is_answer: bool,
    /// For a report: to whom the message had gone.
    pub recipient: Option<String>,
    /// What it is.
    pub kind: Kind,
}

impl Mail {
    /// Reads an email. `None`: these bytes are none.
    pub fn read(raw: &[u8]) -> Option<Self> {
        let mail = MessageParser::default().parse(raw)?;
        let from = mail.from().and_then(Address::first).and_then(|from| from.address())?;
        let from = plain(from).trim().to_lowercase();
        let subject: String = plain(mail.subject().unwrap_or_default());
        let subject: String = subject.trim().chars().take(SUBJECT_MAX).collect();
        let whole = plain(&mail.body_text(0).unwrap_or_default().replace("\r\n", "\n"));
        let text = cut(unquoted(&whole).trim(), TEXT_MAX).to_owned();
        let report = is_report(&mail, &from).then(|| Report::read(raw));
        let kind = match &report {
            Some(report) => report.kind(),
            None if is_automatic(&mail, &subject) => Kind::Auto,
            None if opts_out(&text) || (text.is_empty() && opts_out(&subject)) => Kind::OptOut,
            None => Kind::Written,
        };
        let mut about = Vec::new();
        let mut add = |ids: Vec<MessageId>| about.extend(ids);
        add(ids_of(mail.in_reply_to()));
        add(report.as_ref().map(|report| report.about.clone()).unwrap_or_default());
        add(ids_of(mail.references()).into_iter().rev().collect());
        about.dedup();
        about.truncate(REFERENCES_MAX);
        let key = match mail.message_id().map(str::trim).filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("sha256 {}", hex::encode(Sha256::digest(raw))),
        };
        let recipient = report.and_then(|report| report.recipient);
        let is_answer = names_any(mail.in_reply_to()) || names_any(mail.references());
        Some(Self { key, from, subject, text, about, is_answer, recipient, kind })
    }
}

/// Without characters that are no text.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The header's value as it is written.
fn header<'m>(mail: &'m Message<'_>, wanted: &str) -> Option<&'m str> {
    let mut headers = mail.headers_raw();
    headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

fn ids_of(value: &HeaderValue<'_>) -> Vec<MessageId> {
    match value {
        HeaderValue::Text(id) => message_id(id).into_iter().collect(),
        HeaderValue::TextList(ids) => ids.iter().filter_map(|id| message_id(id)).collect(),
        _ => Vec::new(),
    }
}

fn names_any(value: &HeaderValue<'_>) -> bool {
    match value {
        HeaderValue::Text(id) => !id.trim().is_empty(),
        HeaderValue::TextList(ids) => !ids.is_empty(),
        _ => false,
    }
}

/// Our own Message-ID is the message's id at the sender's domain.
fn message_id(text: &str) -> Option<MessageId> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    text.split_once('@')?.0.parse().ok()
}

fn is_report(mail: &Message<'_>, from: &str) -> bool {
    let of_type = mail.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind.subtype().is_some_and(|sub| sub.eq_ignore_ascii_case("report"))
    });
    of_type || from.starts_with("mailer-daemon@")
}

fn is_automatic(mail: &Message<'_>, subject: &str) -> bool {
    let submitted = header(mail, "auto-submitted").map(str::to_ascii_lowercase);
    let by_program =
        submitted.is_some_and(|value| value.split(';').next().unwrap_or_default().trim() != "no");
    let precedence = header(mail, "precedence").unwrap_or_default();
    let subject = subject.to_lowercase();
    by_program
        || AUTO_HEADERS.iter().any(|name| header(mail, name).is_some())
        || precedence.eq_ignore_ascii_case("auto_reply")
        || header(mail, "return-path").is_some_and(|path| path == "<>")
        || AUTO_SUBJECTS.iter().any(|begin| subject.starts_with(begin))
}

/// What a person wrote, without the message that is quoted below or above it.
fn unquoted(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        let introduces = (trimmed.starts_with("On ") || trimmed.starts_with("Am "))
            && (trimmed.ends_with("wrote:") || trimmed.ends_with(':') && trimmed.contains('@'));
        if introduces || trimmed.starts_with("-----Original Message") || trimmed == "-- " {
            break;
        }
        if !trimmed.starts_with('>') {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Whether it says that no more is wanted, and nothing else.
fn opts_out(text: &str) -> bool {
    let letters: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = letters.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    OPT_OUTS.contains(&words.as_str())
}

/// A report about a delivery (RFC 3464).
#[derive(Default)]
struct Report {
    action: String,
    status: String,
    diagnostic: String,
    recipient: Option<String>,
    about: Vec<MessageId>,
}

impl Report {
    /// Reads the fields wherever they stand: servers differ in how they pack them.
    fn read(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&raw[..raw.len().min(REPORT_MAX)]);
        let mut report = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let bare = || value.rsplit(';').next().unwrap_or_default().trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "action" => report.action = value.to_ascii_lowercase(),
                "status" if report.status.is_empty() => report.status = plain(value),
                "diagnostic-code" => report.diagnostic = plain(bare()),
                "final-recipient" => report.recipient = Some(plain(bare()).to_lowercase()),
                "message-id" | "x-original-message-id" | "references" | "in-reply-to" => {
                    let ids = value.split_whitespace().filter_map(message_id);
                    report.about.extend(ids.take(REFERENCES_MAX));
                }
                _ => {}
            }
        }
        report
    }

    fn kind(&self) -> Kind {
        let code = self.status.split_whitespace().next().unwrap_or_default();
        match (self.action.as_str(), code.chars().next()) {
            // `failed` says that it is given up, also after failures that were thought to pass (RFC 3464, 2.3.3).
            ("delayed", _) | ("", Some('4')) => Kind::Delay,
            ("delivered", _) => Kind::Delivered,
            ("failed", _) | ("", Some('5')) => {
                let why: String = self.diagnostic.chars().take(300).collect();
                Kind::Bounce(format!("{code} {why}").trim().to_owned())
            }
            _ => Kind::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198f0e0-0000-7000-8000-000000000001";

    fn mail(headers: &str, body: &str) -> Mail {
        let raw = format!(
            "From: Ada <Ada@Example.com>\r\nTo: shop@example.com\r\nSubject: Re: Hi\r\n\
             Message-ID: <m1@example.com>\r\n{headers}\r\n{body}"
        );
        Mail::read(raw.as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_says_what_it_answers() {
        let answer = mail(
            &format!(
                "References: <x@y> <{ID}@shop.example>\r\nIn-Reply-To: <{ID}@shop.example>\r\n"
            ),
            "Yes please.\r\n\r\nOn Mon, 5 Jan 2026, Shop <shop@example.com> wrote:\r\n> Shall we?\r\n",
        );
        assert_eq!(answer.about, [ID.parse::<MessageId>().unwrap()]);
        assert_eq!(
            (answer.from.as_str(), answer.key.as_str()),
            ("ada@example.com", "m1@example.com")
        );
        assert_eq!((answer.text.as_str(), &answer.kind), ("Yes please.", &Kind::Written));
        assert!(answer.is_answer && !mail("", "Hello").is_answer);
        let foreign = mail("In-Reply-To: <1234@mail.example>\r\n", "Hello");
        assert_eq!((foreign.is_answer, foreign.about), (true, vec![]));
    }

    #[test]
    fn programs_are_told_from_people() {
        for (headers, kind) in [
            ("Auto-Submitted: auto-replied\r\n", Kind::Auto),
            ("Auto-Submitted: auto-generated (vacation)\r\n", Kind::Auto),
            ("X-Autoreply: yes\r\n", Kind::Auto),
            ("Precedence: auto_reply\r\n", Kind::Auto),
            ("Return-Path: <>\r\n", Kind::Auto),
            ("Auto-Submitted: no\r\n", Kind::Written),
            ("X-Auto-Response-Suppress: All\r\n", Kind::Written),
            ("Precedence: bulk\r\n", Kind::Written),
        ] {
            assert_eq!(mail(headers, "Hello").kind, kind, "{headers}");
        }
    }

    #[test]
    fn a_stop_is_a_stop_only_when_nothing_else_is_said() {
        for text in ["STOP", " “Stop.” ", "Please unsubscribe!", "opt-out\r\n> quoted"] {
            assert_eq!(mail("", text).kind, Kind::OptOut, "{text}");
        }
        for text in ["Stop by at noon?", "Do not stop", "Unsubscribe? Never!", ""] {
            assert_eq!(mail("", text).kind, Kind::Written, "{text}");
        }
    }

    fn report(action: &str, status: &str) -> Mail {
        let raw = format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: shop@example.com\r\nSubject: Undelivered\r\n\
             Return-Path: <>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; Ada@Example.com\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{ID}@shop.example>\r\n\r\n--b--\r\n"
        );
        Mail::read(raw.as_bytes()).unwrap()
    }

    #[test]
    fn reports_say_what_became_of_a_message() {
        let bounced = report("failed", "5.1.1");
        assert_eq!(bounced.kind, Kind::Bounce("5.1.1 550 5.1.1 no such user".into()));
        assert_eq!(bounced.about, [ID.parse::<MessageId>().unwrap()]);
        assert_eq!(bounced.recipient.as_deref(), Some("ada@example.com"));
        assert_eq!(report("delayed", "4.4.1").kind, Kind::Delay);
        let given_up = Kind::Bounce("4.2.2 550 5.1.1 no such user".into());
        assert_eq!(report("failed", "4.2.2").kind, given_up);
        assert_eq!(report("delivered", "2.0.0").kind, Kind::Delivered);
        assert_eq!(report("relayed", "2.0.0").kind, Kind::Auto);
    }

    #[test]
    fn what_is_no_email_is_none_and_what_has_no_id_is_known_by_its_bytes() {
        assert_eq!(Mail::read(b""), None);
        assert_eq!(Mail::read(b"\0\xff nothing"), None);
        let raw = b"From: a@example.com\r\n\r\nHi";
        let read = Mail::read(raw).unwrap();
        assert!(read.key.starts_with("sha256 "));
        assert_eq!(read, Mail::read(raw).unwrap());
    }
}
