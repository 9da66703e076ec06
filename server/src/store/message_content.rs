//! What of a message leaves.

use super::value;

/// Everything of a message that leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// What carries it: `sandbox`, `smtp host:port`.
    pub account: String,
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Copies.
    pub cc: Vec<String>,
    /// Hidden copies.
    pub bcc: Vec<String>,
    /// Where answers go, if elsewhere.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML part, if there is one.
    pub html: Option<String>,
}

impl Content {
    /// The same as each database can keep it: what is approved by its hash must be what is read back.
    pub fn as_kept(mut self) -> Self {
        let lines = [&mut self.from, &mut self.to, &mut self.subject, &mut self.text];
        let lists = self.cc.iter_mut().chain(self.bcc.iter_mut());
        let others = self.reply_to.iter_mut().chain(self.html.iter_mut());
        for text in lines.into_iter().chain(lists).chain(others) {
            let kept = value::text(text).into_owned();
            *text = kept;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_as_it_can_be_kept() {
        let with = |nul: &str| Content {
            account: "sandbox".into(),
            from: format!("a{nul}"),
            to: format!("b{nul}"),
            cc: vec![format!("c{nul}")],
            bcc: vec![format!("d{nul}")],
            reply_to: Some(format!("e{nul}")),
            subject: format!("f{nul}"),
            text: format!("g{nul}"),
            html: Some(format!("h{nul}")),
        };
        assert_eq!(with("\0").as_kept(), with("\u{fffd}"));
    }
}
