//! Which known name was meant by a mistyped one.

/// Longest name that is compared; a longer one was no slip of the finger.
const NAME_LENGTH_MAX: usize = 40;

/// The name in `known` that `typed` most likely stands for, if any is near.
///
/// Near is at most one slip for each three letters, where a slip is a letter too
/// many, too few, another one, or two letters swapped (the "optimal string
/// alignment" distance). Case, `-` and `_` do not count.
pub(crate) fn nearest<'n>(
    typed: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let typed = plain(typed);
    if typed.len() > NAME_LENGTH_MAX {
        return None;
    }
    known
        .into_iter()
        .map(|name| (slips(&typed, &plain(name)), name))
        .filter(|(slips, name)| *slips <= 1 + name.len() / 3 && *slips < typed.len().max(1))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

fn plain(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn slips(from: &[char], to: &[char]) -> usize {
    let columns = to.len() + 1;
    let mut before: Vec<usize> = vec![0; columns];
    let mut last: Vec<usize> = (0..columns).collect();
    for (i, typed) in from.iter().enumerate() {
        let mut row = vec![i + 1; columns];
        for (j, meant) in to.iter().enumerate() {
            let swapped = i > 0 && j > 0 && *typed == to[j - 1] && from[i - 1] == *meant;
            row[j + 1] = (last[j] + usize::from(typed != meant))
                .min(last[j + 1] + 1)
                .min(row[j] + 1)
                .min(if swapped {
                    before[j - 1] + 1
                } else {
                    usize::MAX
                });
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = [
        "port",
        "baud",
        "paper",
        "dots_per_line",
        "quiet_ms",
        "paper_forms",
    ];

    #[test]
    fn slips_of_the_finger_are_understood() {
        for (typed, meant) in [
            ("bautd", "baud"),
            ("buad", "baud"),
            ("prot", "port"),
            ("Paper", "paper"),
            ("dotsperline", "dots_per_line"),
            ("quiet-ms", "quiet_ms"),
            ("paper_form", "paper_forms"),
        ] {
            assert_eq!(nearest(typed, KNOWN), Some(meant), "{typed}");
        }
    }

    #[test]
    fn other_words_are_not() {
        for typed in ["", "x", "colour", "brightness", &"p".repeat(500)] {
            assert_eq!(nearest(typed, KNOWN), None, "{typed}");
        }
    }

    #[test]
    fn the_distance_counts_each_kind_of_slip_once() {
        let distance = |a: &str, b: &str| slips(&plain(a), &plain(b));
        assert_eq!(distance("baud", "baud"), 0);
        assert_eq!(distance("bau", "baud"), 1);
        assert_eq!(distance("bauud", "baud"), 1);
        assert_eq!(distance("baun", "baud"), 1);
        assert_eq!(distance("buad", "baud"), 1);
        assert_eq!(distance("", "baud"), 4);
    }
}
