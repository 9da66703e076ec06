//! Fuzzy search for the palette: the query's letters in order, better when they start words.

/// How well `query` is found in `text`: higher is better, none is not at all. An empty query is
/// found everywhere. Case and spaces of the query do not count.
pub fn score(query: &str, text: &str) -> Option<i32> {
    let wanted: Vec<char> =
        query.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect();
    let letters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    if wanted.is_empty() {
        return Some(0);
    }
    // The best of the first few places where the query can start; texts are short.
    let starts = (0..letters.len()).filter(|at| letters[*at] == wanted[0]).take(16);
    starts.filter_map(|start| from(&wanted, &letters, start)).max()
}

fn from(wanted: &[char], letters: &[char], start: usize) -> Option<i32> {
    let mut total = 0;
    let mut at = start;
    let mut last: Option<usize> = None;
    for letter in wanted {
        let found = letters[at..].iter().position(|other| other == letter)? + at;
        let word_start = found == 0 || !letters[found - 1].is_alphanumeric();
        total += match last {
            Some(last) if last + 1 == found => 8,
            _ if word_start => 10,
            _ => 1,
        };
        last = Some(found);
        at = found + 1;
    }
    // Among equals the shorter text, and the earlier place.
    Some(total * 100 - letters.len() as i32 - start as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_starts_and_runs_come_first() {
        let texts = ["Update approval status", "Send email", "Set variables", "Customer segment"];
        let best = |query: &str| {
            texts.iter().filter_map(|text| score(query, text).map(|score| (score, *text))).max()
        };
        assert_eq!(best("se").map(|(_, text)| text), Some("Send email"), "the shorter of equals");
        assert_eq!(best("sendem").map(|(_, text)| text), Some("Send email"));
        assert_eq!(best("uas").map(|(_, text)| text), Some("Update approval status"));
        assert_eq!(best("xyz"), None);
        assert_eq!(score("", "anything"), Some(0));
    }

    #[test]
    fn a_letter_that_is_not_there_is_not_found() {
        assert!(score("emailz", "Send email").is_none());
        assert!(score("SEND email", "send email").is_some());
    }
}
