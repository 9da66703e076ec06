//! Source text to tokens. Knows nothing of what they mean together.

use super::ParseError;
use super::number::integral;
use serde_json::{Number, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Number(Number),
    /// A quoted text, cut at each `{{path}}` in it.
    Text(Vec<Piece>),
    Ident(String),
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// What stands between the braces: names, `.name` and `[0]`.
    Path(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Longest first, so that the first that fits is the one.
const SIGNS: &[&str] = &[
    "===", "!==", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "//", "<", ">", "!", "?",
    ":", "+", "-", "*", "/", "%", "^", "|", ".", ",", "(", ")", "[", "]", "{", "}",
];

/// Cuts `source` into tokens; the last one is [`Kind::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, ParseError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, end) = match first {
            '"' | '\'' => text(source, at)?,
            '0'..='9' => number(source, at)?,
            '.' if digit_at(source, at + 1) => number(source, at)?,
            c if is_name_start(c) => {
                let end = name_end(source, at);
                (Kind::Ident(source[at..end].to_owned()), end)
            }
            _ => sign(source, at)?,
        };
        out.push(Token { kind, start: at, end });
        at = end;
    }
    out.push(Token { kind: Kind::End, start: at, end: at });
    Ok(out)
}

pub(crate) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '$' | '@')
}

pub(crate) fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn name_end(source: &str, start: usize) -> usize {
    source[start..]
        .char_indices()
        .skip(1)
        .find(|(_, c)| !is_name_part(*c))
        .map_or(source.len(), |(offset, _)| start + offset)
}

fn digit_at(source: &str, at: usize) -> bool {
    source.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

fn sign(source: &str, at: usize) -> Result<(Kind, usize), ParseError> {
    let rest = &source[at..];
    for sign in SIGNS {
        // `a ?.5 : 1` is a condition, not a path.
        if rest.starts_with(sign) && !(*sign == "?." && digit_at(source, at + 2)) {
            return Ok((Kind::Sign(sign), at + sign.len()));
        }
    }
    let found = rest.chars().next().unwrap_or(' ');
    let message = match found {
        '=' => "\"=\" does not compare; write \"==\"".to_owned(),
        '&' => "a single \"&\" means nothing here; write \"&&\" for \"and\"".to_owned(),
        '`' | '“' | '”' | '‘' | '’' => {
            "write texts in \"straight\" or 'single' quotes".to_owned()
        }
        c => format!("the character {c:?} means nothing here"),
    };
    Err(ParseError::at(source, at, message))
}

fn number(source: &str, start: usize) -> Result<(Kind, usize), ParseError> {
    let bytes = source.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = digits(start);
    let mut whole = true;
    if bytes.get(end) == Some(&b'.') && digit_at(source, end + 1) {
        end = digits(end + 1);
        whole = false;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digit_at(source, end + 1 + sign) {
            end = digits(end + 1 + sign);
            whole = false;
        }
    }
    if source[end..].chars().next().is_some_and(is_name_part) {
        return Err(ParseError::at(source, end, "a number cannot be followed by a letter"));
    }
    let written = &source[start..end];
    let number = match written.parse::<i64>() {
        Ok(n) if whole => Some(Number::from(n)),
        _ => written.parse::<f64>().ok().and_then(integral),
    };
    match number {
        Some(number) => Ok((Kind::Number(number), end)),
        None => Err(ParseError::at(source, start, "the number is too large")),
    }
}

/// A quoted text that starts at `start`.
fn text(source: &str, start: usize) -> Result<(Kind, usize), ParseError> {
    let quote = source[start..].chars().next().unwrap_or('"');
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut at = start + 1;
    while let Some(c) = source[at..].chars().next() {
        if c == quote {
            if !piece.is_empty() || pieces.is_empty() {
                pieces.push(Piece::Text(piece));
            }
            return Ok((Kind::Text(pieces), at + 1));
        }
        if c == '\\' {
            at = escape(source, at, &mut piece)?;
        } else if let Some((path, end)) = path_at(source, at) {
            if !piece.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut piece)));
            }
            pieces.push(Piece::Path(path));
            at = end;
        } else {
            piece.push(c);
            at += c.len_utf8();
        }
    }
    Err(ParseError::at(source, start, format!("the text is not closed; a {quote} is missing")))
}

/// A `{{path}}` at `at`: what is between the braces, and where it ends.
fn path_at(source: &str, at: usize) -> Option<(String, usize)> {
    let inner = source[at..].strip_prefix("{{")?;
    let close = inner.find("}}")?;
    let path = inner[..close].trim();
    super::path::parse(path)?;
    Some((path.to_owned(), at + 2 + close + 2))
}

/// An escape at `at` (the backslash): pushes what it stands for, returns where it ends. An escape that is not
/// known stays as it is written, so that patterns such as `'\d+'` need no doubling.
fn escape(source: &str, at: usize, out: &mut String) -> Result<usize, ParseError> {
    let Some(c) = source[at + 1..].chars().next() else {
        return Err(ParseError::at(source, at, "the text is not closed after the \"\\\""));
    };
    let simple = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' | '\'' | '"' | '/' | '{' => c,
        'u' => return unicode(source, at, out),
        other => {
            out.push('\\');
            other
        }
    };
    out.push(simple);
    Ok(at + 1 + c.len_utf8())
}

/// `\uXXXX`, also in pairs, and `\u{X…}`.
fn unicode(source: &str, at: usize, out: &mut String) -> Result<usize, ParseError> {
    let bad =
        || ParseError::at(source, at, "\"\\u\" needs four hexadecimal digits, such as \\u20ac");
    if source[at + 2..].starts_with('{') {
        let close = source[at + 3..].find('}').ok_or_else(bad)?;
        let code = hex(&source[at + 3..at + 3 + close]).ok_or_else(bad)?;
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return Ok(at + 3 + close + 1);
    }
    let unit = |at: usize| source.get(at..at + 4).and_then(hex);
    let first = unit(at + 2).ok_or_else(bad)?;
    if (0xd800..0xdc00).contains(&first)
        && source.get(at + 6..at + 8) == Some("\\u")
        && let Some(second) = unit(at + 8)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return Ok(at + 12);
    }
    out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(at + 6)
}

fn hex(digits: &str) -> Option<u32> {
    let fine =
        !digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if fine { u32::from_str_radix(digits, 16).ok() } else { None }
}

impl Kind {
    /// How the token is called in a message.
    pub fn describe(&self) -> String {
        match self {
            Kind::Number(n) => format!("the number {n}"),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Ident(name) => format!("\"{name}\""),
            Kind::Sign(sign) => format!("\"{sign}\""),
            Kind::End => "the end".to_owned(),
        }
    }
}

/// The text of the pieces with each path in its braces again.
pub(crate) fn joined(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(path) => {
                out.push_str("{{");
                out.push_str(path);
                out.push_str("}}");
            }
        }
    }
    out
}

/// The constant that the pieces are, if no path is among them.
pub(crate) fn constant(pieces: &[Piece]) -> Option<Value> {
    match pieces {
        [] => Some(Value::from("")),
        [Piece::Text(text)] => Some(Value::from(text.as_str())),
        _ => None,
    }
}

/// Where the `}` is that closes a brace opened before `start`, passing over texts and inner braces.
pub(crate) fn close_of(source: &str, start: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut at, mut open) = (start, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            b'{' => open += 1,
            b'"' | b'\'' => at = quote_end(bytes, at)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the quote at `start` is closed.
pub(crate) fn quote_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            byte if *byte == bytes[start] => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
