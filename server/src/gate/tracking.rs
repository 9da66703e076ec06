//! Tracked links and the open pixel of an email.
//!
//! They are put in before anybody approves: what the draft says is what leaves. A link's address holds the
//! message, a number and a code over these and over where it leads, so that nobody can make one up, and so that
//! the approved text says where it leads, although the target stands in a row of its own.
//! Deliberately absent: what following one means ([`super::heard`]).

mod html;
mod text;

use super::Gate;
use crate::{
    auth::ServerKey,
    store::{self, Content, Message, StoreResult},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use signalbox::{
    id::{MessageId, OrganizationId},
    wire::TrackedLink,
};
use subtle::ConstantTimeEq;
use url::Url;
use uuid::Uuid;

/// Tracked links of one message; what comes after them stays as it is.
const LINKS_MAX: usize = 200;
/// Longest address that is tracked, in bytes.
const URL_MAX: usize = 2_048;
/// Bytes of organisation, message and number.
const PLACE_LEN: usize = 34;
/// Characters of a place and of a code: 272 bits, and 132 bits of an HMAC-SHA256.
const PLACE_CHARS: usize = 46;
const CODE_CHARS: usize = 22;
/// What the pixel's tag begins with.
const PIXEL: &str = "<img width=\"1\" height=\"1\" alt=\"\" src=\"";

/// Where tracked links begin, and the key that signs them.
#[derive(Clone)]
pub struct Links {
    base_url: String,
    key: ServerKey,
}

/// What a tracked address is about, once its form was read. Its code must still be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which message.
    pub message: MessageId,
    /// Which link, from 1; 0 is the pixel.
    pub number: u16,
    code: String,
}

impl Links {
    /// Links under a server's address, without a slash at its end.
    pub fn new(base_url: impl Into<String>, key: ServerKey) -> Self {
        Self { base_url: base_url.into(), key }
    }

    fn code(&self, place: &[u8; PLACE_LEN], target: &str) -> String {
        let mut code = self.key.derive("tracked 1", &[place, target.as_bytes()]);
        code.truncate(CODE_CHARS);
        code
    }

    fn address(
        &self,
        organization: OrganizationId,
        message: MessageId,
        number: u16,
        target: &str,
    ) -> String {
        let place = place(organization, message, number);
        let code = self.code(&place, target);
        format!("{}/t/{}{code}", self.base_url, URL_SAFE_NO_PAD.encode(place))
    }

    /// Whether a tracked address was made here and leads to `target` (empty: the pixel).
    pub fn is_ours(&self, tracked: &Tracked, target: &str) -> bool {
        let place = place(tracked.organization, tracked.message, tracked.number);
        self.code(&place, target).as_bytes().ct_eq(tracked.code.as_bytes()).into()
    }
}

impl Tracked {
    /// Reads what stands after `/t/`.
    pub fn read(token: &str) -> Option<Self> {
        if token.len() != PLACE_CHARS + CODE_CHARS || !token.is_ascii() {
            return None;
        }
        let (place, code) = token.split_at(PLACE_CHARS);
        let place: [u8; PLACE_LEN] = URL_SAFE_NO_PAD.decode(place).ok()?.try_into().ok()?;
        let id = |at: usize| Uuid::from_slice(place.get(at..at + 16)?).ok();
        Some(Self {
            organization: OrganizationId(id(0)?),
            message: MessageId(id(16)?),
            number: u16::from_be_bytes([place[32], place[33]]),
            code: code.to_owned(),
        })
    }
}

fn place(organization: OrganizationId, message: MessageId, number: u16) -> [u8; PLACE_LEN] {
    let mut place = [0; PLACE_LEN];
    place[..16].copy_from_slice(organization.0.as_bytes());
    place[16..32].copy_from_slice(message.0.as_bytes());
    place[32..].copy_from_slice(&number.to_be_bytes());
    place
}

/// What a step wants to know of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    opens: bool,
    clicks: bool,
}

impl Wanted {
    fn of(parameters: &Value) -> Self {
        let flag = |name: &str| {
            parameters.pointer(&format!("/tracking/{name}")) == Some(&Value::Bool(true))
        };
        Self { opens: flag("opens"), clicks: flag("clicks") }
    }
}

impl Gate {
    /// Puts the links and the pixel in that the step asks for; gives where the links lead, from number 1.
    pub(super) fn track(
        &self,
        organization: OrganizationId,
        message: MessageId,
        parameters: &Value,
        content: &mut Content,
    ) -> Vec<String> {
        let Some(links) = self.inner.links.get() else { return Vec::new() };
        let wanted = Wanted::of(parameters);
        let mut targets = Targets { links, organization, message, urls: Vec::new() };
        if wanted.clicks {
            content.text = text::rewritten(&content.text, &mut |url| targets.tracked(url));
            if let Some(html) = &mut content.html {
                *html = html::rewritten(html, &mut |url| targets.tracked(url));
            }
        }
        if wanted.opens {
            let pixel = links.address(organization, message, 0, "");
            let page = content.html.take().unwrap_or_else(|| html::of_text(&content.text));
            content.html = Some(html::with_pixel(&page, &format!("{PIXEL}{pixel}\">")));
        }
        targets.urls
    }
}

impl Gate {
    /// Where the tracked links of a message lead.
    pub(super) async fn links_of(&self, message: &Message) -> StoreResult<Vec<TrackedLink>> {
        let Some(links) = self.inner.links.get() else { return Ok(Vec::new()) };
        let (organization, id) = (message.organization, message.id);
        let kept = store::message_links(self.store(), organization, id).await?;
        let shown = |(number, url): (u16, String)| TrackedLink {
            address: links.address(organization, id, number, &url),
            url,
        };
        Ok(kept.into_iter().map(shown).collect())
    }
}

/// The HTML part of a text that was edited: none, unless opens are tracked by its pixel.
pub(super) fn html_of_edited(text: &str, before: &str) -> Option<String> {
    let (_, rest) = before.rsplit_once(PIXEL)?;
    let (address, _) = rest.split_once("\">")?;
    Some(html::with_pixel(&html::of_text(text), &format!("{PIXEL}{address}\">")))
}

/// The targets of one message's links.
struct Targets<'a> {
    links: &'a Links,
    organization: OrganizationId,
    message: MessageId,
    urls: Vec<String>,
}

impl Targets<'_> {
    /// The tracked address of a link; none where it is left alone.
    fn tracked(&mut self, url: &str) -> Option<String> {
        if !may_be_tracked(url, &self.links.base_url) {
            return None;
        }
        let known = self.urls.iter().position(|known| known == url);
        let index = match known {
            Some(index) => index,
            None if self.urls.len() >= LINKS_MAX => return None,
            None => {
                self.urls.push(url.to_owned());
                self.urls.len() - 1
            }
        };
        let number = u16::try_from(index + 1).ok()?;
        Some(self.links.address(self.organization, self.message, number, url))
    }
}

/// Web addresses, but not ours and not those by which somebody opts out.
fn may_be_tracked(url: &str, base_url: &str) -> bool {
    if url.len() > URL_MAX || url.chars().any(char::is_control) {
        return false;
    }
    let lower = url.to_ascii_lowercase();
    let opts_out = ["unsubscribe", "opt-out", "optout", "opt_out"];
    let ours = url.strip_prefix(base_url).is_some_and(|rest| rest.starts_with("/t/"));
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    !ours && !opts_out.iter().any(|word| lower.contains(word)) && Url::parse(url).is_ok_and(is_web)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("https://box.example", ServerKey::new([7; 32]))
    }

    fn ids() -> (OrganizationId, MessageId) {
        (OrganizationId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2)))
    }

    #[test]
    fn an_address_is_read_back_and_cannot_be_made_up() {
        let ((organization, message), links) = (ids(), links());
        let url = "https://shop.example/a?b=1";
        let address = links.address(organization, message, 3, url);
        let token = address.strip_prefix("https://box.example/t/").unwrap();
        assert_eq!(token.len(), 68);
        let tracked = Tracked::read(token).unwrap();
        assert_eq!(
            (tracked.organization, tracked.message, tracked.number),
            (organization, message, 3)
        );
        assert!(links.is_ours(&tracked, url));
        assert!(
            !links.is_ours(&tracked, "https://evil.example/"),
            "the target is part of the code"
        );
        let other = Links::new("https://box.example", ServerKey::new([8; 32]));
        assert!(!other.is_ours(&tracked, url));
        // One character of each part changed.
        for at in [5, 25, 44, 50, 67] {
            let mut forged = token.to_owned();
            let swap = if &token[at..=at] == "A" { "B" } else { "A" };
            forged.replace_range(at..=at, swap);
            assert!(Tracked::read(&forged).is_none_or(|t| !links.is_ours(&t, url)), "{at}");
        }
        for wrong in ["", "x", &token[1..], &format!("{token}A"), &"é".repeat(34)] {
            assert_eq!(Tracked::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_web_links_are_tracked() {
        let may = |url: &str| may_be_tracked(url, "https://box.example");
        assert!(may("https://shop.example/") && may("http://shop.example/x#part"));
        for left in [
            "mailto:a@example.com",
            "tel:+4930",
            "#top",
            "/relative",
            "javascript:alert(1)",
            "https://shop.example/unsubscribe?u=1",
            "https://box.example/t/abc",
            "https://",
        ] {
            assert!(!may(left), "{left}");
        }
        assert!(!may(&format!("https://shop.example/{}", "x".repeat(URL_MAX))));
    }

    #[test]
    fn an_edited_text_keeps_the_pixel_of_its_message() {
        let before = format!("<p>old</p>{PIXEL}https://box.example/t/abc\">");
        let html = html_of_edited("new <b>", &before).unwrap();
        assert!(html.contains("new &lt;b&gt;") && html.contains("/t/abc\">"), "{html}");
        assert!(!html.contains("old"));
        assert_eq!(html_of_edited("new", "<p>old</p>"), None);
    }
}
