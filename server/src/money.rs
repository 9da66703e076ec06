//! Amounts of money, kept in millionths of a US dollar, as people read them.

/// Money as people read it: `$1.25`, with more places where it is small.
pub fn dollars(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    match rest % 10_000 {
        0 => format!("${whole}.{:02}", rest / 10_000),
        _ => format!("${whole}.{rest:06}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_people_read_it() {
        let cases = [
            (0, "$0.00"),
            (1_250_000, "$1.25"),
            (5_000_000, "$5.00"),
            (3, "$0.000003"),
            (125_000, "$0.125"),
        ];
        for (micros, text) in cases {
            assert_eq!(dollars(micros), text);
        }
    }
}
