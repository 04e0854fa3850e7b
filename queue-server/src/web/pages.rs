//! The pages' frames. Scripts fill them with what the server pushes; without
//! the server's push a page says that the connection is lost.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use super::Web;
use super::api::Problem;
use crate::live::view::{CounterState, CounterView, OfficeView};

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    office: Office<'a>,
    counters: Vec<CounterCard<'a>>,
}

#[derive(Template)]
#[template(path = "counter.html")]
struct Counter<'a> {
    office: Office<'a>,
    id: &'a str,
    label: &'a str,
    state: StateWords,
    services: Vec<&'a str>,
}

#[derive(Template)]
#[template(path = "manager.html")]
struct Manager<'a> {
    office: Office<'a>,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound<'a> {
    office: Office<'a>,
    title: &'a str,
    explanation: &'a str,
    counters: Vec<CounterCard<'a>>,
}

/// What every page says of the office.
struct Office<'a> {
    name: &'a str,
    line: &'a str,
}

struct CounterCard<'a> {
    id: &'a str,
    label: &'a str,
    state: StateWords,
    services: Vec<&'a str>,
}

/// A counter's state: for scripts and styles, and for people.
struct StateWords {
    name: &'static str,
    label: &'static str,
}

impl<'a> Office<'a> {
    fn of(view: &'a OfficeView) -> Self {
        Self {
            name: view.info.name.in_english(),
            line: view.info.line.in_english(),
        }
    }
}

/// `GET /`: where to go.
pub(super) async fn index(State(web): State<Web>) -> Response {
    let view = newest(&web);
    let page = Index {
        office: Office::of(&view),
        counters: cards(&view),
    };
    html(StatusCode::OK, &page)
}

/// `GET /counter/{id}`: a clerk's page.
///
/// The counters are those of the view, not of the office file: one that the file
/// has lost while it was open must be finished and closed by somebody.
pub(super) async fn counter(
    State(web): State<Web>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let view = newest(&web);
    // An address that is no text (`%ff`) is that of no counter.
    let known = id.ok().and_then(|Path(id)| {
        let mut counters = view.counters.iter();
        counters.find(|counter| counter.id.as_str() == id)
    });
    let Some(counter) = known else {
        return missing(
            &view,
            "This counter is not in the office file",
            "Choose one of the counters below, or add it to the office file and start the queue server again.",
        );
    };
    let page = Counter {
        office: Office::of(&view),
        id: counter.id.as_str(),
        label: &counter.label,
        state: StateWords::of(counter.state),
        services: service_names(&view, counter),
    };
    html(StatusCode::OK, &page)
}

/// `GET /manager`: the office at a glance.
pub(super) async fn manager(State(web): State<Web>) -> Response {
    let view = newest(&web);
    let page = Manager {
        office: Office::of(&view),
    };
    html(StatusCode::OK, &page)
}

/// Any other address: a page for people, JSON for programs.
pub(super) async fn not_found(State(web): State<Web>, headers: HeaderMap, uri: Uri) -> Response {
    let is_for_people = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_for_people && !uri.path().starts_with("/api/") {
        let view = newest(&web);
        return missing(
            &view,
            "This page does not exist",
            "The address may be mistyped. These pages do exist:",
        );
    }
    let problem = Problem {
        message: format!("There is nothing at {}.", uri.path()),
        next_step: "Try /api/v1/state, /api/v1/events or /api/v1/requests; docs/protocol.md describes them.",
    };
    (StatusCode::NOT_FOUND, Json(problem)).into_response()
}

fn missing(view: &OfficeView, title: &str, explanation: &str) -> Response {
    let page = NotFound {
        office: Office::of(view),
        title,
        explanation,
        counters: cards(view),
    };
    html(StatusCode::NOT_FOUND, &page)
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn newest(web: &Web) -> Arc<OfficeView> {
    web.office.watch().borrow().clone()
}

fn cards(view: &OfficeView) -> Vec<CounterCard<'_>> {
    view.counters
        .iter()
        .map(|counter| CounterCard {
            id: counter.id.as_str(),
            label: &counter.label,
            state: StateWords::of(counter.state),
            services: service_names(view, counter),
        })
        .collect()
}

/// What stands for the services of a counter that the office file has lost.
const NOT_IN_FILE: &str = "No longer in the office file: finish and close it";

fn service_names<'a>(view: &'a OfficeView, counter: &CounterView) -> Vec<&'a str> {
    let in_file = view.info.counters.iter().any(|info| info.id == counter.id);
    if !in_file {
        return vec![NOT_IN_FILE];
    }
    view.info
        .services
        .iter()
        .filter(|service| counter.services.contains(&service.id))
        .map(|service| service.name.in_english())
        .collect()
}

impl StateWords {
    fn of(state: CounterState) -> Self {
        let (name, label) = match state {
            CounterState::Closed => ("closed", "Closed"),
            CounterState::Free => ("free", "Ready"),
            CounterState::OnBreak => ("on_break", "On a break"),
            CounterState::Called => ("called", "Called"),
            CounterState::Serving => ("serving", "Serving"),
        };
        Self { name, label }
    }
}
