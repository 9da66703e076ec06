//! Links in plain text.

/// Brackets that an address may hold in pairs; a closing one without its opening one is the sentence's.
const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

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
    // Counted once: what is trimmed are closing brackets and punctuation, and texts come from anywhere.
    let mut unopened = BRACKETS
        .map(|(open, close)| url.matches(close).count().saturating_sub(url.matches(open).count()));
    while let Some(last) = url.chars().next_back() {
        let bracket = BRACKETS.iter().position(|(_, close)| *close == last);
        match bracket.and_then(|kind| unopened.get_mut(kind)) {
            Some(0) => return url.len(),
            Some(unopened) => *unopened -= 1,
            None if ".,;:!?'*_".contains(last) => {}
            None => return url.len(),
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    0
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
            ("https://a.example/(x)]).)", "[https://a.example/(x)]]).)"),
            ("https://a.example/{x}[1]", "[https://a.example/{x}[1]]"),
        ];
        for (text, expected) in cases {
            assert_eq!(rewritten(text, &mut |url| Some(format!("[{url}]"))), expected);
            assert_eq!(rewritten(text, &mut |_| None), text);
        }
    }

    #[test]
    fn a_text_of_brackets_takes_as_long_as_any_other() {
        // Looked at once for each bracket it would take minutes.
        let brackets = ")]}".repeat(150_000);
        let text = format!("https://a.example/{brackets}");
        let expected = format!("[https://a.example/]{brackets}");
        assert_eq!(rewritten(&text, &mut |url| Some(format!("[{url}]"))), expected);
    }
}
