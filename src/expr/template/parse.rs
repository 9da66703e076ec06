//! Template source to parts: first cut into text and tags, then nested into sections.

use super::{Part, Section, SectionKind};
use crate::expr::lexer::quote_end;
use crate::expr::limits::{MAX_EXPRESSION_BYTES, MAX_SECTION_DEPTH, MAX_TEMPLATE_BYTES};
use crate::expr::{Expression, ParseError};

/// A piece of the source.
#[derive(Debug)]
enum Piece<'s> {
    Text(String),
    Tag(Tag<'s>),
}

#[derive(Debug)]
struct Tag<'s> {
    /// Where the `{{` is.
    start: usize,
    /// Where it ends, past the `}}`.
    end: usize,
    kind: TagKind,
    /// The expression, without the sign before it.
    inner: &'s str,
    /// Where `inner` starts.
    inner_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Value,
    Open(SectionKind),
    Else,
    Close,
    Comment,
}

pub(super) fn parse(source: &str) -> Result<Vec<Part>, ParseError> {
    if source.len() > MAX_TEMPLATE_BYTES {
        let message = format!("the template is longer than {} KiB", MAX_TEMPLATE_BYTES / 1024);
        return Err(ParseError::at(source, MAX_TEMPLATE_BYTES, message));
    }
    let mut pieces = cut(source)?;
    drop_lonely_lines(source, &mut pieces);
    nest(source, pieces)
}

/// Cuts the source at its tags.
fn cut(source: &str) -> Result<Vec<Piece<'_>>, ParseError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("{{") {
        let start = at + found;
        let before = &source[at..start];
        // Backslashes before the braces: each pair is one, an odd one makes the braces text.
        let slashes = before.len() - before.trim_end_matches('\\').len();
        text.push_str(&before[..before.len() - slashes + slashes / 2]);
        if slashes % 2 == 1 {
            text.push_str("{{");
            at = start + 2;
            continue;
        }
        let tag = tag(source, start)?;
        at = tag.end;
        pieces.push(Piece::Text(std::mem::take(&mut text)));
        pieces.push(Piece::Tag(tag));
    }
    text.push_str(&source[at..]);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// The tag whose braces open at `start`.
fn tag(source: &str, start: usize) -> Result<Tag<'_>, ParseError> {
    if source[start..].starts_with("{{!--") {
        let close = source[start..].find("--}}").ok_or_else(|| unclosed(source, start, "--}}"))?;
        let end = start + close + 4;
        return Ok(Tag { start, end, kind: TagKind::Comment, inner: "", inner_at: end });
    }
    let raw = source[start..].starts_with("{{{");
    let open = start + if raw { 3 } else { 2 };
    let braces = if raw { "}}}" } else { "}}" };
    let close = close_at(source, open, braces).ok_or_else(|| unclosed(source, start, braces))?;
    let end = close + braces.len();
    let inner = &source[open..close];
    let (kind, skipped) = if raw { (TagKind::Value, 0) } else { kind_of(inner) };
    let rest = &inner[skipped..];
    let inner_at = open + skipped + (rest.len() - rest.trim_start().len());
    Ok(Tag { start, end, kind, inner: rest.trim(), inner_at })
}

/// What the tag is, and how many bytes before the expression say so.
fn kind_of(inner: &str) -> (TagKind, usize) {
    let blank = inner.len() - inner.trim_start().len();
    let rest = inner.trim_start();
    let word =
        |word: &str| rest[1..].strip_prefix(word).is_some_and(|r| r.starts_with([' ', '\n', '\t']));
    if rest == "else" {
        return (TagKind::Else, inner.len());
    }
    match rest.chars().next() {
        Some('#') if word("each") => (TagKind::Open(SectionKind::With), blank + 5),
        Some('#') if word("with") => (TagKind::Open(SectionKind::With), blank + 5),
        Some('#') if word("if") => (TagKind::Open(SectionKind::If), blank + 3),
        Some('#') if word("unless") => (TagKind::Open(SectionKind::Unless), blank + 7),
        Some('#') => (TagKind::Open(SectionKind::With), blank + 1),
        Some('^') => (TagKind::Open(SectionKind::Unless), blank + 1),
        Some('/') => (TagKind::Close, blank + 1),
        _ => (TagKind::Value, 0),
    }
}

/// Where the closing braces are, passing over quoted texts and inner braces.
fn close_at(source: &str, open: usize, braces: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let limit = source.len().min(open + MAX_EXPRESSION_BYTES + braces.len());
    let (mut at, mut depth) = (open, 0usize);
    while at < limit {
        match bytes[at] {
            b'}' if depth == 0 => return source[at..].starts_with(braces).then_some(at),
            b'}' => depth -= 1,
            b'{' => depth += 1,
            b'"' | b'\'' => at = quote_end(&bytes[..limit], at)?,
            _ => {}
        }
        at += 1;
    }
    None
}

fn unclosed(source: &str, start: usize, braces: &str) -> ParseError {
    let message = format!(
        "the braces that open here are not closed by \"{braces}\"; for the braces themselves write \"\\{{{{\""
    );
    ParseError::at(source, start, message)
}

/// A section tag or comment that has a line to itself takes the whole line away with it.
fn drop_lonely_lines(source: &str, pieces: &mut [Piece<'_>]) {
    for at in 0..pieces.len() {
        let Piece::Tag(tag) = &pieces[at] else { continue };
        if tag.kind == TagKind::Value {
            continue;
        }
        let before = source[..tag.start].trim_end_matches([' ', '\t']);
        let after = source[tag.end..].trim_start_matches([' ', '\t', '\r']);
        let starts_line = before.is_empty() || before.ends_with('\n');
        let ends_line = after.is_empty() || after.starts_with('\n');
        if !(starts_line && ends_line) {
            continue;
        }
        if let Some(Piece::Text(before)) = at.checked_sub(1).and_then(|at| pieces.get_mut(at)) {
            let kept = before.rfind('\n').map_or(0, |at| at + 1);
            before.truncate(kept);
        }
        if let Some(Piece::Text(after)) = pieces.get_mut(at + 1) {
            let cut = after.find('\n').map_or(after.len(), |at| at + 1);
            after.drain(..cut);
        }
    }
}

/// A section that is still open.
struct Open<'s> {
    tag: Tag<'s>,
    kind: SectionKind,
    on: Expression,
    body: Vec<Part>,
    otherwise: Option<Vec<Part>>,
}

impl Open<'_> {
    fn parts(&mut self) -> &mut Vec<Part> {
        self.otherwise.as_mut().unwrap_or(&mut self.body)
    }
}

fn nest(source: &str, pieces: Vec<Piece<'_>>) -> Result<Vec<Part>, ParseError> {
    let mut root = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for piece in pieces {
        let part = match piece {
            Piece::Text(text) if text.is_empty() => continue,
            Piece::Text(text) => Part::Text(text),
            Piece::Tag(tag) => match tag.kind {
                TagKind::Comment => continue,
                TagKind::Value => Part::Value(expression(source, &tag)?),
                TagKind::Open(kind) => {
                    if open.len() >= MAX_SECTION_DEPTH {
                        let message =
                            format!("sections are nested more than {MAX_SECTION_DEPTH} deep");
                        return Err(ParseError::at(source, tag.start, message));
                    }
                    let on = expression(source, &tag)?;
                    open.push(Open { tag, kind, on, body: Vec::new(), otherwise: None });
                    continue;
                }
                TagKind::Else => match open.last_mut() {
                    Some(section) if section.otherwise.is_none() => {
                        section.otherwise = Some(Vec::new());
                        continue;
                    }
                    _ => {
                        return Err(ParseError::at(
                            source,
                            tag.start,
                            "\"else\" stands in no section",
                        ));
                    }
                },
                TagKind::Close => close(source, &tag, open.pop())?,
            },
        };
        let parts = open.last_mut().map_or(&mut root, Open::parts);
        match (parts.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
            (_, part) => parts.push(part),
        }
    }
    match open.pop() {
        None => Ok(root),
        Some(section) => {
            let message = format!("the section \"{}\" is never closed", section.tag.inner);
            Err(ParseError::at(source, section.tag.start, message))
        }
    }
}

fn close(source: &str, tag: &Tag<'_>, open: Option<Open<'_>>) -> Result<Part, ParseError> {
    let Some(section) = open else {
        let message = format!("\"/{}\" closes no section", tag.inner);
        return Err(ParseError::at(source, tag.start, message));
    };
    let fits = tag.inner == section.tag.inner
        || tag.inner.is_empty()
        || matches!(tag.inner, "each" | "with" | "if" | "unless");
    if !fits {
        let message = format!("\"/{}\" closes \"{}\"", tag.inner, section.tag.inner);
        return Err(ParseError::at(source, tag.start, message));
    }
    Ok(Part::Section(Section {
        on: section.on,
        kind: section.kind,
        body: section.body,
        otherwise: section.otherwise.unwrap_or_default(),
    }))
}

fn expression(source: &str, tag: &Tag<'_>) -> Result<Expression, ParseError> {
    let inner = if tag.inner == "." { "this" } else { tag.inner };
    Expression::parse(inner).map_err(|error| {
        ParseError::at(source, tag.inner_at + error.offset.min(tag.inner.len()), error.message)
    })
}
