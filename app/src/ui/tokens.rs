//! Checks the contrast of the tokens in `style/tokens.css`, in both themes, by WCAG's formula.

use std::collections::BTreeMap;

const CSS: &str = include_str!("../../../style/tokens.css");

/// Token → its light and its dark colour.
fn tokens() -> BTreeMap<String, [[u8; 3]; 2]> {
    let parse = |line: &str| {
        let (name, value) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
        let (light, dark) = value.strip_suffix(");")?.split_once(", ")?;
        Some((name.to_owned(), [rgb(light), rgb(dark)]))
    };
    CSS.lines().filter_map(parse).collect()
}

fn rgb(hex: &str) -> [u8; 3] {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6).expect("#rrggbb");
    [0, 2, 4].map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
}

fn luminance(colour: [u8; 3]) -> f64 {
    let linear = colour.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Every pair of a foreground and a background, in both themes, reaches `least`.
fn check(foregrounds: &[&str], backgrounds: &[&str], least: f64) {
    let tokens = tokens();
    let colour = |name: &str| *tokens.get(name).unwrap_or_else(|| panic!("no token --{name}"));
    for foreground in foregrounds {
        for background in backgrounds {
            for (theme, word) in ["light", "dark"].iter().enumerate() {
                let ratio = contrast(colour(foreground)[theme], colour(background)[theme]);
                assert!(ratio >= least, "{word}: --{foreground} on --{background} is {ratio:.2}");
            }
        }
    }
}

const SURFACES: [&str; 4] = ["surface-0", "surface-1", "surface-2", "surface-3"];

#[test]
fn text_can_be_read_on_every_surface() {
    check(&["text-1", "text-2", "text-3", "accent"], &SURFACES, 4.5);
    check(&["on-accent"], &["accent", "accent-strong"], 4.5);
    check(&["accent", "text-1"], &["accent-soft"], 4.5);
    check(&["on-stop"], &["stop"], 4.5);
}

#[test]
fn signals_can_be_told_from_every_surface() {
    // Signals carry words too, so they must reach what text must.
    for signal in ["clear", "wait", "stop", "move"] {
        check(&[signal], &SURFACES, 4.5);
        check(&[signal], &[&format!("{signal}-soft")], 4.5);
    }
}

#[test]
fn hues_focus_and_controls_stand_out() {
    let kinds =
        ["kind-trigger", "kind-action", "kind-model", "kind-logic", "kind-human", "kind-end"];
    check(&kinds, &["surface-0", "surface-1", "surface-2"], 3.0);
    check(&["focus"], &SURFACES, 3.0);
    check(&["line-strong"], &["surface-0", "surface-1", "surface-2"], 3.0);
}

#[test]
fn the_formula_is_the_known_one() {
    assert!((contrast([0, 0, 0], [255, 255, 255]) - 21.0).abs() < 1e-9);
    assert!((contrast(rgb("#777777"), [255, 255, 255]) - 4.478).abs() < 1e-3);
}
