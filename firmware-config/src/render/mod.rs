//! What the declarations in [`crate::schema`] and a device's settings look like to people.

mod example;
mod reference;
mod summary;

pub use example::example;
pub use reference::reference;
pub use summary::{notices, summary};

/// Breaks `text` into lines of at most `width` characters, each after `prefix`.
/// A word longer than that keeps a line of its own.
fn wrapped(text: &str, prefix: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = prefix.chars().count() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push_str(&format!("{prefix}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{prefix}{line}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two three", "# ", 9), "# one two\n# three\n");
        assert_eq!(
            wrapped("one incomprehensible", "# ", 9),
            "# one\n# incomprehensible\n"
        );
        assert_eq!(wrapped("", "# ", 9), "");
    }
}
