//! A motor-vehicle office in five languages.

use slint::{ModelRc, SharedString, VecModel};
use usher_ui::{CallRow, CallState, LanguageChoice, ServiceCard, WaitRow};

pub(crate) const LANGUAGES: [&str; 5] = ["en", "es", "zh-Hant", "vi", "ar"];

struct Service {
    id: &'static str,
    /// In the order of [`LANGUAGES`].
    names: [&'static str; 5],
    waiting: i32,
    wait: (i32, i32),
}

const SERVICES: [Service; 12] = [
    Service {
        id: "dl-renewal",
        names: [
            "Driver's license renewal",
            "Renovación de licencia de conducir",
            "駕照更新",
            "Gia hạn bằng lái xe",
            "تجديد رخصة القيادة",
        ],
        waiting: 12,
        wait: (20, 35),
    },
    Service {
        id: "dl-new",
        names: [
            "New driver's license",
            "Licencia de conducir nueva",
            "申請新駕照",
            "Bằng lái xe mới",
            "رخصة قيادة جديدة",
        ],
        waiting: 4,
        wait: (10, 20),
    },
    Service {
        id: "registration",
        names: [
            "Vehicle registration and plates",
            "Registro y placas de vehículo",
            "車輛登記與車牌",
            "Đăng ký và biển số xe",
            "تسجيل المركبات واللوحات",
        ],
        waiting: 21,
        wait: (45, 70),
    },
    Service {
        id: "title",
        names: [
            "Vehicle title transfer",
            "Traspaso de título de vehículo",
            "車輛過戶",
            "Sang tên xe",
            "نقل ملكية المركبة",
        ],
        waiting: 1,
        wait: (-1, -1),
    },
    Service {
        id: "id-card",
        names: [
            "State ID card",
            "Tarjeta de identificación estatal",
            "州身分證",
            "Thẻ căn cước tiểu bang",
            "بطاقة هوية الولاية",
        ],
        waiting: 0,
        wait: (0, 3),
    },
    Service {
        id: "road-test",
        names: [
            "Driving test",
            "Examen de manejo",
            "路考",
            "Thi lái xe",
            "اختبار القيادة",
        ],
        waiting: 0,
        wait: (-1, -1),
    },
    Service {
        id: "placard",
        names: [
            "Disabled parking placard",
            "Permiso de estacionamiento especial",
            "身心障礙停車證",
            "Thẻ đậu xe cho người khuyết tật",
            "بطاقة وقوف لذوي الإعاقة",
        ],
        waiting: 2,
        wait: (5, 15),
    },
    Service {
        id: "records",
        names: [
            "Driving record",
            "Historial de manejo",
            "駕駛紀錄",
            "Hồ sơ lái xe",
            "سجل القيادة",
        ],
        waiting: 1,
        wait: (5, 5),
    },
    Service {
        id: "knowledge-test",
        names: [
            "Knowledge test",
            "Examen de conocimientos",
            "筆試",
            "Thi viết",
            "الاختبار النظري",
        ],
        waiting: 3,
        wait: (10, 15),
    },
    Service {
        id: "plates",
        names: [
            "Plates and stickers",
            "Placas y calcomanías",
            "車牌與貼紙",
            "Biển số và nhãn dán",
            "اللوحات والملصقات",
        ],
        waiting: 6,
        wait: (15, 25),
    },
    Service {
        id: "commercial-license",
        names: [
            "Commercial license",
            "Licencia comercial",
            "商業駕照",
            "Bằng lái xe thương mại",
            "رخصة القيادة التجارية",
        ],
        waiting: 0,
        wait: (0, 3),
    },
    Service {
        id: "address",
        names: [
            "New address",
            "Cambio de dirección",
            "地址變更",
            "Đổi địa chỉ",
            "تغيير العنوان",
        ],
        waiting: 2,
        wait: (5, 10),
    },
];

/// So many of them can be chosen: a last page that is not full.
const CHOICES: usize = 8;

/// The place of `language` in every list here.
fn column(language: &str) -> usize {
    LANGUAGES
        .iter()
        .position(|code| *code == language)
        .expect("a language of this office")
}

fn model<T: Clone + 'static>(rows: impl IntoIterator<Item = T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from_iter(rows))
}

/// The page of services counted from 0, six to a page.
pub(crate) fn services(language: &str, page: usize) -> ModelRc<ServiceCard> {
    model(all(language).take(CHOICES).skip(page * 6).take(6))
}

pub(crate) fn all_services(language: &str) -> ModelRc<ServiceCard> {
    model(all(language))
}

fn all(language: &str) -> impl Iterator<Item = ServiceCard> {
    let column = column(language);
    SERVICES.iter().map(move |service| ServiceCard {
        id: service.id.into(),
        name: service.names[column].into(),
        waiting: service.waiting,
        wait_low: service.wait.0,
        wait_high: service.wait.1,
    })
}

pub(crate) fn service_name(language: &str) -> SharedString {
    SERVICES[0].names[column(language)].into()
}

pub(crate) fn office_name() -> SharedString {
    "Riverside Field Office".into()
}

pub(crate) fn office_line() -> SharedString {
    "Department of Motor Vehicles".into()
}

pub(crate) fn languages() -> ModelRc<LanguageChoice> {
    let names = ["English", "Español", "繁體中文", "Tiếng Việt", "العربية"];
    let greetings = [
        "Welcome",
        "Bienvenidos",
        "歡迎",
        "Chào mừng quý vị",
        "أهلًا وسهلًا",
    ];
    model(
        LANGUAGES
            .iter()
            .zip(names)
            .zip(greetings)
            .map(|((code, name), greeting)| LanguageChoice {
                code: (*code).into(),
                name: name.into(),
                greeting: greeting.into(),
            }),
    )
}

pub(crate) fn bring(language: &str) -> ModelRc<SharedString> {
    let lines = [
        [
            "Your current license",
            "Proof of your address",
            "Payment: card or check",
        ],
        [
            "Su licencia actual",
            "Comprobante de domicilio",
            "Pago: tarjeta o cheque",
        ],
        ["目前的駕照", "住址證明", "付款：信用卡或支票"],
        [
            "Bằng lái hiện tại",
            "Giấy tờ chứng minh địa chỉ",
            "Thanh toán: thẻ hoặc séc",
        ],
        ["رخصتك الحالية", "إثبات عنوان السكن", "الدفع: بطاقة أو شيك"],
    ];
    model(lines[column(language)].map(SharedString::from))
}

pub(crate) fn place(language: &str) -> SharedString {
    [
        "Hall A, on your left",
        "Sala A, a su izquierda",
        "A 廳，在您的左手邊",
        "Sảnh A, bên trái quý vị",
        "القاعة A على يسارك",
    ][column(language)]
    .into()
}

/// A given name as it might be read from an ID.
pub(crate) fn guest(language: &str) -> SharedString {
    ["Kim", "Guadalupe", "怡君", "Thảo", "ليلى"][column(language)].into()
}

pub(crate) fn call(number: &str, counter: &str, service: &str, state: CallState) -> CallRow {
    CallRow {
        number: number.into(),
        counter: counter.into(),
        service: service.into(),
        state,
    }
}

/// With the services' names in `language`.
pub(crate) fn calls(language: &str) -> ModelRc<CallRow> {
    let row = |number, counter, service: usize, state| {
        call(
            number,
            counter,
            SERVICES[service].names[column(language)],
            state,
        )
    };
    model([
        row("B 42", "5", 0, CallState::Fresh),
        row("C 7", "2", 2, CallState::Called),
        row("A 118", "10", 4, CallState::Serving),
        row("B 41", "3", 0, CallState::Called),
        row("D 3", "1", 3, CallState::Serving),
        row("Q 40", "4", 6, CallState::Serving),
    ])
}

/// With the services' names in `language`.
pub(crate) fn waits(language: &str) -> ModelRc<WaitRow> {
    model(all(language).map(|service| WaitRow {
        service: service.name,
        waiting: service.waiting,
        wait_low: service.wait_low,
        wait_high: service.wait_high,
    }))
}
