//! Pages of lists.

use crate::{gate, http::failure::Failure, setting::NAME_CURSOR};
use signalbox::wire::{ErrorCode, Page};
use std::str::FromStr;

/// Items of a page unless the request says otherwise.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// The number of items that is wanted; 1 to 200.
pub fn limit(wanted: Option<u32>) -> Result<u32, Failure> {
    match wanted {
        None => Ok(LIMIT),
        Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
        Some(other) => Err(Failure::new(
            ErrorCode::InvalidParameter,
            format!("`limit` is {other}; it must be 1 to {LIMIT_MAX}."),
        )),
    }
}

/// A cursor that is an id.
pub fn cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Failure> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| foreign_cursor())
}

/// A cursor of a list of the send gate, checked and passed on.
pub fn gate_cursor(text: Option<String>) -> Result<Option<String>, Failure> {
    match text.as_deref().map(gate::parse_cursor) {
        Some(None) => Err(foreign_cursor()),
        Some(Some(_)) | None => Ok(text),
    }
}

fn foreign_cursor() -> Failure {
    Failure::new(ErrorCode::InvalidParameter, "The cursor is not one that this list gave.")
        .help("Leave `cursor` out to start at the first page.")
}

/// A cursor of a list in the order of names, checked and passed on.
pub fn name_cursor(text: Option<&str>) -> Result<(), Failure> {
    match text.map(|text| text.strip_prefix(NAME_CURSOR)) {
        Some(None | Some("")) => Err(foreign_cursor()),
        _ => Ok(()),
    }
}

/// A page of rows of which one more than wanted was read.
pub fn of<T>(mut items: Vec<T>, limit: u32, cursor_of: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = if more { items.last().map(cursor_of) } else { None };
    Page { items, next_cursor, total: None }
}
