//! A word diff between two texts, for the revisions of a message. Pure.

/// A piece of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// In both.
    Same(String),
    /// Only in the older one.
    Gone(String),
    /// Only in the newer one.
    New(String),
}

/// Texts of more words than this are shown as a whole replacement: the table below is quadratic.
const WORDS_MAX: usize = 1_500;

/// What changed from `old` to `new`, word by word, white space kept.
pub fn words(old: &str, new: &str) -> Vec<Piece> {
    let (old, new) = (split(old), split(new));
    if old.len() > WORDS_MAX || new.len() > WORDS_MAX {
        return vec![Piece::Gone(old.concat()), Piece::New(new.concat())];
    }
    let lengths = common_lengths(&old, &new);
    let (mut i, mut j) = (0, 0);
    let mut pieces = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            push(&mut pieces, Piece::Same(old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && lengths[i + 1][j] >= lengths[i][j + 1]) {
            push(&mut pieces, Piece::Gone(old[i].to_owned()));
            i += 1;
        } else {
            push(&mut pieces, Piece::New(new[j].to_owned()));
            j += 1;
        }
    }
    pieces
}

/// `lengths[i][j]`: how many words the rest of `old` from `i` and of `new` from `j` have in common.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<u16>> {
    let mut lengths = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] = if old[i] == new[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

/// Words and the white space between them, alternating; nothing is lost.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let white = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != white).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        parts.push(part);
        rest = tail;
    }
    parts
}

/// Joins a piece to the one before it where both are of the same kind.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), &piece) {
        (Some(Piece::Same(text)), Piece::Same(more))
        | (Some(Piece::Gone(text)), Piece::Gone(more))
        | (Some(Piece::New(text)), Piece::New(more)) => text.push_str(more),
        _ => pieces.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_word_is_shown_alone() {
        let pieces = words("Hi John , welcome", "Hi Ada , welcome");
        let expected = vec![
            Piece::Same("Hi ".into()),
            Piece::Gone("John".into()),
            Piece::New("Ada".into()),
            Piece::Same(" , welcome".into()),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn both_texts_can_be_read_back() {
        for (old, new) in [("a b\n c", "a  c d"), ("", "x"), ("x y", ""), ("ü ö", "ö ü")] {
            let pieces = words(old, new);
            let read = |keep_new: bool| -> String {
                let text = |piece: &Piece| match piece {
                    Piece::Same(text) => text.clone(),
                    Piece::Gone(text) if !keep_new => text.clone(),
                    Piece::New(text) if keep_new => text.clone(),
                    _ => String::new(),
                };
                pieces.iter().map(text).collect()
            };
            assert_eq!((read(false), read(true)), (old.to_owned(), new.to_owned()));
        }
    }

    #[test]
    fn long_texts_do_not_fill_the_memory() {
        let old = "word ".repeat(5_000);
        assert_eq!(words(&old, "x").len(), 2);
    }
}
