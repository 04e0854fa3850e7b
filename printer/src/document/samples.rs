//! Sample documents of an invented office, in four languages and three scripts:
//! for the tests, the pictures in the documentation, and the byte counts in
//! [`encode`](crate::encode).

use super::{Code, Direction, Line, PaperForm, TestPage, Ticket};

/// Languages there is a [`ticket`] in.
pub const TICKET_LANGUAGES: [&str; 4] = ["en", "es", "zh-Hant", "ar"];
/// Languages there is a [`paper_form`] in.
pub const FORM_LANGUAGES: [&str; 4] = ["en", "es", "zh-Hant", "ar"];

const OFFICE_NAME: &str = "State Motor Vehicles";
const OFFICE_LINE: &str = "Riverside field office, 410 Orange Street";
const TICKET_CODE: &str = "https://riverside.example.gov/t/7KQ2-M4XD";
const FORM_CODE: &str = "USHER1:riverside:2026-11-25:B42:0941:title-transfer:9F3C";

/// A translation and its English.
fn both(text: &str, english: &str) -> Line {
    Line::with_english(text, english)
}

/// A ticket in a language of [`TICKET_LANGUAGES`]; English for any other.
pub fn ticket(language: &str) -> Ticket {
    match language {
        "es" => spanish_ticket(),
        "zh-Hant" => chinese_ticket(),
        "ar" => arabic_ticket(),
        _ => english_ticket(),
    }
}

/// A paper form in a language of [`FORM_LANGUAGES`]; English for any other.
pub fn paper_form(language: &str) -> PaperForm {
    match language {
        "es" => spanish_form(),
        "zh-Hant" => chinese_form(),
        "ar" => arabic_form(),
        _ => english_form(),
    }
}

/// A technician's test page.
pub fn test_page() -> TestPage {
    TestPage {
        title: "Printer test".to_owned(),
        details: vec![
            "Port /dev/ticket-printer".to_owned(),
            "115200 baud, 80 mm paper".to_owned(),
        ],
    }
}

fn english_ticket() -> Ticket {
    Ticket {
        office_name: OFFICE_NAME.to_owned(),
        office_line: OFFICE_LINE.to_owned(),
        language: "en".to_owned(),
        direction: Direction::LeftToRight,
        heading: Line::new("Your number"),
        number: "B 42".to_owned(),
        service: Line::new("Vehicle title transfer"),
        arrived: Line::new("Arrived 9:41 am, Nov 25, 2026"),
        wait: Some(Line::new("Wait about 20–35 minutes")),
        where_to_wait: Line::new(
            "Please wait in Hall A. The screen and a voice will call your number.",
        ),
        bring_title: Line::new("Have these ready"),
        bring: vec![
            Line::new("The title, signed by the seller"),
            Line::new("Your driver’s license or ID card"),
            Line::new("Smog check, if the car is 8 years old or older"),
        ],
        code: Some(Code {
            data: TICKET_CODE.to_owned(),
            caption: Line::new("See your place in line on your phone"),
        }),
        privacy: Line::new(
            "This ticket holds no personal information. We delete your number after today.",
        ),
        reprint: None,
    }
}

fn spanish_ticket() -> Ticket {
    Ticket {
        language: "es".to_owned(),
        heading: both("Su número", "Your number"),
        service: both(
            "Traspaso del título de un vehículo",
            "Vehicle title transfer",
        ),
        arrived: both(
            "Llegó a las 9:41, 25 de nov. de 2026",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        wait: Some(both(
            "Espera de unos 20 a 35 minutos",
            "Wait about 20–35 minutes",
        )),
        where_to_wait: both(
            "Espere en la sala A. La pantalla y una voz llamarán su número.",
            "Please wait in Hall A. The screen and a voice will call your number.",
        ),
        bring_title: both("Tenga esto a la mano", "Have these ready"),
        bring: vec![
            both(
                "El título, firmado por el vendedor",
                "The title, signed by the seller",
            ),
            both(
                "Su licencia de manejar o identificación",
                "Your driver’s license or ID card",
            ),
            both(
                "Prueba de smog, si el auto tiene 8 años o más",
                "Smog check, if the car is 8 years old or older",
            ),
        ],
        code: Some(Code {
            data: TICKET_CODE.to_owned(),
            caption: both(
                "Vea su turno en su teléfono",
                "See your place in line on your phone",
            ),
        }),
        privacy: both(
            "Este boleto no contiene datos personales. Borramos su número al final del día.",
            "No personal information. We delete your number after today.",
        ),
        ..english_ticket()
    }
}

fn chinese_ticket() -> Ticket {
    Ticket {
        language: "zh-Hant".to_owned(),
        heading: both("您的號碼", "Your number"),
        service: both("車輛所有權轉讓", "Vehicle title transfer"),
        arrived: both(
            "2026年11月25日上午9:41到達",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        wait: Some(both("等候約 20–35 分鐘", "Wait about 20–35 minutes")),
        where_to_wait: both(
            "請在A廳等候。螢幕和語音會叫您的號碼。",
            "Please wait in Hall A. The screen and a voice will call your number.",
        ),
        bring_title: both("請準備好", "Have these ready"),
        bring: vec![
            both("賣方簽名的車輛所有權證", "The title, signed by the seller"),
            both("您的駕照或身分證", "Your driver’s license or ID card"),
            both(
                "車齡滿8年者：廢氣檢測證明",
                "Smog check, if the car is 8 years old or older",
            ),
        ],
        code: Some(Code {
            data: TICKET_CODE.to_owned(),
            caption: both("用手機查看您的順位", "See your place in line on your phone"),
        }),
        privacy: both(
            "本票不含個人資料。您的號碼於今日結束後刪除。",
            "No personal information. We delete your number after today.",
        ),
        ..english_ticket()
    }
}

fn arabic_ticket() -> Ticket {
    Ticket {
        language: "ar".to_owned(),
        direction: Direction::RightToLeft,
        heading: both("رقمك", "Your number"),
        service: both("نقل ملكية مركبة", "Vehicle title transfer"),
        arrived: both(
            "وقت الوصول 9:41 صباحًا، 25 نوفمبر 2026",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        wait: Some(both(
            "الانتظار حوالي 20 إلى 35 دقيقة",
            "Wait about 20–35 minutes",
        )),
        where_to_wait: both(
            "يرجى الانتظار في القاعة A. ستنادي الشاشة والصوت رقمك.",
            "Please wait in Hall A. The screen and a voice will call your number.",
        ),
        bring_title: both("جهّز ما يلي", "Have these ready"),
        bring: vec![
            both(
                "سند الملكية موقّعًا من البائع",
                "The title, signed by the seller",
            ),
            both(
                "رخصة القيادة أو بطاقة الهوية",
                "Your driver’s license or ID card",
            ),
            both(
                "فحص العادم إذا كان عمر السيارة 8 سنوات أو أكثر",
                "Smog check, if the car is 8 years old or older",
            ),
        ],
        code: Some(Code {
            data: TICKET_CODE.to_owned(),
            caption: both(
                "تابع دورك على هاتفك",
                "See your place in line on your phone",
            ),
        }),
        privacy: both(
            "لا تحتوي هذه التذكرة على بيانات شخصية. نحذف رقمك بنهاية اليوم.",
            "No personal information. We delete your number after today.",
        ),
        ..english_ticket()
    }
}

fn english_form() -> PaperForm {
    PaperForm {
        office_name: OFFICE_NAME.to_owned(),
        office_line: OFFICE_LINE.to_owned(),
        language: "en".to_owned(),
        direction: Direction::LeftToRight,
        title: Line::new("Paper form"),
        explanation: Line::new("Our computers are down. Take this form, you keep your place."),
        heading: Line::new("Your number"),
        number: "B 42".to_owned(),
        service: Line::new("Vehicle title transfer"),
        arrived: Line::new("Arrived 9:41 am, Nov 25, 2026"),
        resident_title: Line::new("You fill in"),
        resident_boxes: vec![
            Line::new("Name"),
            Line::new("Phone or email"),
            Line::new("Reason for your visit"),
            Line::new("Do you need an interpreter or other help?"),
        ],
        staff_title: Line::new("Staff fill in"),
        staff_boxes: vec![
            Line::new("Counter"),
            Line::new("Called at"),
            Line::new("Finished at"),
            Line::new("Outcome"),
        ],
        code: Code {
            data: FORM_CODE.to_owned(),
            caption: Line::new("Staff: scan to put this visit in the queue"),
        },
        privacy: Line::new("Staff enter this form and then destroy it. Give it to no one else."),
    }
}

fn spanish_form() -> PaperForm {
    PaperForm {
        language: "es".to_owned(),
        title: both("Formulario en papel", "Paper form"),
        explanation: both(
            "Nuestras computadoras no funcionan. Tome este formulario: usted conserva su lugar.",
            "Our computers are down. Take this form, you keep your place.",
        ),
        heading: both("Su número", "Your number"),
        service: both(
            "Traspaso del título de un vehículo",
            "Vehicle title transfer",
        ),
        arrived: both(
            "Llegó a las 9:41, 25 de nov. de 2026",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        resident_title: both("Llene usted", "You fill in"),
        resident_boxes: vec![
            both("Nombre", "Name"),
            both("Teléfono o correo electrónico", "Phone or email"),
            both("Motivo de su visita", "Reason for your visit"),
            both(
                "¿Necesita intérprete u otra ayuda?",
                "Do you need an interpreter or other help?",
            ),
        ],
        staff_title: both("Llena el personal", "Staff fill in"),
        staff_boxes: vec![
            both("Ventanilla", "Counter"),
            both("Llamado a las", "Called at"),
            both("Terminado a las", "Finished at"),
            both("Resultado", "Outcome"),
        ],
        code: Code {
            data: FORM_CODE.to_owned(),
            caption: both(
                "Personal: escanee para agregar a la fila",
                "Staff: scan to put this visit in the queue",
            ),
        },
        privacy: both(
            "El personal registra este formulario y luego lo destruye.",
            "Staff enter this form and then destroy it.",
        ),
        ..english_form()
    }
}

fn chinese_form() -> PaperForm {
    PaperForm {
        language: "zh-Hant".to_owned(),
        title: both("紙本表格", "Paper form"),
        explanation: both(
            "我們的電腦暫停運作。請取此表格，您的順位不變。",
            "Our computers are down. Take this form, you keep your place.",
        ),
        heading: both("您的號碼", "Your number"),
        service: both("車輛所有權轉讓", "Vehicle title transfer"),
        arrived: both(
            "2026年11月25日上午9:41到達",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        resident_title: both("由您填寫", "You fill in"),
        resident_boxes: vec![
            both("姓名", "Name"),
            both("電話或電子郵件", "Phone or email"),
            both("來訪原因", "Reason for your visit"),
            both(
                "您需要口譯員或其他協助嗎？",
                "Do you need an interpreter or other help?",
            ),
        ],
        staff_title: both("由工作人員填寫", "Staff fill in"),
        staff_boxes: vec![
            both("櫃檯", "Counter"),
            both("叫號時間", "Called at"),
            both("完成時間", "Finished at"),
            both("結果", "Outcome"),
        ],
        code: Code {
            data: FORM_CODE.to_owned(),
            caption: both(
                "工作人員：掃描以加入排隊",
                "Staff: scan to put this visit in the queue",
            ),
        },
        privacy: both(
            "工作人員登錄此表格後即銷毀。",
            "Staff enter this form and then destroy it.",
        ),
        ..english_form()
    }
}

fn arabic_form() -> PaperForm {
    PaperForm {
        language: "ar".to_owned(),
        direction: Direction::RightToLeft,
        title: both("نموذج ورقي", "Paper form"),
        explanation: both(
            "أجهزة الحاسوب لدينا متوقفة. خذ هذا النموذج، ودورك محفوظ.",
            "Our computers are down. Take this form, you keep your place.",
        ),
        heading: both("رقمك", "Your number"),
        service: both("نقل ملكية مركبة", "Vehicle title transfer"),
        arrived: both(
            "وقت الوصول 9:41 صباحًا، 25 نوفمبر 2026",
            "Arrived 9:41 am, Nov 25, 2026",
        ),
        resident_title: both("تملؤه أنت", "You fill in"),
        resident_boxes: vec![
            both("الاسم", "Name"),
            both("الهاتف أو البريد الإلكتروني", "Phone or email"),
            both("سبب الزيارة", "Reason for your visit"),
            both(
                "هل تحتاج إلى مترجم أو مساعدة أخرى؟",
                "Do you need an interpreter or other help?",
            ),
        ],
        staff_title: both("يملؤه الموظفون", "Staff fill in"),
        staff_boxes: vec![
            both("الشباك", "Counter"),
            both("وقت النداء", "Called at"),
            both("وقت الانتهاء", "Finished at"),
            both("النتيجة", "Outcome"),
        ],
        code: Code {
            data: FORM_CODE.to_owned(),
            caption: both(
                "للموظفين: امسح الرمز لإضافة الزيارة إلى الطابور",
                "Staff: scan to put this visit in the queue",
            ),
        },
        privacy: both(
            "يسجّل الموظفون هذا النموذج ثم يتلفونه.",
            "Staff enter this form and then destroy it.",
        ),
        ..english_form()
    }
}
