//! The bytes of an email: the same message always gives the same bytes.

use super::Outgoing;
use crate::store::Content;
use chrono::{DateTime, Utc};
use lettre::message::{
    Body, Mailbox, Message, MultiPart, MultiPartBuilder, MultiPartKind, SinglePart, header,
};
use signalbox::id::MessageId;
use std::time::SystemTime;
use uuid::Uuid;

/// Longest subject or address line, in bytes.
const LINE_MAX: usize = 998;

/// A line that stands in a header must not hold control characters: they could start another header.
pub fn check_line(what: &str, line: &str) -> Result<(), String> {
    if line.len() > LINE_MAX {
        return Err(format!("{what} is longer than {LINE_MAX} bytes"));
    }
    if line.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
        return Err(format!("{what} must be on one line, without control characters"));
    }
    // A reader would decode it, and show another text than the one that was approved.
    if line.split_once("=?").is_some_and(|(_, rest)| rest.contains("?=")) {
        return Err(format!(
            "{what} has an encoded word in it (=?…?=); write the text itself, in any script"
        ));
    }
    Ok(())
}

/// Reads an address: `ada@example.com` or `Ada Lovelace <ada@example.com>`.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    check_line("the address", text)?;
    let text = text.trim();
    text.parse::<Mailbox>().or_else(|error| quoted(text).ok_or_else(|| {
        format!("\u{201c}{text}\u{201d} is not an email address ({error}); write name@example.com or Name <name@example.com>")
    }))
}

/// `Lovelace, Ada <ada@example.com>`: a name that would need quotes.
fn quoted(text: &str) -> Option<Mailbox> {
    let (name, rest) = text.rsplit_once('<')?;
    let address = rest.strip_suffix('>')?.trim().parse().ok()?;
    let name = name.trim().trim_matches('"').trim();
    Some(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address))
}

/// The domain of the Message-ID: the sender's.
fn message_id(outgoing: &Outgoing, from: &Mailbox) -> String {
    format!("<{}@{}>", outgoing.id, from.email.domain())
}

/// The email as it goes over the wire, without the final empty line that ends the transfer.
pub fn mime_bytes(outgoing: &Outgoing) -> Result<Vec<u8>, String> {
    let content = &outgoing.content;
    check_line("the subject", &content.subject)?;
    let from = mailbox(&content.from)?;
    let mut builder = Message::builder()
        .message_id(Some(message_id(outgoing, &from)))
        .date(SystemTime::from(outgoing.date))
        .from(from)
        .to(mailbox(&content.to)?)
        .subject(content.subject.clone());
    for copy in &content.cc {
        builder = builder.cc(mailbox(copy)?);
    }
    if let Some(reply_to) = &content.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    let plain = || part(header::ContentType::TEXT_PLAIN, &content.text);
    let message = match &content.html {
        None => builder.singlepart(plain()),
        Some(html) => builder.multipart(
            alternative(outgoing)
                .singlepart(plain())
                .singlepart(part(header::ContentType::TEXT_HTML, html)),
        ),
    };
    message.map(|message| message.formatted()).map_err(|error| error.to_string())
}

/// The bytes of an answer to a message, as its recipient would send it.
pub fn answer_bytes(
    id: MessageId,
    content: &Content,
    text: &str,
    own_id: Uuid,
    date: DateTime<Utc>,
) -> Result<Vec<u8>, String> {
    let from = mailbox(&content.from)?;
    let answered = format!("<{id}@{}>", from.email.domain());
    let to = content.reply_to.as_deref().unwrap_or(&content.from);
    let message = Message::builder()
        .message_id(Some(format!("<{own_id}@sandbox.invalid>")))
        .date(SystemTime::from(date))
        .from(mailbox(&content.to)?)
        .to(mailbox(to)?)
        .subject(format!("Re: {}", content.subject))
        .in_reply_to(answered.clone())
        .references(answered)
        .singlepart(part(header::ContentType::TEXT_PLAIN, text));
    message.map(|message| message.formatted()).map_err(|error| error.to_string())
}

fn part(kind: header::ContentType, text: &str) -> SinglePart {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let plain = text.is_ascii() && text.lines().all(|line| line.len() < LINE_MAX);
    let body = match plain {
        // The line end that closes the part is added by the builder.
        true => Body::new(text.strip_suffix("\r\n").unwrap_or(&text).to_owned()),
        // Base 64 gives every byte back, the last line end too.
        false => Body::new_with_encoding(text, header::ContentTransferEncoding::Base64)
            .unwrap_or_else(Body::new),
    };
    SinglePart::builder().header(kind).body(body)
}

/// The boundary is the same for every attempt.
fn alternative(outgoing: &Outgoing) -> MultiPartBuilder {
    let boundary = format!("signalbox-{}", outgoing.id.0.simple());
    MultiPart::builder().kind(MultiPartKind::Alternative).boundary(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(content: Content) -> Outgoing {
        Outgoing { id: MessageId(Uuid::from_u128(7)), date: chrono::DateTime::UNIX_EPOCH, content }
    }

    fn content() -> Content {
        Content {
            account: "sandbox".into(),
            from: "Shop <shop@example.com>".into(),
            to: "Ada Lovelace <ada@example.com>".into(),
            subject: "Grüße, Ada".into(),
            text: "Hi Ada,\n.\nzwei Zeilen – fertig\n".into(),
            ..Content::default()
        }
    }

    #[test]
    fn the_same_message_gives_the_same_bytes_and_reads_back() {
        let mut with_html = content();
        with_html.html = Some("<p>Hi Ada</p>".into());
        for content in [content(), with_html] {
            let outgoing = outgoing(content.clone());
            let bytes = mime_bytes(&outgoing).unwrap();
            assert_eq!(bytes, mime_bytes(&outgoing).unwrap());
            let parsed = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            assert_eq!(parsed.subject(), Some("Grüße, Ada"));
            assert_eq!(parsed.message_id(), Some(format!("{}@example.com", outgoing.id).as_str()));
            let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
            assert_eq!(text, content.text);
            let html = String::from_utf8_lossy(&bytes).contains("<p>Hi Ada</p>");
            assert_eq!(html, content.html.is_some());
        }
    }

    #[test]
    fn lines_that_would_start_a_header_are_refused() {
        for bad in ["a\r\nBcc: x@example.com", "a\nb", "a\0b", "a\u{2028}b"] {
            let mut subject = content();
            subject.subject = bad.into();
            assert!(mime_bytes(&outgoing(subject)).is_err(), "{bad:?}");
            let mut to = content();
            to.to = format!("{bad} <ada@example.com>");
            assert!(mime_bytes(&outgoing(to)).is_err(), "{bad:?}");
        }
        for word in ["=?utf-8?q?=0D=0ABcc:_x@example.com?=", "a =?utf-8?b?DQo=?="] {
            let mut subject = content();
            subject.subject = word.into();
            assert!(mime_bytes(&outgoing(subject)).unwrap_err().contains("encoded word"), "{word}");
            assert!(mailbox(&format!("{word} <ada@example.com>")).is_err(), "{word}");
        }
        let mut subject = content();
        subject.subject = "Why =? and ?".into();
        assert!(mime_bytes(&outgoing(subject)).is_ok());
        assert!(mailbox("nobody").is_err());
        assert!(mailbox("Lovelace, Ada <ada@example.com>").is_ok());
    }
}
