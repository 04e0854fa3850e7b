//! The windows of Usher: the kiosk's and the hall display's.
//!
//! **What it is for.** Everything a resident sees: layout, colours, sizes in
//! real millimetres, icons, words in every language, and what a screen reader
//! says. The program writes plain values into [`KioskView`] and [`HallView`]
//! and listens to [`KioskActions`].
//!
//! **What it deliberately does not know.** MQTT, printers, scanners, the rules
//! of tickets, and what happens next: a touch is reported, and the program
//! answers with another view.
//!
//! **Where to start reading.** `ui/model.slint` is the contract, `ui/theme.slint`
//! the sizes and colours, `ui/kiosk.slint` and `ui/hall.slint` the two windows,
//! `ui/screens/` one file a question. [`texts`] holds the words that go on
//! paper, from the same `.po` files under `lang/`.
//!
//! ```no_run
//! use slint::ComponentHandle;
//! use usher_ui::{KioskView, KioskWindow, Screen, show_language};
//!
//! let window = KioskWindow::new()?;
//! let view = window.global::<KioskView>();
//! view.set_office_name("Riverside Field Office".into());
//! view.set_screen(Screen::Welcome);
//! show_language(&window, "es").expect("Spanish is bundled");
//! window.run()?;
//! # Ok::<(), slint::PlatformError>(())
//! ```

pub mod language;
mod plural;
pub mod texts;
mod touch;
mod windows;

pub use language::{UnknownLanguage, is_right_to_left, languages, select_language, show_language};
pub use texts::{HallTexts, PaperTexts, Texts};
pub use touch::{TouchTarget, cut_off_texts, on_touch_targets_changed, touch_targets};
pub use windows::*;
