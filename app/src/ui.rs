//! The ui kit: small accessible components over the tokens of `style/tokens.css`. A page does
//! `use crate::ui::*` and writes no colours, no SVG and no focus handling of its own.
//!
//! Deliberately absent: anything that knows what a run or an approval is, and any call of the
//! server.

mod badge;
mod bind;
mod button;
mod choice;
mod clock;
mod dialog;
mod empty;
mod error_panel;
mod field;
mod icon;
mod kbd;
mod menu;
mod page_header;
mod progress;
mod record_form;
mod table;
mod tabs;
mod time;
mod toast;

pub use badge::{Badge, StateBadge, Tone};
pub use bind::Bind;
pub use button::{Button, ButtonKind, IconButton, LinkButton};
pub use choice::{Checkbox, SelectField, SelectOption, Toggle};
pub(crate) use clock::provide_clock;
pub use clock::{OrgZone, now_ms, use_now, use_zone};
pub use dialog::{ConfirmDialog, Dialog};
pub use empty::EmptyState;
pub use error_panel::{ErrorPanel, Trouble};
pub use field::{Field, TextArea, TextInput};
pub use icon::{Glyph, Icon};
pub use kbd::Kbd;
pub use menu::{Menu, MenuItem};
pub use page_header::PageHeader;
pub use progress::{Skeleton, Spinner};
pub use record_form::{RecordForm, Removal};
pub use table::{Cell, Column, Row, Table};
pub use tabs::{TabBar, TabItem};
pub use time::{LocalTime, Time, exact, local_time, said};
pub use toast::{Toast, ToastAction, ToastHost, Toasts};

#[cfg(test)]
mod tokens;
