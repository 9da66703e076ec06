//! What leaves: headers of emails and addresses on the web.

use super::driver::Seen;
use chrono::DateTime;
use reqwest::Url;
use server::{
    channel::{Outgoing, mime_bytes},
    egress::{Allowed, Egress, EgressError, EgressRequest},
    store::Content,
};
use signalbox::id::MessageId;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::LazyLock,
};
use uuid::Uuid;

pub const WORDS: &[&str] = &[
    "\r\nBcc: x@example.com",
    "\nTo: y@example.com",
    "\u{2028}",
    "=?utf-8?q?=0d=0aBcc:_x?=",
    "<",
    ">",
    "@",
    ",",
    ";",
    "\"",
    "\\",
    "ada@example.com",
    "Ada <ada@example.com>",
    "(comment)",
    "[127.0.0.1]",
    "%0d%0a",
    "http://",
    "https://",
    "127.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "169.254.169.254",
    "user:pw@",
    ":22",
    ":80",
    "#",
    "?",
    "//",
    "\\\\",
    "file://",
    "gopher://",
    "example.com",
    "1.1.1.1",
    "%31%32%37.0.0.1",
    "。",
    "①②⑦",
];

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// From, to, copy, answer-to, subject: a line each; then the text.
pub fn headers() -> Vec<Vec<u8>> {
    texts(&[
        "Shop <shop@example.com>\tAda Lovelace <ada@example.com>\tbob@example.com\thelp@example.com\tGrüße, Ada\tHi\n.\nfertig\n",
        "shop@example.com\tLovelace, Ada <ada@example.com>\tc@example.com\td@example.com\tHi\t",
    ])
}

pub fn header(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input).into_owned();
    let fields: Vec<&str> = text.splitn(6, '\t').collect();
    let [from, to, copy, reply_to, subject, body] = fields[..] else {
        return Ok(Seen::Refused("fewer fields".to_owned()));
    };
    written(Content {
        account: "sandbox".into(),
        from: from.into(),
        to: to.into(),
        cc: vec![copy.into()],
        reply_to: Some(reply_to.into()),
        subject: subject.into(),
        text: body.into(),
        html: (body.len() % 2 == 1).then(|| format!("<p>{body}</p>")),
        ..Content::default()
    })
}

/// A good mail with one field as the text says: the field's name, a line end, the value.
pub fn field(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input).into_owned();
    let (name, value) = text.split_once('\n').ok_or("no field")?;
    let mut content = Content {
        account: "sandbox".into(),
        from: "Shop <shop@example.com>".into(),
        to: "Ada <ada@example.com>".into(),
        cc: vec!["bob@example.com".into()],
        reply_to: Some("help@example.com".into()),
        subject: "Hello".into(),
        text: "Hi".into(),
        ..Content::default()
    };
    match name {
        "from" => content.from = value.into(),
        "to" => content.to = value.into(),
        "cc" => content.cc = vec![value.into()],
        "reply_to" => content.reply_to = Some(value.into()),
        "subject" => content.subject = value.into(),
        other => return Err(format!("no field {other}")),
    }
    written(content)
}

fn written(content: Content) -> Result<Seen, String> {
    let subject = content.subject.clone();
    let outgoing =
        Outgoing { id: MessageId(Uuid::from_u128(7)), date: DateTime::UNIX_EPOCH, content };
    match mime_bytes(&outgoing) {
        Err(why) if why.is_empty() => Err("a refusal without words".to_owned()),
        Err(why) => Ok(Seen::Refused(why)),
        Ok(bytes) if mime_bytes(&outgoing).as_ref() != Ok(&bytes) => {
            Err("other bytes the second time".to_owned())
        }
        Ok(bytes) => headers_are_ours(&bytes, &subject),
    }
}

/// The names of the header lines: ours, each once.
pub fn header_names(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let mut names: Vec<String> =
        lines.map(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase()).collect();
    names.sort();
    names
}

fn headers_are_ours(bytes: &[u8], subject: &str) -> Result<Seen, String> {
    let ours = [
        "cc",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "subject",
        "to",
    ];
    let names = header_names(bytes);
    let known = names.iter().all(|name| ours.contains(&name.as_str()));
    let once = names.windows(2).all(|pair| pair[0] != pair[1]);
    if !known || !once {
        return Err(format!("headers {names:?}"));
    }
    let parsed =
        mail_parser::MessageParser::default().parse(bytes).ok_or("a mail that nobody can read")?;
    // White space at folds and ends is not the reader's to keep.
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let read = squeezed(parsed.subject().unwrap_or_default());
    if read != squeezed(subject) {
        return Err(format!("the subject {subject:?} arrives as {:?}", parsed.subject()));
    }
    match (parsed.from(), parsed.to(), parsed.bcc()) {
        (Some(from), Some(to), None) if from.iter().count() == 1 && to.iter().count() == 1 => {
            Ok(Seen::Taken)
        }
        other => Err(format!("the addresses arrive as {other:?}")),
    }
}

pub fn addresses() -> Vec<Vec<u8>> {
    texts(&[
        "https://example.com/a?b=c#d",
        "http://1.1.1.1:80/x",
        "https://[2606:4700:4700::1111]/",
        "http://example.com:443/%20?x={{a}}",
    ])
}

static EGRESS: LazyLock<Egress> = LazyLock::new(|| Egress::new(Allowed::default()).unwrap());

/// Whether the text of an address lets it be asked; nothing is resolved and nothing connected.
pub fn address(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let url = match Url::parse(text.trim()) {
        Err(error) => return Ok(Seen::Refused(error.to_string())),
        Ok(url) => url,
    };
    match EGRESS.check(&url) {
        Err(EgressError::Forbidden(why)) if !why.is_empty() => Ok(Seen::Refused(why)),
        Err(other) => Err(format!("{other:?}")),
        Ok(()) if may_be_asked(&url) => Ok(Seen::Taken),
        Ok(()) => Err(format!("{url} may be asked")),
    }
}

/// Asks an address whose name has to be resolved; gives why that was not done.
pub async fn asked(url: Url) -> Option<String> {
    let request = EgressRequest {
        method: reqwest::Method::GET,
        url,
        headers: Default::default(),
        body: None,
        timeout: std::time::Duration::from_secs(20),
    };
    match EGRESS.send(request).await {
        Err(EgressError::Forbidden(why) | EgressError::Failed(why)) => Some(why),
        _ => None,
    }
}

/// The same by the standard library's words.
fn may_be_asked(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let v4 = |v4: Ipv4Addr| {
        !(v4.is_loopback()
            || v4.is_private()
            || v4.is_link_local()
            || v4.is_unspecified()
            || v4.is_multicast())
    };
    let public = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => v4(address),
        Ok(IpAddr::V6(address)) => {
            let inner = address.to_ipv4_mapped().is_none_or(v4);
            inner
                && !address.is_loopback()
                && !address.is_unspecified()
                && !address.is_unique_local()
        }
        Err(_) => !host.is_empty(),
    };
    let port = matches!(url.port_or_known_default(), Some(80 | 443));
    public
        && port
        && matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
}
