//! Scripts, styles and the icon: part of the program.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Browsers ask again each time: after an update of the server no page may run
/// with the script of yesterday.
const CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $kind:expr,)*) => {
        fn find(name: &str) -> Option<(&'static str, &'static str)> {
            match name {
                $($name => Some(($kind, include_str!(concat!("../../static/", $name)))),)*
                _ => None,
            }
        }
    };
}

assets! {
    "usher.css": STYLE,
    "counter.js": SCRIPT,
    "manager.js": SCRIPT,
    "live.js": SCRIPT,
    "outbox.js": SCRIPT,
    "words.js": SCRIPT,
    "icon.svg": ICON,
}

/// `GET /static/{name}`.
pub(super) async fn asset(name: Result<Path<String>, PathRejection>) -> Response {
    // An address that is no text (`%ff`) is that of no file.
    answer(name.as_ref().map_or("", |Path(name)| name))
}

fn answer(name: &str) -> Response {
    match find(name) {
        Some((kind, text)) => ([(header::CONTENT_TYPE, kind), CACHE], text).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub(super) async fn icon() -> Response {
    answer("icon.svg")
}
