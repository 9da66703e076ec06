//! Random numbers that are the same for the same seed, and changes to bytes.

use super::structure;

/// Longest input, in bytes.
const LENGTH_MAX: usize = 64 * 1024;

/// Numbers by splitmix64: small, and the same on every machine for ever.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A range of at most `longest` within `length`.
    pub fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let long = self.below(longest.min(length - start) + 1);
        start..start + long
    }
}

/// Pieces that many readers trip over.
const HOSTILE: &[&str] = &[
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{2028}",
    "\u{200b}",
    "é",
    "🚂",
    "\u{0430}",
    "ß",
    "İ",
    "\r\n",
    "\r",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\\u0000",
    "\\ud800",
    "\\",
    "\"",
    "'",
    "`",
    "-0",
    "1e999",
    "-1e-999",
    "0.1e1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1.7976931348623157e308",
    "00",
    "NaN",
    "null",
    "true",
    "[]",
    "{}",
    "__proto__",
    "%00",
    "%",
    "../",
    "{{",
    "}}",
    ",",
    ":",
    "/",
    ".",
];

const OPENINGS: &[&str] = &[
    "(", "[", "{", "{{", "[[", "{\"a\":", "[{\"a\":", "!", "-", "a?b:", "2^", "{{#a}}", "a.b(",
    "- ", "? ", "&a [", "<", "\"", "'", "|", "*/",
];

/// An input: a good text, or one that was new before, changed.
/// The first `good` of the corpus are read; half of all begins with one of them.
pub fn make(rng: &mut Rng, corpus: &[Vec<u8>], good: usize, words: &[&str]) -> Vec<u8> {
    let from = if rng.one_in(2) { &corpus[..good] } else { corpus };
    let mut input = rng.pick(from).clone();
    let mut rounds = rng.below(5);
    if rng.one_in(2) {
        match structure::change(rng, &input, corpus, words) {
            Some(changed) => (input, rounds) = (changed, rounds.saturating_sub(3)),
            None => rounds += 1,
        }
    }
    for _ in 0..rounds {
        change(rng, &mut input, corpus, words);
        input.truncate(LENGTH_MAX);
    }
    input
}

/// One change.
pub fn change(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let length = input.len();
    let at = rng.below(length + 1);
    let hostile = *rng.pick(HOSTILE);
    let word = if words.is_empty() { "" } else { *rng.pick(words) };
    match rng.below(14) {
        0 => flip(rng, input),
        1 => drop(input.splice(at..at, [rng.next() as u8])),
        2 => drop(input.drain(rng.range(length, 16))),
        3 => drop(input.drain(rng.range(length, length / 2))),
        4 => input.truncate(at),
        5 => repeat(rng, input),
        6 => nest(rng, input),
        7 => splice(rng, input, corpus),
        8 | 9 => drop(input.splice(at..at, hostile.bytes())),
        10 => replace_word(rng, input, hostile),
        11 => replace_word(rng, input, word),
        12 => swap(rng, input),
        _ => drop(input.splice(at..at, word.bytes())),
    }
}

fn flip(rng: &mut Rng, input: &mut [u8]) {
    let at = rng.below(input.len());
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

/// A piece many times over.
fn repeat(rng: &mut Rng, input: &mut Vec<u8>) {
    let piece = input[rng.range(input.len(), 24)].to_vec();
    let times = *rng.pick(&[1, 2, 3, 10, 70, 300, 2_000]);
    let at = rng.below(input.len() + 1);
    input.splice(at..at, piece.repeat(times.min(LENGTH_MAX / piece.len().max(1))));
}

/// What opens without closing, many times over.
fn nest(rng: &mut Rng, input: &mut Vec<u8>) {
    let opening = rng.pick(OPENINGS);
    let times = *rng.pick(&[1, 2, 30, 63, 65, 101, 130, 4_000, 20_000]);
    let at = rng.below(input.len() + 1);
    input.splice(at..at, opening.repeat(times.min(LENGTH_MAX / opening.len())).bytes());
}

/// A piece of another text.
fn splice(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let other = rng.pick(corpus);
    let piece = other[rng.range(other.len(), other.len())].to_vec();
    let put = rng.range(input.len(), piece.len());
    input.splice(put, piece);
}

/// The word or number around a place.
fn word_at(rng: &mut Rng, input: &[u8]) -> std::ops::Range<usize> {
    let at = rng.below(input.len());
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let start = input[..at].iter().rposition(|byte| !is_word(byte)).map_or(0, |found| found + 1);
    let end =
        input[at..].iter().position(|byte| !is_word(byte)).map_or(input.len(), |found| at + found);
    start..end.max(start)
}

fn replace_word(rng: &mut Rng, input: &mut Vec<u8>, with: &str) {
    let word = word_at(rng, input);
    input.splice(word, with.bytes());
}

/// Two words change places.
fn swap(rng: &mut Rng, input: &mut Vec<u8>) {
    let (one, other) = (word_at(rng, input), word_at(rng, input));
    let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
    if first.end <= second.start {
        let (a, b) = (input[first.clone()].to_vec(), input[second.clone()].to_vec());
        input.splice(second, a);
        input.splice(first, b);
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let corpus = [b"{\"a\": [1, \"x\"]}".to_vec(), b"a.b + 1".to_vec()];
    let inputs = |seed| -> Vec<Vec<u8>> {
        let mut rng = Rng::new(seed);
        (0..200).map(|_| make(&mut rng, &corpus, 1, &["word"])).collect()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
    assert!(inputs(1).iter().all(|input| input.len() <= LENGTH_MAX));
}
