//! State, pushed to open pages.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_stream::wrappers::{IntervalStream, WatchStream};

use super::Web;
use super::api::Problem;
use crate::live::handle::OfficeHandle;
use crate::live::view::OfficeView;

/// Shortest time between two pushes. One change is pushed at once; of many in a
/// row, only what they lead to.
const PUSH_EVERY: Duration = Duration::from_millis(50);

/// How often a page is told the time. It shows that the server is there, so it
/// is well below the silence (`SILENCE_MS` in `static/live.js`) after which a
/// page says that the connection is lost.
const TIME_EVERY: Duration = Duration::from_secs(2);

/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_millis(800);

/// Writes each view as JSON once, however many pages are open.
#[derive(Clone)]
pub(super) struct Push {
    newest: watch::Sender<Arc<str>>,
}

impl Push {
    /// Follows `office` until it is gone.
    pub(super) fn start(office: &OfficeHandle) -> Self {
        let mut views = office.watch();
        let (newest, _) = watch::channel(Arc::from(""));
        let push = Self {
            newest: newest.clone(),
        };
        tokio::spawn(async move {
            while views.changed().await.is_ok() {
                if newest.receiver_count() > 0 {
                    let view = views.borrow_and_update().clone();
                    newest.send_replace(json_of(&view));
                }
                sleep(PUSH_EVERY).await;
            }
        });
        push
    }
}

fn json_of(view: &OfficeView) -> Arc<str> {
    serde_json::to_string(view)
        .expect("a view has string keys and finite numbers only")
        .into()
}

/// `GET /api/v1/events`: `state` with the view, at once and at every change;
/// `time` with the server's clock every two seconds.
pub(super) async fn events(State(web): State<Web>) -> Response {
    let Ok(place) = web.live_pages.clone().try_acquire_owned() else {
        let problem = Problem {
            message: "Too many pages are open on this server.".to_owned(),
            next_step: "Close those that nobody looks at.",
        };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(problem)).into_response();
    };
    // Subscribed before the first view is read: no change falls in between.
    let changes = WatchStream::from_changes(web.push.newest.subscribe());
    let first = json_of(&web.office.watch().borrow().clone());
    let states = stream::once(async move { first })
        .chain(changes)
        .map(|json| Event::default().event("state").retry(RETRY).data(json));

    let office = web.office.clone();
    let times = IntervalStream::new(every(TIME_EVERY)).map(move |_| time(&office));

    let mut stopping = web.stopping.clone();
    let stop = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let all = stream::select(states, times)
        .map(Ok::<Event, Infallible>)
        .take_until(stop)
        // The place is free again when the page is closed.
        .inspect(move |_| {
            let _ = &place;
        });
    Sse::new(all).into_response()
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn time(office: &OfficeHandle) -> Event {
    #[derive(Serialize)]
    struct Time {
        server_time: jiff::Timestamp,
    }
    let time = Time {
        server_time: office.now(),
    };
    let json = serde_json::to_string(&time).expect("a time is text");
    Event::default().event("time").data(json)
}
