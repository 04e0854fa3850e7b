//! The words that are printed or put together by the program, in the
//! resident's language, from the same `.po` files as the windows' words.
//!
//! In a `.po` file they carry `msgctxt "Paper"` or `msgctxt "Hall"`; the
//! message ids are the English words, which also stand in for whatever a
//! language has not translated yet.

use crate::plural;

/// One language's printed words, gathered by `build.rs`.
struct Catalogue {
    language: &'static str,
    plural_forms: &'static str,
    entries: &'static [Entry],
}

/// One message: a single form, or one for each plural form of the language.
struct Entry {
    context: &'static str,
    id: &'static str,
    forms: &'static [&'static str],
}

static CATALOGUES: &[Catalogue] = &include!(concat!(env!("OUT_DIR"), "/catalogues.rs"));

/// English: two forms, the words are the ids.
const ENGLISH_PLURAL_FORMS: &str = "nplurals=2; plural=n != 1;";

/// The codes of all languages but English.
pub(crate) fn catalogue_languages() -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().map(|catalogue| catalogue.language)
}

/// One language's words for paper and for the hall display.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    catalogue: Option<&'static Catalogue>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.language)
    }
}

impl Texts {
    /// The words of the language `code`, such as `es` or `zh-Hant`; English
    /// for a language that is not bundled.
    #[must_use]
    pub fn for_language(code: &str) -> Self {
        Self {
            catalogue: CATALOGUES
                .iter()
                .find(|catalogue| catalogue.language == code),
        }
    }

    /// The code of the language these words are in.
    #[must_use]
    pub fn language(&self) -> &'static str {
        self.catalogue.map_or("en", |catalogue| catalogue.language)
    }

    /// The translation of a word with the context `Paper`, or `id` itself.
    /// [`Texts::paper`] is the way that cannot be misspelt.
    #[must_use]
    pub fn get(&self, id: &'static str) -> &'static str {
        self.one("Paper", id)
    }

    /// Everything that is printed on a ticket and on a paper form.
    #[must_use]
    pub fn paper(&self) -> PaperTexts {
        PaperTexts {
            texts: *self,
            your_number: self.get("Your number"),
            where_to_wait: self.get("Where to wait"),
            sit_in_the_hall: self
                .get("Please sit in the hall. Your number is shown on the screen and called out."),
            please_have_ready: self.get("Please have ready"),
            follow_by_phone: self.get("Follow your place by phone"),
            privacy: self.get("This ticket holds no personal data. We do not keep your ID."),
            form_privacy: self
                .get("Only our staff read what you write here, and only for this visit."),
            reprint: self.get("Reprint"),
            form_title: self.get("Paper form"),
            form_explanation: self
                .get("Our computers are down. Take this form, you keep your place."),
            for_you_to_fill_in: self.get("For you to fill in"),
            your_name: self.get("Your name"),
            how_to_reach_you: self.get("How can we reach you"),
            reason_for_visit: self.get("Reason for your visit"),
            what_you_need: self.get("What you need (interpreter, wheelchair, quiet place)"),
            for_staff: self.get("For staff"),
            counter: self.get("Counter"),
            called_at: self.get("Called at"),
            finished_at: self.get("Finished at"),
            outcome: self.get("Outcome"),
            staff_scan_this_code: self.get("Staff scan this code"),
        }
    }

    /// The words of the hall display that depend on the called resident.
    #[must_use]
    pub fn hall(&self) -> HallTexts {
        HallTexts { texts: *self }
    }

    fn entry(&self, context: &str, id: &str) -> Option<&'static Entry> {
        self.catalogue?
            .entries
            .iter()
            .find(|entry| entry.context == context && entry.id == id)
    }

    fn one(&self, context: &str, id: &'static str) -> &'static str {
        match self
            .entry(context, id)
            .and_then(|entry| entry.forms.first())
        {
            Some(text) if !text.is_empty() => text,
            _ => id,
        }
    }

    fn many(
        &self,
        context: &str,
        singular: &'static str,
        plural: &'static str,
        n: u32,
    ) -> &'static str {
        let translated = self.catalogue.and_then(|catalogue| {
            let index = plural::form_index(catalogue.plural_forms, n.into())?;
            self.entry(context, singular)?.forms.get(index)
        });
        match translated {
            Some(text) if !text.is_empty() => text,
            _ if plural::form_index(ENGLISH_PLURAL_FORMS, n.into()) == Some(0) => singular,
            _ => plural,
        }
    }
}

/// Everything that is printed on a ticket and on a paper form, in one language.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PaperTexts {
    texts: Texts,
    /// "Your number": above the ticket's number.
    pub your_number: &'static str,
    /// "Where to wait": a heading.
    pub where_to_wait: &'static str,
    /// Where to wait when the office says nothing else.
    pub sit_in_the_hall: &'static str,
    /// "Please have ready": a heading.
    pub please_have_ready: &'static str,
    /// "Follow your place by phone": beside the phone code.
    pub follow_by_phone: &'static str,
    /// The line on privacy of a ticket.
    pub privacy: &'static str,
    /// The line on privacy of a paper form, on which residents write their name.
    pub form_privacy: &'static str,
    /// "Reprint": marks a second copy.
    pub reprint: &'static str,
    /// "Paper form": the form's title.
    pub form_title: &'static str,
    /// Why there is a form instead of a ticket.
    pub form_explanation: &'static str,
    /// "For you to fill in": heads the resident's boxes.
    pub for_you_to_fill_in: &'static str,
    /// "Your name": a box.
    pub your_name: &'static str,
    /// "How can we reach you": a box.
    pub how_to_reach_you: &'static str,
    /// "Reason for your visit": a box.
    pub reason_for_visit: &'static str,
    /// "What you need (…)": a box.
    pub what_you_need: &'static str,
    /// "For staff": heads the staff's boxes.
    pub for_staff: &'static str,
    /// "Counter": a staff box.
    pub counter: &'static str,
    /// "Called at": a staff box.
    pub called_at: &'static str,
    /// "Finished at": a staff box.
    pub finished_at: &'static str,
    /// "Outcome": a staff box.
    pub outcome: &'static str,
    /// "Staff scan this code": beside the form's machine-readable code.
    pub staff_scan_this_code: &'static str,
}

/// The shortest wait that is promised: "Less than 5 minutes".
const SHORT_WAIT_MINUTES: u32 = 5;

impl PaperTexts {
    /// These words in the language `code`; see [`Texts::for_language`].
    #[must_use]
    pub fn for_language(code: &str) -> Self {
        Texts::for_language(code).paper()
    }

    /// "Arrived 9:41"; `time` as it should be read.
    #[must_use]
    pub fn arrived(&self, time: &str) -> String {
        self.texts.get("Arrived {time}").replace("{time}", time)
    }

    /// The wait in minutes as a range: "About 10 to 25 minutes", "About 10
    /// minutes", "Less than 5 minutes". A range from 0 has only an end.
    #[must_use]
    pub fn wait(&self, low: u32, high: u32) -> String {
        let (low, high) = (low.min(high), low.max(high));
        if low == 0 || high < SHORT_WAIT_MINUTES {
            let high = high.max(SHORT_WAIT_MINUTES);
            return self
                .texts
                .many(
                    "Paper",
                    "Less than {n} minute",
                    "Less than {n} minutes",
                    high,
                )
                .replace("{n}", &high.to_string());
        }
        if low == high {
            return self
                .texts
                .many("Paper", "About {n} minute", "About {n} minutes", high)
                .replace("{n}", &high.to_string());
        }
        self.texts
            .many(
                "Paper",
                "About {low} to {high} minute",
                "About {low} to {high} minutes",
                high,
            )
            .replace("{low}", &low.to_string())
            .replace("{high}", &high.to_string())
    }
}

/// The hall display's words in the called resident's language.
#[derive(Clone, Copy, Debug)]
pub struct HallTexts {
    texts: Texts,
}

impl HallTexts {
    /// These words in the language `code`; see [`Texts::for_language`].
    #[must_use]
    pub fn for_language(code: &str) -> Self {
        Texts::for_language(code).hall()
    }

    /// "Counter 5", for the stage; `counter` is its name or number.
    #[must_use]
    pub fn counter(&self, counter: &str) -> String {
        self.texts
            .one("Hall", "Counter {n}")
            .replace("{n}", counter)
    }

    /// "B 42, counter 5", to be spoken.
    #[must_use]
    pub fn call(&self, number: &str, counter: &str) -> String {
        self.texts
            .one("Hall", "{number}, counter {n}")
            .replace("{number}", number)
            .replace("{n}", counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_needs_no_catalogue() {
        let paper = PaperTexts::for_language("en");
        assert_eq!(paper.your_number, "Your number");
        assert_eq!(paper.arrived("9:41"), "Arrived 9:41");
        assert_eq!(paper.wait(10, 25), "About 10 to 25 minutes");
        assert_eq!(paper.wait(25, 10), "About 10 to 25 minutes");
        assert_eq!(paper.wait(7, 7), "About 7 minutes");
        assert_eq!(paper.wait(0, 4), "Less than 5 minutes");
        assert_eq!(paper.wait(0, 6), "Less than 6 minutes");
        assert_eq!(paper.wait(3, 4), "Less than 5 minutes");
        assert_eq!(HallTexts::for_language("en").counter("5"), "Counter 5");
    }

    #[test]
    fn an_unknown_language_falls_back_to_english() {
        let texts = Texts::for_language("xx");
        assert_eq!(texts.language(), "en");
        assert_eq!(texts.get("Your number"), "Your number");
        assert_eq!(texts.get("no such text"), "no such text");
    }

    #[test]
    fn spanish_and_arabic_put_the_numbers_where_they_belong() {
        let paper = PaperTexts::for_language("es");
        assert_eq!(paper.your_number, "Su número");
        assert_eq!(paper.wait(10, 25), "Unos 10 a 25 minutos");
        let arabic = PaperTexts::for_language("ar");
        // Arabic counts 5 in one form and 25 in another.
        assert!(
            arabic.wait(5, 5).contains("5 دقائق"),
            "{}",
            arabic.wait(5, 5)
        );
        assert!(
            arabic.wait(10, 25).contains("25 دقيقة"),
            "{}",
            arabic.wait(10, 25)
        );
    }

    #[test]
    fn every_language_has_every_printed_word_in_every_form() {
        for catalogue in CATALOGUES {
            let language = catalogue.language;
            let forms: usize = (0..200)
                .map(|n| plural::form_index(catalogue.plural_forms, n))
                .map(|index| index.unwrap_or_else(|| panic!("{language}: bad Plural-Forms")))
                .max()
                .map_or(0, |most| most + 1);
            for (context, id) in REQUIRED_SINGLE {
                let text = Texts::for_language(language).one(context, id);
                assert_ne!(text, *id, "{language}: not translated: {context}: {id}");
                for placeholder in ["{time}", "{n}", "{number}"] {
                    assert_eq!(
                        id.contains(placeholder),
                        text.contains(placeholder),
                        "{language}: {placeholder} in {id}"
                    );
                }
            }
            for (context, id, placeholders) in REQUIRED_PLURAL {
                let entry = Texts::for_language(language)
                    .entry(context, id)
                    .unwrap_or_else(|| panic!("{language}: not translated: {context}: {id}"));
                assert_eq!(entry.forms.len(), forms, "{language}: forms of {id}");
                for (index, form) in entry.forms.iter().enumerate() {
                    for placeholder in *placeholders {
                        // A form for one number only says it in words, as Arabic
                        // does 1 and 2.
                        let numbers = (0..200)
                            .filter(|n| {
                                plural::form_index(catalogue.plural_forms, *n) == Some(index)
                            })
                            .count();
                        if *placeholder == "{n}" && numbers == 1 {
                            continue;
                        }
                        assert!(
                            form.contains(placeholder),
                            "{language}: {placeholder} in {form}"
                        );
                    }
                }
            }
        }
    }

    const REQUIRED_SINGLE: &[(&str, &str)] = &[
        ("Paper", "Your number"),
        ("Paper", "Arrived {time}"),
        ("Paper", "Where to wait"),
        (
            "Paper",
            "Please sit in the hall. Your number is shown on the screen and called out.",
        ),
        ("Paper", "Please have ready"),
        ("Paper", "Follow your place by phone"),
        (
            "Paper",
            "This ticket holds no personal data. We do not keep your ID.",
        ),
        (
            "Paper",
            "Only our staff read what you write here, and only for this visit.",
        ),
        ("Paper", "Reprint"),
        ("Paper", "Paper form"),
        (
            "Paper",
            "Our computers are down. Take this form, you keep your place.",
        ),
        ("Paper", "For you to fill in"),
        ("Paper", "Your name"),
        ("Paper", "How can we reach you"),
        ("Paper", "Reason for your visit"),
        (
            "Paper",
            "What you need (interpreter, wheelchair, quiet place)",
        ),
        ("Paper", "For staff"),
        ("Paper", "Counter"),
        ("Paper", "Called at"),
        ("Paper", "Finished at"),
        ("Paper", "Outcome"),
        ("Paper", "Staff scan this code"),
        ("Hall", "Counter {n}"),
        ("Hall", "{number}, counter {n}"),
    ];

    const REQUIRED_PLURAL: &[(&str, &str, &[&str])] = &[
        ("Paper", "Less than {n} minute", &["{n}"]),
        ("Paper", "About {n} minute", &["{n}"]),
        (
            "Paper",
            "About {low} to {high} minute",
            &["{low}", "{high}"],
        ),
    ];
}
