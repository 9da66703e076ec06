//! Links in plain text.

/// Puts other addresses in the place of the web addresses of a text; where `change` gives none the address
/// stays.
pub(super) fn rewritten(text: &str, change: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, url, after)) = next(rest) {
        out.push_str(before);
        match change(url) {
            Some(changed) => out.push_str(&changed),
            None => out.push_str(url),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first web address of a text, with what stands before and after it.
pub(super) fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("http")?;
        let found = &text[at..];
        let is_scheme = found.starts_with("http://") || found.starts_with("https://");
        let in_word = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if is_scheme && !in_word {
            let end = at + length(found);
            return Some((&text[..at], &text[at..end], &text[end..]));
        }
        from = at + 4;
    }
}

/// How far an address goes: to white space, quotes or angle brackets, without the punctuation of the sentence
/// around it.
fn length(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"\u{201c}\u{201d}`".contains(c);
    let mut url = &text[..text.find(ends).unwrap_or(text.len())];
    loop {
        let Some(last) = url.chars().next_back() else { return 0 };
        let closes = |open: char, close: char| {
            last == close && url.matches(open).count() < url.matches(close).count()
        };
        let trims =
            ".,;:!?'*_".contains(last) || closes('(', ')') || closes('[', ']') || closes('{', '}');
        if !trims {
            return url.len();
        }
        url = &url[..url.len() - last.len_utf8()];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_a_reader_sees_them_end() {
        let cases = [
            ("See https://a.example/x.", "See [https://a.example/x]."),
            ("(https://a.example/x(y)), or", "([https://a.example/x(y)]), or"),
            ("<https://a.example>", "<[https://a.example]>"),
            (
                "https://a.example/?a=1&b=2\nhttp://b.example",
                "[https://a.example/?a=1&b=2]\n[http://b.example]",
            ),
            (
                "xhttp://a.example mailto:b@c.example tel:+49",
                "xhttp://a.example mailto:b@c.example tel:+49",
            ),
            ("http https and httpx://", "http https and httpx://"),
            ("“https://a.example/é”", "“[https://a.example/é]”"),
        ];
        for (text, expected) in cases {
            assert_eq!(rewritten(text, &mut |url| Some(format!("[{url}]"))), expected);
            assert_eq!(rewritten(text, &mut |_| None), text);
        }
    }
}
