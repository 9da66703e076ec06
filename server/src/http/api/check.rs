//! Rules for values that several families share.

use crate::http::failure::Failure;

/// A name of 1 to 120 characters without control characters, trimmed.
pub fn name(field: &str, text: &str) -> Result<String, Failure> {
    text_of(field, text, 1, 120)
}

/// A text on one line with a number of characters, trimmed.
pub fn text_of(field: &str, text: &str, min: usize, max: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        let message = format!("The {field} has control characters in it.");
        return Err(Failure::value(field, message).help("Write it on one line."));
    }
    if !(min..=max).contains(&text.chars().count()) {
        let message = format!("The {field} must have {min} to {max} characters.");
        return Err(Failure::value(field, message));
    }
    Ok(text.to_owned())
}

/// A text of one or more lines with a number of characters, trimmed.
pub fn lines_of(field: &str, text: &str, min: usize, max: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Failure::value(field, format!("The {field} has control characters in it.")));
    }
    if !(min..=max).contains(&text.chars().count()) {
        let message = format!("The {field} must have {min} to {max} characters.");
        return Err(Failure::value(field, message));
    }
    Ok(text.to_owned())
}

/// An email address to sign in with, in lower case.
pub fn email(text: &str) -> Result<String, Failure> {
    let text = text.trim().to_lowercase();
    let fits = text.len() <= 254
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"',;\\".contains(c))
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
    if fits { Ok(text) } else { Err(Failure::value("email", "This is no email address.")) }
}

/// A password of 10 to 200 characters.
pub fn password(text: &str) -> Result<(), Failure> {
    if (10..=200).contains(&text.chars().count()) {
        return Ok(());
    }
    Err(Failure::value("password", "The password must have 10 to 200 characters.")
        .help("Several words that do not belong together are easy to remember and hard to guess."))
}

/// An IANA zone.
pub fn timezone(text: &str) -> Result<String, Failure> {
    text.parse::<chrono_tz::Tz>().map(|zone| zone.name().to_owned()).map_err(|_| {
        Failure::value("timezone", format!("There is no time zone `{text}`."))
            .help("Give an IANA name such as Europe/Berlin.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(email(" Ada@Example.COM ").unwrap(), "ada@example.com");
        for wrong in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", "a@b\0"]
        {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
        assert!(name("name", "a\nb").is_err());
        assert!(name("name", "  ").is_err());
        assert!(name("name", &"x".repeat(121)).is_err());
        assert_eq!(name("name", " '; DROP TABLE users; -- ").unwrap(), "'; DROP TABLE users; --");
        assert!(timezone("Europe/Berlin").is_ok() && timezone("Mars/Olympus").is_err());
        assert!(password("123456789").is_err() && password("1234567890").is_ok());
    }
}
