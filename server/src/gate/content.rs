//! The canonical bytes of a message and their hash.

use crate::store::Content;
use sha2::{Digest, Sha256};

/// SHA-256 over everything that leaves: account, sender, recipients, answers' address, subject, text, HTML.
///
/// Each field goes in with its name and length, so no two different messages have the same bytes.
pub fn content_hash(content: &Content) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(b"signalbox message 1\n");
    let mut field = |name: &str, value: &str| {
        hash.update(name.as_bytes());
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value.as_bytes());
    };
    field("account", &content.account);
    field("from", &content.from);
    field("to", &content.to);
    content.cc.iter().for_each(|address| field("cc", address));
    content.bcc.iter().for_each(|address| field("bcc", address));
    if let Some(reply_to) = &content.reply_to {
        field("reply_to", reply_to);
    }
    field("subject", &content.subject);
    field("text", &content.text);
    if let Some(html) = &content.html {
        field("html", html);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_field_changes_the_hash() {
        let base = Content { to: "a@example.com".into(), ..Content::default() };
        let edits: [fn(&mut Content); 12] = [
            |_| {},
            |c| c.account = "smtp mail:25".into(),
            |c| c.from = "x".into(),
            |c| c.to = "b@example.com".into(),
            |c| c.cc = vec!["x".into()],
            |c| c.bcc = vec!["x".into()],
            |c| c.cc = vec!["x".into(), "y".into()],
            |c| c.cc = vec!["xy".into()],
            |c| c.reply_to = Some("x".into()),
            |c| c.subject = "x".into(),
            |c| c.text = "x".into(),
            |c| c.html = Some(String::new()),
        ];
        let hashes: HashSet<Vec<u8>> = edits
            .iter()
            .map(|edit| {
                let mut content = base.clone();
                edit(&mut content);
                content_hash(&content)
            })
            .collect();
        assert_eq!(hashes.len(), edits.len());
    }
}
