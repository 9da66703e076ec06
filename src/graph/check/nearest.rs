//! The word somebody probably meant.

/// The candidate with the fewest differences, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (word.chars().count() / 3).max(1);
    let scored = candidates.filter(|candidate| *candidate != word);
    let scored = scored.map(|candidate| (distance(&fold(word), &fold(candidate)), candidate));
    scored
        .filter(|(score, _)| *score <= reach)
        .min_by_key(|(score, _)| *score)
        .map(|(_, found)| found)
}

/// Case and separators are the commonest mistakes and count for nothing.
fn fold(word: &str) -> Vec<char> {
    let letters = word.chars().take(64).filter(|c| !matches!(c, '_' | '-' | '.' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["customer.get_by_id", "customer.query", "email.send"];
        let check =
            |word: &str, expected| assert_eq!(nearest(word, words.into_iter()), expected, "{word}");
        check("email.sned", Some("email.send"));
        check("emailSend", Some("email.send"));
        check("customer.qeury", Some("customer.query"));
        check("customer.get_id", Some("customer.get_by_id"));
        check("weather.today", None);
    }
}
