//! Links in HTML. Not a parser of documents: it finds the tags, their attributes, and leaves everything else
//! as it is, to the letter.

use super::text;

/// Elements whose content is not markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// Puts other addresses in the place of those that links (`a`, `area`) lead to; where `change` gives none the
/// address stays. A link with `data-no-track` stays.
pub(super) fn rewritten(html: &str, change: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (tag, after) = rest.split_at(tag_length(rest));
        let name = name(tag);
        match name.as_str() {
            "a" | "area" => out.push_str(&link(tag, change)),
            _ => out.push_str(tag),
        }
        rest = after;
        if RAW.contains(&name.as_str()) {
            let close = closing(rest, &name).unwrap_or(rest.len());
            out.push_str(&rest[..close]);
            rest = &rest[close..];
        }
    }
    out.push_str(rest);
    out
}

/// The name of an opening tag in lower case; empty for everything else.
fn name(tag: &str) -> String {
    let inner = tag.strip_prefix('<').unwrap_or_default();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    inner[..end].to_ascii_lowercase()
}

/// How long the tag or comment is that a text begins with. Quoted `>` do not end it.
fn tag_length(text: &str) -> usize {
    if text.starts_with("<!--") {
        return text.find("-->").map_or(text.len(), |at| at + 3);
    }
    if !text[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
        return 1;
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '>') => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A link's tag with its `href` changed.
fn link(tag: &str, change: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let attributes = attributes(tag);
    let value = |name: &str| attributes.iter().find(|found| found.name.eq_ignore_ascii_case(name));
    let leads = |href: &&Attribute| href.from < href.to && value("data-no-track").is_none();
    let Some(href) = value("href").filter(leads) else {
        return tag.to_owned();
    };
    let changed = decoded(&tag[href.from..href.to]).and_then(|url| change(url.trim()));
    let Some(changed) = changed else { return tag.to_owned() };
    let quote = if href.quoted { "" } else { "\"" };
    format!("{}{quote}{}{quote}{}", &tag[..href.from], escaped(&changed), &tag[href.to..])
}

/// An attribute, with where its value stands in the tag.
struct Attribute<'a> {
    name: &'a str,
    from: usize,
    to: usize,
    quoted: bool,
}

fn attributes(tag: &str) -> Vec<Attribute<'_>> {
    let bytes = tag.as_bytes();
    let mut found = Vec::new();
    let mut at = 1 + name(tag).len();
    let space = |c: u8| c.is_ascii_whitespace() || c == b'/';
    let until = |mut at: usize, ends: &dyn Fn(u8) -> bool| {
        while at < bytes.len() && !ends(bytes[at]) {
            at += 1;
        }
        at
    };
    loop {
        at = until(at, &|c| !space(c));
        if at >= bytes.len() || bytes[at] == b'>' {
            return found;
        }
        let start = at;
        // The first byte belongs to the name, whatever it is: so each round goes on.
        at = until(at + 1, &|c| space(c) || c == b'=' || c == b'>');
        let name = tag.get(start..at).unwrap_or_default();
        let equals = until(at, &|c| !c.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            found.push(Attribute { name, from: at, to: at, quoted: true });
            continue;
        }
        let from = until(equals + 1, &|c| !c.is_ascii_whitespace());
        let attribute = match bytes.get(from) {
            Some(&quote @ (b'"' | b'\'')) => {
                let to = until(from + 1, &|c| c == quote);
                at = to + 1;
                Attribute { name, from: from + 1, to, quoted: true }
            }
            _ => {
                let to = until(from, &|c| c.is_ascii_whitespace() || c == b'>');
                at = to;
                Attribute { name, from, to, quoted: false }
            }
        };
        // All ends are at ASCII bytes, or at the tag's own.
        if attribute.to > tag.len() || attribute.from > attribute.to {
            return found;
        }
        found.push(attribute);
    }
}

/// An attribute's value without its entities; none when it has one that is not read here.
fn decoded(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [
            ("&amp;", '&'),
            ("&#38;", '&'),
            ("&#x26;", '&'),
            ("&quot;", '"'),
            ("&#39;", '\''),
            ("&#x27;", '\''),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&#x2F;", '/'),
            ("&#x2f;", '/'),
        ];
        match known.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, c)) => {
                out.push(*c);
                rest = &rest[entity.len()..];
            }
            // A bare ampersand of a query is one; anything that may be another entity is not read.
            None => {
                let name = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '#');
                if name.is_some_and(|at| rest[1 + at..].starts_with(';')) {
                    return None;
                }
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Text as it stands in HTML, also in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A page that says the same as a text, with its links.
pub(super) fn of_text(text: &str) -> String {
    let mut body = String::new();
    let mut rest = text;
    while let Some((before, url, after)) = text::next(rest) {
        let url = escaped(url);
        body.push_str(&escaped(before));
        body.push_str(&format!("<a href=\"{url}\">{url}</a>"));
        rest = after;
    }
    body.push_str(&escaped(rest));
    format!(
        "<!doctype html><html><body><div style=\"white-space: pre-wrap\">{body}</div></body></html>"
    )
}

/// A page with a tag at the end of its body.
pub(super) fn with_pixel(html: &str, tag: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let at = lower.rfind("</body").or_else(|| lower.rfind("</html")).unwrap_or(html.len());
    format!("{}{tag}{}", &html[..at], &html[at..])
}

/// Where the closing tag of an element begins; the name is in lower case.
fn closing(text: &str, name: &str) -> Option<usize> {
    let named = |at: usize| {
        let found = text.as_bytes().get(at + 2..at + 2 + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    text.match_indices("</").map(|(at, _)| at).find(|at| named(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hrefs_of_links_are_changed_and_nothing_else() {
        let cases = [
            (
                "<a href=\"https://a.example/?x=1&amp;y=2\">x</a>",
                "<a href=\"[https://a.example/?x=1&amp;y=2]\">x</a>",
            ),
            ("<A class=b HREF='https://a.example'>x", "<A class=b HREF='[https://a.example]'>x"),
            ("<a href=https://a.example>x", "<a href=\"[https://a.example]\">x"),
            (
                "<a title=\"a > b\" href = \"https://a.example\" >",
                "<a title=\"a > b\" href = \"[https://a.example]\" >",
            ),
            (
                "<a href=\"https://a.example\" data-no-track>",
                "<a href=\"https://a.example\" data-no-track>",
            ),
            ("<a data-href=\"https://a.example\">", "<a data-href=\"https://a.example\">"),
            ("<a href=\"https://a.example/&copy;\">", "<a href=\"https://a.example/&copy;\">"),
            ("<!-- <a href=\"https://a.example\"> -->", "<!-- <a href=\"https://a.example\"> -->"),
            (
                "<style>a<a href=\"https://a.example\"></style>",
                "<style>a<a href=\"https://a.example\"></style>",
            ),
            ("<img src=\"https://a.example\">1 < 2 <", "<img src=\"https://a.example\">1 < 2 <"),
            (
                "<abbr href=\"https://a.example\"><area href=\"https://a.example\">",
                "<abbr href=\"https://a.example\"><area href=\"[https://a.example]\">",
            ),
            ("é<a href=\"https://a.example/é\">é", "é<a href=\"[https://a.example/é]\">é"),
            ("<a href", "<a href"),
            ("<a href=\"https://a.example", "<a href=\"[https://a.example]"),
        ];
        for (html, expected) in cases {
            assert_eq!(rewritten(html, &mut |url| Some(format!("[{url}]"))), expected);
        }
    }

    #[test]
    fn the_pixel_stands_at_the_end_of_the_body() {
        assert_eq!(with_pixel("<BODY>a</BODY></html>", "<i>"), "<BODY>a<i></BODY></html>");
        assert_eq!(with_pixel("<p>a", "<i>"), "<p>a<i>");
        let page = of_text("1 < 2, see https://a.example/?a&b.");
        assert!(page.contains("1 &lt; 2, see <a href=\"https://a.example/?a&amp;b\">https://a.example/?a&amp;b</a>."), "{page}");
    }

    #[test]
    fn a_page_of_titles_takes_as_long_as_any_other() {
        // Copied once for each title it would take minutes.
        let html = "<title>a</TITLE><a href=\"https://a.example\">".repeat(15_000);
        let changed = rewritten(&html, &mut |_| Some("b".to_owned()));
        assert_eq!(changed, html.replace("https://a.example", "b"));
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_is_lost(html in "(<a href=|<|>|\"|'|/|=|&|;|é|https://a\\.b|<!--|-->|<style>| |x){0,40}") {
            prop_assert_eq!(rewritten(&html, &mut |_| None), html.clone());
            let _ = rewritten(&html, &mut |url| Some(format!("[{url}]")));
        }
    }
}
