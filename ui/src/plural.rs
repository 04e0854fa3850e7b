//! Gettext plural rules: which of a translation's forms goes with a number.
//!
//! The rule is the C expression of a `.po` file's `Plural-Forms` header (GNU
//! gettext manual, "Plural forms"), over one variable `n`.

/// Deepest nesting of brackets and conditions that is read.
const DEPTH_MAX: usize = 32;

/// The index of the form that goes with `n`, or `None` when `plural_forms` is
/// not a rule. The index is below the rule's `nplurals`.
pub(crate) fn form_index(plural_forms: &str, n: u64) -> Option<usize> {
    let value_of = |key: &str| {
        plural_forms.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            (name.trim() == key).then(|| value.trim())
        })
    };
    let count: usize = value_of("nplurals")?.parse().ok()?;
    let mut reader = Reader {
        rest: value_of("plural")?,
        n,
        depth: 0,
    };
    let index = usize::try_from(reader.condition()?).ok()?;
    (reader.rest.trim().is_empty() && index < count).then_some(index)
}

/// The binary operators by how loosely they bind; a longer sign comes before
/// one that begins it.
const LEVELS: [&[&str]; 6] = [
    &["||"],
    &["&&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// Reads an expression and works it out at once, for one `n`.
struct Reader<'a> {
    rest: &'a str,
    n: u64,
    depth: usize,
}

impl Reader<'_> {
    fn condition(&mut self) -> Option<u64> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let test = self.binary(0)?;
        let value = if self.take("?") {
            let yes = self.condition()?;
            if !self.take(":") {
                return None;
            }
            let no = self.condition()?;
            if test != 0 { yes } else { no }
        } else {
            test
        };
        self.depth -= 1;
        Some(value)
    }

    fn binary(&mut self, level: usize) -> Option<u64> {
        let Some(operators) = LEVELS.get(level) else {
            return self.operand();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let right = self.binary(level + 1)?;
            left = match *operator {
                "||" => u64::from(left != 0 || right != 0),
                "&&" => u64::from(left != 0 && right != 0),
                "==" => u64::from(left == right),
                "!=" => u64::from(left != right),
                "<=" => u64::from(left <= right),
                ">=" => u64::from(left >= right),
                "<" => u64::from(left < right),
                ">" => u64::from(left > right),
                "+" => left.checked_add(right)?,
                "-" => left.checked_sub(right)?,
                "*" => left.checked_mul(right)?,
                "/" => left.checked_div(right)?,
                _ => left.checked_rem(right)?,
            };
        }
        Some(left)
    }

    fn operand(&mut self) -> Option<u64> {
        if self.take("!") {
            return Some(u64::from(self.operand()? == 0));
        }
        if self.take("(") {
            let value = self.condition()?;
            return self.take(")").then_some(value);
        }
        if self.take("n") {
            return Some(self.n);
        }
        let digits = self.rest.len()
            - self
                .rest
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, expected: &[(u64, usize)]) {
        for &(n, index) in expected {
            assert_eq!(form_index(rule, n), Some(index), "{rule} for {n}");
        }
    }

    #[test]
    fn the_rules_of_five_kinds_of_language() {
        check("nplurals=1; plural=0;", &[(0, 0), (1, 0), (7, 0)]);
        check("nplurals=2; plural=n != 1;", &[(0, 1), (1, 0), (2, 1)]);
        check("nplurals=2; plural=(n > 1);", &[(0, 0), (1, 0), (2, 1)]);
        check(
            "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 \
             && (n%100<12 || n%100>14) ? 1 : 2);",
            &[(1, 0), (21, 0), (11, 2), (3, 1), (13, 2), (22, 1), (0, 2)],
        );
        check(
            "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 \
             : n%100>=11 ? 4 : 5);",
            &[
                (0, 0),
                (1, 1),
                (2, 2),
                (5, 3),
                (103, 3),
                (15, 4),
                (99, 4),
                (100, 5),
            ],
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in [
            "",
            "plural=0",
            "nplurals=2",
            "nplurals=1; plural=n",
            "nplurals=2; plural=n ? 1",
            "nplurals=2; plural=(n",
            "nplurals=2; plural=n % 0",
            "nplurals=2; plural=m",
            "nplurals=2; plural=1 1",
        ] {
            assert_eq!(form_index(rule, 5), None, "{rule}");
        }
        let deep = format!("nplurals=2; plural={}n", "(".repeat(5000));
        assert_eq!(form_index(&deep, 1), None);
    }
}
