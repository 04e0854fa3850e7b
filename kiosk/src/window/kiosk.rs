//! The kiosk's window.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use slint::ComponentHandle;
use tracing::error;
use usher_firmware_config::Panel;
use usher_protocol::{CommandId, Direction, Language, ServiceId};
use usher_ui::{KioskActions, KioskView, KioskWindow};

use super::touch_guard::{self, TouchGuard};
use super::touch_map::{self, TouchMap};
use super::{WindowError, count, fit, model, shared, wait_ends};
use crate::checkin::{Hint, Input, Trouble};
use crate::screen::{Banner, LanguageChoice, Screen, ServiceCard, View};

/// The open window; stays on the thread that opened it.
pub struct KioskScreen {
    window: KioskWindow,
}

/// Shows views in the window, from any thread.
#[derive(Clone)]
pub struct KioskPresenter {
    window: slint::Weak<KioskWindow>,
}

impl KioskScreen {
    /// Opens the window. `on_input` is called with each touch, on this thread, and
    /// must not wait; `fresh_id` makes the id of a check-in. With `touch_map_path`,
    /// what can be touched is appended there as JSON lines.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open(
        panel: &Panel,
        touch_map_path: Option<&Path>,
        on_input: impl Fn(Input) + 'static,
        fresh_id: impl Fn() -> CommandId + 'static,
    ) -> Result<Self, WindowError> {
        let window = KioskWindow::new()?;
        let on_input: Rc<dyn Fn(Input)> = Rc::new(TouchGuard::before(on_input));
        connect(&window, &on_input, fresh_id);
        if let Some(path) = touch_map_path {
            TouchMap::open(path)?.attach(&window);
        }
        let screen = Self { window };
        screen.fit(panel);
        Ok(screen)
    }

    /// The handle for other threads.
    #[must_use]
    pub fn presenter(&self) -> KioskPresenter {
        KioskPresenter {
            window: self.window.as_weak(),
        }
    }

    /// Shows the window until it is closed or [`super::close`] is called.
    ///
    /// # Errors
    /// [`WindowError::Platform`].
    pub fn run(&self, panel: &Panel) -> Result<(), WindowError> {
        self.window.show()?;
        // Only a window that is shown knows its scale.
        self.fit(panel);
        slint::run_event_loop()?;
        self.window.hide()?;
        Ok(())
    }

    fn fit(&self, panel: &Panel) {
        let logical = fit(&self.window, panel);
        let view = self.window.global::<KioskView>();
        view.set_panel_width_px(logical.width_px);
        view.set_panel_height_px(logical.height_px);
        view.set_panel_width_mm(logical.width_mm);
    }
}

impl KioskPresenter {
    /// Shows `new` in place of `old`; only what differs is set.
    pub fn show(&self, old: Option<Arc<View>>, new: Arc<View>) {
        let shown = self.window.upgrade_in_event_loop(move |window| {
            apply(&window, old.as_deref(), &new);
            touch_guard::view_changed(old.as_deref(), &new);
            touch_map::view_changed();
        });
        if shown.is_err() {
            // The window was closed; the program is about to end.
            tracing::debug!("there is no window to show this in");
        }
    }
}

/// Touches become inputs. A text that is no id comes from no button of ours.
fn connect(
    window: &KioskWindow,
    on_input: &Rc<dyn Fn(Input)>,
    fresh_id: impl Fn() -> CommandId + 'static,
) {
    let actions = window.global::<KioskActions>();
    let on = |input: Input| {
        let on_input = Rc::clone(on_input);
        move || on_input(input.clone())
    };
    actions.on_touched(on(Input::Touched));
    actions.on_show_languages(on(Input::ShowLanguages));
    actions.on_show_services(on(Input::ShowServices));
    actions.on_next_page(on(Input::NextPage));
    actions.on_previous_page(on(Input::PreviousPage));
    actions.on_back(on(Input::Back));
    actions.on_start_over(on(Input::StartOver));
    actions.on_ask_help(on(Input::AskHelp));
    actions.on_still_here(on(Input::StillHere));
    actions.on_done(on(Input::Done));
    let choose = Rc::clone(on_input);
    actions.on_choose_language(move |code| {
        if let Ok(language) = Language::new(code.as_str()) {
            choose(Input::LanguageChosen(language));
        }
    });
    let choose = Rc::clone(on_input);
    actions.on_choose_service(move |id| {
        if let Ok(service) = ServiceId::new(id.as_str()) {
            choose(Input::ServiceChosen(service));
        }
    });
    let confirm = Rc::clone(on_input);
    actions.on_confirm(move || confirm(Input::Confirm { id: fresh_id() }));
}

fn apply(window: &KioskWindow, old: Option<&View>, new: &View) {
    let view = window.global::<KioskView>();
    if old.is_none_or(|old| old.language != new.language) {
        show_language(window, new);
    }
    // Lists are set only when they differ: setting one makes its buttons anew,
    // and a finger may be on one of them.
    if old.is_none_or(|old| old.languages != new.languages) {
        view.set_languages(model(new.languages.iter().map(language_choice)));
    }
    if old.is_none_or(|old| old.services != new.services) {
        view.set_services(model(new.services.iter().map(service_card)));
    }
    if old.is_none_or(|old| old.all_services != new.all_services) {
        view.set_all_waiting(model(new.all_services.iter().map(service_card)));
    }
    if old.is_none_or(|old| old.bring != new.bring) {
        view.set_bring(model(new.bring.iter().map(|text| shared(text))));
    }
    view.set_hint(new.banner.map_or(usher_ui::Hint::None, hint));
    view.set_trouble(new.trouble.map_or(usher_ui::Trouble::None, trouble));
    view.set_office_name(shared(&new.office_name));
    view.set_office_line(shared(&new.office_line));
    view.set_clock(shared(&new.clock));
    // Slint keeps this name in memory of its own, until the next view without it.
    view.set_guest_name(new.guest.as_ref().map_or("", |guest| guest.reveal()).into());
    view.set_has_scanner(new.has_scanner);
    view.set_has_printer(new.has_printer);
    view.set_online(new.online);
    view.set_page(count(new.page));
    view.set_pages(count(new.pages));
    view.set_service_name(shared(&new.service_name));
    view.set_service_english(shared(&new.service_english));
    let (low, high) = wait_ends(new.wait);
    view.set_wait_low(low);
    view.set_wait_high(high);
    view.set_number(shared(&new.number));
    view.set_where_to_wait(shared(&new.place));
    view.set_still_there_seconds(count(new.still_there_seconds.unwrap_or_default()));
    view.set_still_there(new.still_there_seconds.is_some());
    view.set_screen(screen(new.screen));
}

fn show_language(window: &KioskWindow, new: &View) {
    if let Err(error) = usher_ui::show_language(window, new.language.as_str()) {
        error!(%error, "the screen cannot be shown in this language");
        let view = window.global::<KioskView>();
        view.set_language(shared(new.language.as_str()));
        view.set_rtl(new.direction == Direction::RightToLeft);
    }
}

fn language_choice(choice: &LanguageChoice) -> usher_ui::LanguageChoice {
    usher_ui::LanguageChoice {
        code: shared(choice.tag.as_str()),
        name: shared(&choice.name),
        greeting: shared(&choice.greeting),
    }
}

fn service_card(card: &ServiceCard) -> usher_ui::ServiceCard {
    let (wait_low, wait_high) = wait_ends(card.wait);
    usher_ui::ServiceCard {
        id: shared(&card.id),
        name: shared(&card.name),
        waiting: count(card.waiting),
        wait_low,
        wait_high,
    }
}

fn screen(screen: Screen) -> usher_ui::Screen {
    match screen {
        Screen::Attract => usher_ui::Screen::Attract,
        Screen::Language => usher_ui::Screen::Language,
        Screen::Welcome => usher_ui::Screen::Welcome,
        Screen::Services => usher_ui::Screen::Services,
        Screen::Confirm => usher_ui::Screen::Confirm,
        Screen::Working => usher_ui::Screen::Working,
        Screen::TakeTicket => usher_ui::Screen::TakeTicket,
        Screen::ShowNumber => usher_ui::Screen::ShowNumber,
        Screen::PaperForm => usher_ui::Screen::PaperForm,
        Screen::Help => usher_ui::Screen::Help,
    }
}

fn hint(banner: Banner) -> usher_ui::Hint {
    match banner {
        Banner::ScannerGone => usher_ui::Hint::ScannerGone,
        Banner::ServerGone => usher_ui::Hint::ServerGone,
        Banner::PrinterGone => usher_ui::Hint::PrinterGone,
        Banner::Hint(hint) => match hint {
            Hint::ScanUnreadable => usher_ui::Hint::ScanUnreadable,
            Hint::ScanPartial => usher_ui::Hint::ScanPartial,
            Hint::CodeUnknown => usher_ui::Hint::CodeUnknown,
            Hint::ScanUnderstood => usher_ui::Hint::ScanUnderstood,
            Hint::ServiceClosed => usher_ui::Hint::ServiceClosed,
        },
    }
}

fn trouble(trouble: Trouble) -> usher_ui::Trouble {
    match trouble {
        Trouble::NoPaper => usher_ui::Trouble::NoPaper,
        Trouble::CoverOpen => usher_ui::Trouble::CoverOpen,
        Trouble::PrinterGone => usher_ui::Trouble::PrinterGone,
        Trouble::PrintUnsure => usher_ui::Trouble::PrintUnsure,
    }
}
