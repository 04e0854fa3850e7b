//! Every screen in every language on every panel, as pictures in
//! `target/ui-gallery/`, with what can be measured measured: sizes, gaps, words
//! that are cut off or lie on each other, labels, contrast.

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use common::{LANDSCAPE, PORTRAIT, Panel, SMALL, office};
use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementQuery, mock_elapsed_time};
use slint::platform::{Key, WindowEvent};
use slint::{Color, ComponentHandle, Model};
use usher_ui::{
    CallState, HallTexts, HallView, HallWindow, Hint, KioskView, KioskWindow, Palette, Screen,
    TouchTarget, Trouble,
};

/// Smallest side of what can be touched (experience: 20 mm, 8 mm between).
const PANELS: [Panel; 3] = [PORTRAIT, LANDSCAPE, SMALL];

const TARGET_MM: f32 = 20.0;
const GAP_MM: f32 = 8.0;
/// Rounding to whole pixels.
const SLACK_PX: f32 = 1.01;

/// One picture: how the view is set beyond the office's own data, and what can
/// be touched then.
struct Scene {
    name: &'static str,
    screen: Screen,
    set: fn(&KioskView<'_>, &str),
    targets: &'static [&'static str],
}

const LANGUAGE_TARGETS: [&str; 5] = [
    "language:en",
    "language:es",
    "language:zh-Hant",
    "language:vi",
    "language:ar",
];

const SCENES: &[Scene] = &[
    Scene {
        name: "01-attract",
        screen: Screen::Attract,
        set: |_, _| {},
        targets: &["help", "language:*"],
    },
    Scene {
        name: "02-attract-server-gone",
        screen: Screen::Attract,
        set: |view, _| {
            view.set_online(false);
            view.set_hint(Hint::ServerGone);
        },
        targets: &["help", "language:*"],
    },
    Scene {
        name: "03-language",
        screen: Screen::Language,
        set: |_, _| {},
        targets: &["back", "start-over", "help", "language:*"],
    },
    Scene {
        name: "04-welcome",
        screen: Screen::Welcome,
        set: |_, _| {},
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "services",
            "person",
        ],
    },
    Scene {
        name: "05-welcome-guest",
        screen: Screen::Welcome,
        set: |view, language| {
            view.set_guest_name(office::guest(language));
            view.set_hint(Hint::ScanUnderstood);
        },
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "services",
            "person",
        ],
    },
    Scene {
        name: "06-welcome-no-reader",
        screen: Screen::Welcome,
        set: |view, _| {
            view.set_has_scanner(false);
            view.set_hint(Hint::ScannerGone);
        },
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "services",
            "person",
        ],
    },
    Scene {
        name: "07-services",
        screen: Screen::Services,
        set: |view, _| view.set_pages(1),
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "service:dl-renewal",
            "service:dl-new",
            "service:registration",
            "service:title",
            "service:id-card",
            "service:road-test",
        ],
    },
    Scene {
        name: "08-services-paged",
        screen: Screen::Services,
        set: |view, _| view.set_pages(2),
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "next-page",
            "service:dl-renewal",
            "service:dl-new",
            "service:registration",
            "service:title",
            "service:id-card",
            "service:road-test",
        ],
    },
    Scene {
        name: "09-services-last-page",
        screen: Screen::Services,
        set: |view, language| {
            view.set_pages(2);
            view.set_page(1);
            view.set_services(office::services(language, 1));
        },
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "previous-page",
            "service:placard",
            "service:records",
        ],
    },
    Scene {
        name: "10-confirm",
        screen: Screen::Confirm,
        set: |_, _| {},
        targets: &["back", "start-over", "languages", "help", "confirm"],
    },
    Scene {
        name: "11-confirm-server-gone",
        screen: Screen::Confirm,
        set: |view, _| {
            view.set_online(false);
            view.set_wait_low(-1);
            view.set_wait_high(-1);
            view.set_hint(Hint::ServerGone);
        },
        targets: &["back", "start-over", "languages", "help", "confirm"],
    },
    Scene {
        name: "20-attract-printer-gone",
        screen: Screen::Attract,
        set: |view, _| {
            view.set_has_printer(false);
            view.set_hint(Hint::PrinterGone);
        },
        targets: &["help", "language:*"],
    },
    Scene {
        name: "21-services-printer-gone",
        screen: Screen::Services,
        set: |view, _| {
            view.set_pages(1);
            view.set_has_printer(false);
            view.set_hint(Hint::PrinterGone);
        },
        targets: &[
            "back",
            "start-over",
            "languages",
            "help",
            "service:dl-renewal",
            "service:dl-new",
            "service:registration",
            "service:title",
            "service:id-card",
            "service:road-test",
        ],
    },
    Scene {
        name: "22-confirm-printer-gone",
        screen: Screen::Confirm,
        set: |view, _| {
            view.set_has_printer(false);
            view.set_hint(Hint::PrinterGone);
        },
        targets: &["back", "start-over", "languages", "help", "confirm"],
    },
    Scene {
        name: "12-working",
        screen: Screen::Working,
        set: |_, _| {},
        targets: &[],
    },
    Scene {
        name: "13-take-ticket",
        screen: Screen::TakeTicket,
        set: |_, _| {},
        targets: &["done", "help"],
    },
    Scene {
        name: "14-show-number",
        screen: Screen::ShowNumber,
        set: |view, _| view.set_trouble(Trouble::PrintUnsure),
        targets: &["done", "help"],
    },
    Scene {
        name: "15-paper-form",
        screen: Screen::PaperForm,
        set: |view, _| {
            view.set_online(false);
            view.set_number("K1 903".into());
            view.set_where_to_wait("".into());
        },
        targets: &["done", "help"],
    },
    Scene {
        name: "16-help",
        screen: Screen::Help,
        set: |view, _| view.set_where_to_wait("".into()),
        targets: &["back", "start-over", "languages", "done"],
    },
    Scene {
        name: "17-still-there",
        screen: Screen::Confirm,
        set: |view, _| view.set_still_there(true),
        targets: &["still-here"],
    },
];

/// The hints that no scene shows.
const HINTS: [Hint; 6] = [
    Hint::ScanUnreadable,
    Hint::CodeUnknown,
    Hint::ScanPartial,
    Hint::ServiceClosed,
    Hint::PrinterGone,
    Hint::ServerGone,
];

#[test]
fn every_screen_is_fit_to_be_seen() {
    common::start_backend();
    let folder = gallery_folder();
    let mut complaints = Vec::new();

    let window = common::kiosk(&PORTRAIT);
    for panel in PANELS {
        common::fit(&window, &panel);
        for language in office::LANGUAGES {
            for scene in SCENES {
                set_scene(&window, scene, language);
                let name = format!("{}-{language}-{}", panel.name, scene.name);
                measure(&window, &panel, scene, &name, &mut complaints);
                if scene.name == "01-attract" && language == "en" {
                    every_service_is_told_of(&window, &name, &mut complaints);
                }
                if panel.name != SMALL.name || ["en", "es", "ar"].contains(&language) {
                    write_picture(&window, &folder.join(format!("{name}.png")));
                }
            }
            for hint in HINTS {
                set_scene(&window, &SCENES[3], language);
                window.global::<KioskView>().set_hint(hint);
                let name = format!("{}-{language}-hint-{hint:?}", panel.name);
                measure(&window, &panel, &SCENES[3], &name, &mut complaints);
            }
        }
    }
    strong_contrast(&window, &folder, &mut complaints);
    hall(&folder, &mut complaints);

    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

fn gallery_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    let folder = target.join("ui-gallery");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn set_scene(window: &KioskWindow, scene: &Scene, language: &str) {
    usher_ui::show_language(window, language).expect("the language is bundled");
    let view = window.global::<KioskView>();
    view.set_office_name(office::office_name());
    view.set_office_line(office::office_line());
    view.set_clock("9:41".into());
    view.set_languages(office::languages());
    view.set_hint(Hint::None);
    view.set_trouble(Trouble::None);
    view.set_guest_name("".into());
    view.set_has_scanner(true);
    view.set_has_printer(true);
    view.set_online(true);
    view.set_services(office::services(language, 0));
    view.set_page(0);
    view.set_pages(2);
    view.set_all_waiting(office::all_services(language));
    view.set_service_name(office::service_name(language));
    view.set_service_english(office::service_name("en"));
    view.set_wait_low(20);
    view.set_wait_high(35);
    view.set_bring(office::bring(language));
    view.set_number("B 42".into());
    view.set_where_to_wait(office::place(language));
    view.set_still_there(false);
    view.set_still_there_seconds(20);
    view.set_screen(scene.screen);
    (scene.set)(&view, language);
}

fn measure(
    window: &KioskWindow,
    panel: &Panel,
    scene: &Scene,
    name: &str,
    complaints: &mut Vec<String>,
) {
    // Asked for before anything is drawn: it must be right at once.
    let targets = usher_ui::touch_targets(window);
    mock_elapsed_time(std::time::Duration::from_millis(1200));
    let mut complain = |text: String| complaints.push(format!("{name}: {text}"));

    let expected: BTreeSet<&str> = scene
        .targets
        .iter()
        .flat_map(|id| match *id {
            "language:*" => LANGUAGE_TARGETS.to_vec(),
            id => vec![id],
        })
        .collect();
    let found: BTreeSet<&str> = targets.iter().map(|target| target.id.as_str()).collect();
    if expected != found || found.len() != targets.len() {
        complain(format!("can be touched: {found:?}, expected {expected:?}"));
    }

    let mm = panel.px_per_mm();
    let (width, height) = (f32::from(panel.width_px), f32::from(panel.height_px));
    for target in &targets {
        let id = &target.id;
        if target.label.trim().is_empty() {
            complain(format!("{id} has no label"));
        }
        if target.width.min(target.height) < TARGET_MM * mm - SLACK_PX {
            complain(format!(
                "{id} is {:.1} by {:.1} mm",
                target.width / mm,
                target.height / mm
            ));
        }
        if target.x < 0.0
            || target.y < 0.0
            || target.x + target.width > width + 0.5
            || target.y + target.height > height + 0.5
        {
            complain(format!("{id} is not wholly on the panel"));
        }
    }
    for (i, a) in targets.iter().enumerate() {
        for b in &targets[i + 1..] {
            let gap = gap(a, b);
            if gap < GAP_MM * mm - SLACK_PX {
                complain(format!(
                    "{} and {} are {:.1} mm apart",
                    a.id,
                    b.id,
                    gap / mm
                ));
            }
        }
    }
    // A name of three lines has no room on the smallest panel; the office is
    // told by the same report.
    let names_may_be_cut = panel.name == SMALL.name && scene.screen == Screen::Services;
    for text in usher_ui::cut_off_texts(window) {
        if !names_may_be_cut {
            complain(format!("cut off: {text}"));
        }
    }
    if !window.global::<KioskView>().get_still_there() {
        labels_are_apart(window, &targets, (width, height), &mut complain);
    }
    for button in ElementQuery::from_root(window)
        .match_accessible_role(AccessibleRole::Button)
        .find_all()
    {
        if button
            .accessible_label()
            .is_none_or(|label| label.trim().is_empty())
        {
            complain(format!("a button says nothing: {:?}", button.id()));
        }
    }
}

/// The services without room in the list of waits are counted below it.
fn every_service_is_told_of(window: &KioskWindow, name: &str, complaints: &mut Vec<String>) {
    let words: Vec<String> = ElementHandle::find_by_element_type_name(window, "Label")
        .filter_map(|label| Some(label.accessible_label()?.to_string()))
        .collect();
    let (shown, missing): (Vec<_>, Vec<_>) = office::all_services("en")
        .iter()
        .partition(|service| words.contains(&service.name.to_string()));
    let more = match missing.len() {
        0 => return,
        1 => "and 1 more service".to_owned(),
        n => format!("and {n} more services"),
    };
    if shown.is_empty() || !words.contains(&more) {
        complaints.push(format!(
            "{name}: {} services are shown, and not \"{more}\"",
            shown.len()
        ));
    }
}

/// The distance of two targets along the axis on which they are further apart.
fn gap(a: &TouchTarget, b: &TouchTarget) -> f32 {
    let across = (b.x - (a.x + a.width)).max(a.x - (b.x + b.width));
    let down = (b.y - (a.y + a.height)).max(a.y - (b.y + b.height));
    across.max(down)
}

/// Words lie on the panel, on no other words, and wholly inside or outside of
/// anything that can be touched.
fn labels_are_apart(
    window: &KioskWindow,
    targets: &[TouchTarget],
    (width, height): (f32, f32),
    complain: &mut impl FnMut(String),
) {
    let labels: Vec<Box2> = ElementHandle::find_by_element_type_name(window, "Label")
        .filter_map(|label| {
            let text = label.accessible_label()?.to_string();
            let (at, size) = (label.absolute_position(), label.size());
            (!text.is_empty() && size.width > 0.0 && size.height > 0.0).then_some(Box2 {
                text,
                left: at.x,
                top: at.y,
                right: at.x + size.width,
                bottom: at.y + size.height,
            })
        })
        .collect();
    for (i, a) in labels.iter().enumerate() {
        if a.left < -0.5 || a.top < -0.5 || a.right > width + 0.5 || a.bottom > height + 0.5 {
            complain(format!("not wholly on the panel: {}", a.text));
        }
        for b in &labels[i + 1..] {
            if a.overlaps(b) {
                complain(format!("on each other: \"{}\" and \"{}\"", a.text, b.text));
            }
        }
        for target in targets {
            let button = Box2 {
                text: target.id.clone(),
                left: target.x,
                top: target.y,
                right: target.x + target.width,
                bottom: target.y + target.height,
            };
            if a.overlaps(&button) && !button.holds(a) {
                complain(format!("\"{}\" sticks out of {}", a.text, button.text));
            }
        }
    }
}

struct Box2 {
    text: String,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl Box2 {
    fn overlaps(&self, other: &Self) -> bool {
        self.left + SLACK_PX < other.right
            && other.left + SLACK_PX < self.right
            && self.top + SLACK_PX < other.bottom
            && other.top + SLACK_PX < self.bottom
    }

    fn holds(&self, other: &Self) -> bool {
        self.left <= other.left + SLACK_PX
            && self.top <= other.top + SLACK_PX
            && self.right + SLACK_PX >= other.right
            && self.bottom + SLACK_PX >= other.bottom
    }
}

/// The colours of both modes, one screen in the strong one, one with the ring of
/// focus.
fn strong_contrast(window: &KioskWindow, folder: &Path, complaints: &mut Vec<String>) {
    let view = window.global::<KioskView>();
    let palette = window.global::<Palette>();
    for strong in [false, true] {
        view.set_high_contrast(strong);
        let text_pairs = [
            ("ink on page", palette.get_ink(), palette.get_page()),
            ("ink on surface", palette.get_ink(), palette.get_surface()),
            ("ink on notice", palette.get_ink(), palette.get_notice()),
            ("ink on tint", palette.get_ink(), palette.get_accent_soft()),
            (
                "soft ink on page",
                palette.get_ink_soft(),
                palette.get_page(),
            ),
            (
                "soft ink on surface",
                palette.get_ink_soft(),
                palette.get_surface(),
            ),
            (
                "soft ink on tint",
                palette.get_ink_soft(),
                palette.get_accent_soft(),
            ),
            ("accent on page", palette.get_accent(), palette.get_page()),
            (
                "accent on surface",
                palette.get_accent(),
                palette.get_surface(),
            ),
            (
                "accent on tint",
                palette.get_accent(),
                palette.get_accent_soft(),
            ),
            ("on accent", palette.get_on_accent(), palette.get_accent()),
            (
                "on pressed accent",
                palette.get_on_accent(),
                palette.get_accent_pressed(),
            ),
            ("on stage", palette.get_on_accent(), palette.get_stage()),
            (
                "soft on stage",
                palette.get_stage_soft(),
                palette.get_stage(),
            ),
        ];
        let mark_pairs = [
            ("edge on page", palette.get_edge(), palette.get_page()),
            ("edge on surface", palette.get_edge(), palette.get_surface()),
            ("focus on page", palette.get_focus(), palette.get_page()),
            (
                "focus on surface",
                palette.get_focus(),
                palette.get_surface(),
            ),
            (
                "notice mark",
                palette.get_notice_mark(),
                palette.get_notice(),
            ),
        ];
        let limits = text_pairs
            .map(|pair| (pair, 7.0))
            .into_iter()
            .chain(mark_pairs.map(|pair| (pair, 3.0)));
        for ((name, front, ground), least) in limits {
            let contrast = contrast(front, ground);
            if contrast < least {
                complaints.push(format!(
                    "strong {strong}: {name}: {contrast:.1}:1 is below {least}:1"
                ));
            }
        }
    }
    common::fit(window, &PORTRAIT);
    set_scene(window, &SCENES[3], "en");
    write_picture(window, &folder.join("portrait-en-18-high-contrast.png"));
    view.set_high_contrast(false);

    // Where the keyboard is.
    set_scene(window, &SCENES[6], "en");
    let press = |key: Key| {
        let window = window.window();
        window.dispatch_event(WindowEvent::WindowActiveChanged(true));
        window.dispatch_event(WindowEvent::KeyPressed { text: key.into() });
        window.dispatch_event(WindowEvent::KeyReleased { text: key.into() });
    };
    press(Key::Tab);
    press(Key::Tab);
    write_picture(window, &folder.join("portrait-en-19-focus.png"));
}

/// WCAG 2.2, contrast ratio.
fn contrast(a: Color, b: Color) -> f32 {
    let luminance = |color: Color| {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(color.red())
            + 0.7152 * linear(color.green())
            + 0.0722 * linear(color.blue())
    };
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

fn hall(folder: &Path, complaints: &mut Vec<String>) {
    let window = HallWindow::new().expect("the testing backend opens windows");
    let view = window.global::<HallView>();
    view.set_office_name(office::office_name());
    view.set_clock("9:41".into());
    window.show().expect("the testing backend shows windows");
    for (panel, width, height, width_mm) in [
        ("landscape", 1920_u16, 1080_u16, 1210.0),
        ("portrait", 1080, 1920, 680.0),
    ] {
        view.set_panel_width_px(width.into());
        view.set_panel_height_px(height.into());
        view.set_panel_width_mm(width_mm);
        window
            .window()
            .set_size(slint::PhysicalSize::new(width.into(), height.into()));
        for language in office::LANGUAGES {
            let name = |scene: &str| format!("hall-{panel}-{language}-{scene}");
            usher_ui::select_language(language).expect("the language is bundled");
            view.set_calls(office::calls(language));
            view.set_waits(office::waits(language));
            view.set_stage(office::call("B 42", "5", "", CallState::Fresh));
            view.set_stage_visible(true);
            view.set_stage_language(language.into());
            view.set_stage_rtl(usher_ui::is_right_to_left(language));
            view.set_stage_text(HallTexts::for_language(language).counter("5").into());
            view.set_stage_text_english(if language == "en" { "" } else { "Counter 5" }.into());
            hall_scene(&window, folder, &name("1-stage"), complaints);
            view.set_stage_visible(false);
            hall_scene(&window, folder, &name("2-list"), complaints);
            view.set_stale(true);
            view.set_stale_minutes(3);
            hall_scene(&window, folder, &name("3-stale"), complaints);
            view.set_stale(false);
        }
    }
}

fn hall_scene(window: &HallWindow, folder: &Path, name: &str, complaints: &mut Vec<String>) {
    hall_lines(window, name, complaints);
    write_picture(window, &folder.join(format!("{name}.png")));
}

/// Nothing on the hall display lies outside it.
fn hall_lines(window: &HallWindow, name: &str, complaints: &mut Vec<String>) {
    mock_elapsed_time(std::time::Duration::from_millis(100));
    let size = window.window().size();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a panel has few thousand pixels"
    )]
    let (width, height) = (size.width as f32, size.height as f32);
    let lines: Vec<_> = ElementHandle::find_by_element_type_name(window, "Line").collect();
    if lines.is_empty() {
        complaints.push(format!("{name}: nothing is on the hall display"));
    }
    for text in usher_ui::cut_off_texts(window) {
        complaints.push(format!("{name}: cut off: {text}"));
    }
    for line in lines {
        let (at, size) = (line.absolute_position(), line.size());
        if at.x < -0.5 || at.x + size.width > width + 0.5 || at.y < -0.5 || at.y > height {
            complaints.push(format!("{name}: outside: {:?}", line.accessible_label()));
        }
    }
}

fn write_picture(window: &impl ComponentHandle, path: &Path) {
    let picture = window
        .window()
        .take_snapshot()
        .expect("the software renderer takes pictures");
    let file = File::create(path).expect("the gallery can be written");
    let mut encoder = png::Encoder::new(BufWriter::new(file), picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().expect("a picture has a header");
    writer
        .write_image_data(picture.as_bytes())
        .expect("the gallery can be written");
    writer.finish().expect("the gallery can be written");
}
