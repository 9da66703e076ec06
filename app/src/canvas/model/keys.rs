//! What the keys mean while the canvas has the focus. Tab is never taken: it leaves.

use super::geometry::{GRID, Point};
use super::outline::Step;
use super::viewport::ZOOM_STEP;

/// A key, as the browser names it, with what is held.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The browser's name, such as `ArrowLeft` or `c`.
    pub name: &'a str,
    /// Control or Command.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
    /// Alt or Option.
    pub alt: bool,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    Undo,
    Redo,
    Delete {
        rejoin: bool,
    },
    SelectAll,
    Duplicate,
    Zoom(f64),
    FitAll,
    FitSelection,
    ActualSize,
    /// Along the edges.
    Walk(Step),
    /// In reading order.
    Next,
    Previous,
    First,
    Last,
    /// Move the selection.
    Nudge(Point),
    /// Choose a target from a list.
    ConnectTo,
    Palette,
    Open,
    ToggleSelected,
    Cancel,
    NextProblem,
    PreviousProblem,
}

impl Command {
    /// What a key asks for; none leaves it to the browser. With something selected, arrow keys
    /// move it; otherwise they walk along the edges. With Control they always move.
    pub fn of(key: Key<'_>, selecting: bool) -> Option<Self> {
        if let Some(arrow) = arrow(key.name) {
            let moving = (selecting && !key.alt) || key.ctrl;
            return Some(if moving {
                let step = if key.shift { 4.0 * GRID } else { GRID };
                Self::Nudge(Point::new(arrow.0.x * step, arrow.0.y * step))
            } else {
                Self::Walk(arrow.1)
            });
        }
        if key.ctrl {
            return with_control(key);
        }
        if key.alt {
            return None;
        }
        Some(match key.name {
            "Delete" | "Backspace" => Self::Delete { rejoin: key.shift },
            "Escape" => Self::Cancel,
            "Enter" | "F2" => Self::Open,
            " " => Self::ToggleSelected,
            "+" | "=" => Self::Zoom(ZOOM_STEP),
            "-" | "_" => Self::Zoom(1.0 / ZOOM_STEP),
            "0" => Self::FitAll,
            "1" => Self::ActualSize,
            "2" => Self::FitSelection,
            "c" => Self::ConnectTo,
            "/" => Self::Palette,
            "]" => Self::Next,
            "[" => Self::Previous,
            "Home" => Self::First,
            "End" => Self::Last,
            "F8" if key.shift => Self::PreviousProblem,
            "F8" => Self::NextProblem,
            _ => return None,
        })
    }
}

fn with_control(key: Key<'_>) -> Option<Command> {
    Some(match (key.name, key.shift) {
        ("z" | "Z", false) => Command::Undo,
        ("z" | "Z", true) | ("y" | "Y", _) => Command::Redo,
        ("a" | "A", _) => Command::SelectAll,
        ("d" | "D", _) => Command::Duplicate,
        _ => return None, // Copy, cut and paste come as events of their own.
    })
}

fn arrow(name: &str) -> Option<(Point, Step)> {
    Some(match name {
        "ArrowLeft" => (Point::new(-1.0, 0.0), Step::Back),
        "ArrowRight" => (Point::new(1.0, 0.0), Step::Forward),
        "ArrowUp" => (Point::new(0.0, -1.0), Step::Up),
        "ArrowDown" => (Point::new(0.0, 1.0), Step::Down),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key<'_> {
        let (mut ctrl, mut shift, mut alt) = (false, false, false);
        let mut rest = text;
        while let Some((held, after)) = rest.split_once('+').filter(|(held, _)| held.len() > 2) {
            match held {
                "ctrl" => ctrl = true,
                "shift" => shift = true,
                _ => alt = true,
            }
            rest = after;
        }
        Key { name: rest, ctrl, shift, alt }
    }

    #[test]
    fn keys_mean_what_the_help_says() {
        use Command::*;
        let cases = [
            ("ctrl+z", Some(Undo)),
            ("ctrl+shift+Z", Some(Redo)),
            ("ctrl+y", Some(Redo)),
            ("Delete", Some(Delete { rejoin: false })),
            ("shift+Backspace", Some(Delete { rejoin: true })),
            ("ArrowRight", Some(Walk(Step::Forward))),
            ("ctrl+shift+ArrowLeft", Some(Nudge(Point::new(-32.0, 0.0)))),
            ("shift+F8", Some(PreviousProblem)),
            ("c", Some(ConnectTo)),
            ("ctrl+c", None),
            ("ctrl+v", None),
            ("ctrl+s", None),
            ("Tab", None),
            ("alt+c", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Command::of(key(text), false), expected, "{text}");
        }
        assert_eq!(Command::of(key("ArrowDown"), true), Some(Nudge(Point::new(0.0, 8.0))));
        assert_eq!(Command::of(key("alt+ArrowDown"), true), Some(Walk(Step::Down)));
    }
}
