//! The kiosk's window answers fingers, keys and screen readers.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{PORTRAIT, office};
use i_slint_backend_testing::{ElementHandle, mock_elapsed_time};
use slint::platform::{Key, PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition};
use usher_ui::{KioskActions, KioskView, KioskWindow, Screen};

/// What the window has asked for, in order.
type Heard = Rc<RefCell<Vec<String>>>;

#[test]
fn the_window_answers_touch_keys_and_screen_readers() {
    common::start_backend();
    let window = common::kiosk(&PORTRAIT);
    let heard = listen(&window);
    let view = window.global::<KioskView>();
    view.set_languages(office::languages());
    view.set_services(office::services("en", 0));
    view.set_pages(2);
    let take = || std::mem::take(&mut *heard.borrow_mut());

    // Every control of every screen does what its id says.
    for (screen, expected) in [
        (
            Screen::Attract,
            vec![
                "language:en",
                "language:es",
                "language:zh-Hant",
                "language:vi",
                "language:ar",
                "help",
            ],
        ),
        (
            Screen::Welcome,
            vec![
                "services",
                "help",
                "back",
                "start-over",
                "languages",
                "help",
            ],
        ),
        (
            Screen::Services,
            vec![
                "service:dl-renewal",
                "service:dl-new",
                "service:registration",
                "service:title",
                "service:id-card",
                "service:road-test",
                "next-page",
                "back",
                "start-over",
                "languages",
                "help",
            ],
        ),
        (
            Screen::Confirm,
            vec!["confirm", "back", "start-over", "languages", "help"],
        ),
        (Screen::TakeTicket, vec!["done", "help"]),
    ] {
        view.set_screen(screen);
        let targets = usher_ui::touch_targets(&window);
        for target in &targets {
            touch(
                &window,
                target.x + target.width / 2.0,
                target.y + target.height / 2.0,
            );
        }
        assert_eq!(take(), expected, "touched on {screen:?}");

        // The same with the keyboard: once round by Tab, Return on each.
        for _ in &targets {
            key(&window, Key::Tab);
            key(&window, Key::Return);
        }
        let mut by_key: Vec<String> = take()
            .into_iter()
            .filter(|action| action != "touched")
            .collect();
        let mut by_touch: Vec<String> = expected.into_iter().map(String::from).collect();
        by_key.sort();
        by_touch.sort();
        assert_eq!(by_key, by_touch, "reached by keyboard on {screen:?}");
    }

    // Beside every control: somebody is there, nothing else.
    touch(&window, 2.0, 700.0);
    assert_eq!(take(), ["touched"]);

    // A screen reader's press.
    view.set_screen(Screen::Confirm);
    mock_elapsed_time(std::time::Duration::from_millis(16));
    let button = ElementHandle::find_by_accessible_label(&window, "Get my ticket")
        .next()
        .expect("the button is called what it shows");
    button.invoke_accessible_default_action();
    assert_eq!(take(), ["confirm"]);

    // "Are you still there?" lets nothing through to what it covers.
    let covered = usher_ui::touch_targets(&window);
    view.set_still_there(true);
    let over = usher_ui::touch_targets(&window);
    assert_eq!(over.len(), 1);
    for target in covered.iter().filter(|target| target.id != "confirm") {
        touch(
            &window,
            target.x + target.width / 2.0,
            target.y + target.height / 2.0,
        );
    }
    assert!(take().iter().all(|action| action == "touched"));
    button.invoke_accessible_default_action();
    assert!(take().is_empty());
    key(&window, Key::Escape);
    assert!(take().is_empty());
    touch(&window, over[0].x + 5.0, over[0].y + 5.0);
    assert_eq!(take(), ["still-here"]);
    view.set_still_there(false);

    changes_are_told(&window);
}

/// One call for one change of screen, and none when nothing changed.
fn changes_are_told(window: &KioskWindow) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&told);
    usher_ui::on_touch_targets_changed(window, move |window| {
        sink.borrow_mut()
            .push(usher_ui::touch_targets(window).len());
    });
    let wait = || {
        for _ in 0..10 {
            mock_elapsed_time(std::time::Duration::from_millis(20));
        }
    };
    wait();
    told.borrow_mut().clear();
    window.global::<KioskView>().set_screen(Screen::TakeTicket);
    wait();
    assert_eq!(*told.borrow(), [2]);
    wait();
    assert_eq!(*told.borrow(), [2]);
}

fn listen(window: &KioskWindow) -> Heard {
    let heard = Heard::default();
    let say = |text: &'static str| {
        let heard = Rc::clone(&heard);
        move || heard.borrow_mut().push(text.to_owned())
    };
    let say_which = |kind: &'static str| {
        let heard = Rc::clone(&heard);
        move |id: slint::SharedString| heard.borrow_mut().push(format!("{kind}:{id}"))
    };
    let actions = window.global::<KioskActions>();
    actions.on_touched(say("touched"));
    actions.on_choose_language(say_which("language"));
    actions.on_show_languages(say("languages"));
    actions.on_show_services(say("services"));
    actions.on_choose_service(say_which("service"));
    actions.on_next_page(say("next-page"));
    actions.on_previous_page(say("previous-page"));
    actions.on_confirm(say("confirm"));
    actions.on_back(say("back"));
    actions.on_start_over(say("start-over"));
    actions.on_ask_help(say("help"));
    actions.on_still_here(say("still-here"));
    actions.on_done(say("done"));
    heard
}

fn touch(window: &KioskWindow, x: f32, y: f32) {
    let position = LogicalPosition::new(x, y);
    let button = PointerEventButton::Left;
    let window = window.window();
    window.dispatch_event(WindowEvent::PointerMoved { position });
    window.dispatch_event(WindowEvent::PointerPressed { position, button });
    window.dispatch_event(WindowEvent::PointerReleased { position, button });
}

fn key(window: &KioskWindow, key: Key) {
    let window = window.window();
    window.dispatch_event(WindowEvent::WindowActiveChanged(true));
    window.dispatch_event(WindowEvent::KeyPressed { text: key.into() });
    window.dispatch_event(WindowEvent::KeyReleased { text: key.into() });
}
