//! The pages and the interface, through their router.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;
use usher_protocol::CounterId;
use usher_protocol::message::{Answer, Outcome, Rejection, RejectionCode, RequestBody};

use super::fake_office::{FakeOffice, Script, sample_bookings, sample_view};
use super::router;
use crate::live::view::CounterState;
use crate::office::command::Sender;

struct Site {
    office: FakeOffice,
    stop: watch::Sender<bool>,
    router: axum::Router,
}

/// A site whose office answers `outcome` to everything.
fn site(outcome: Outcome) -> Site {
    site_of(Box::new(move |_, _| outcome.clone()))
}

/// A site whose office answers by `script`.
fn site_of(script: Script) -> Site {
    let office = FakeOffice::start(sample_view(), script);
    let (stop, stopping) = watch::channel(false);
    let router = router(office.handle.clone(), sample_bookings(), stopping);
    Site {
        office,
        stop,
        router,
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted {
        answer: Answer::Done,
    }
}

impl Site {
    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        text(
            self.ask(Request::get(path).body(Body::empty()).unwrap())
                .await,
        )
        .await
    }

    async fn get_page(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .body(Body::empty());
        text(self.ask(request.unwrap()).await).await
    }

    async fn post(&self, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        self.post_to("/api/v1/requests", kind, body).await
    }

    async fn post_to(&self, path: &str, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, kind)
            .body(body.into());
        let (status, text) = text(self.ask(request.unwrap()).await).await;
        (
            status,
            serde_json::from_str(&text).expect("a reply is JSON"),
        )
    }
}

async fn text(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await;
    (status, String::from_utf8(bytes.unwrap().into()).unwrap())
}

const CALL_NEXT: &str = r#"{"v":1,"id":"a-1","sent_at":"2026-11-25T18:12:00Z","body":{"type":"call_next","counter":"1"}}"#;

#[tokio::test]
async fn a_request_goes_to_the_office_as_staff_and_its_answer_comes_back() {
    let site = site(accepted());
    let (status, reply) = site
        .post("application/json; charset=utf-8", CALL_NEXT)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(reply["v"], 1);
    assert_eq!(reply["id"], "a-1");
    assert_eq!(reply["outcome"], "accepted");
    let asked = site.office.asked();
    let [(sender, request)] = asked.as_slice() else {
        panic!("asked {} times", asked.len());
    };
    assert_eq!(*sender, Sender::Clerk);
    assert!(matches!(&request.body, RequestBody::CallNext { counter } if counter.as_str() == "1"));
}

#[tokio::test]
async fn what_the_office_says_decides_the_status() {
    let rejected = Outcome::Rejected {
        rejection: Rejection {
            code: RejectionCode::NobodyWaiting,
            message: "Nobody waits.".into(),
            next_step: "Wait.".into(),
        },
    };
    let unavailable = Outcome::Unavailable {
        reason: "the disk is full".into(),
    };
    for (outcome, expected) in [
        (rejected, StatusCode::CONFLICT),
        (unavailable, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let (status, reply) = site(outcome).post("application/json", CALL_NEXT).await;
        assert_eq!(status, expected, "{reply}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason_and_goes_no_further() {
    let site = site(accepted());
    let too_long = vec![b' '; 300 * 1024];
    for (kind, body, expected) in [
        ("application/json", "{".into(), StatusCode::BAD_REQUEST),
        ("application/json", String::new(), StatusCode::BAD_REQUEST),
        (
            "application/json",
            CALL_NEXT.replace("\"v\":1", "\"v\":2"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            CALL_NEXT.replace("\"1\"}", "\"One Two\"}"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "text/plain",
            CALL_NEXT.into(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "application/json",
            String::from_utf8(too_long).unwrap(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (status, reply) = site.post(kind, body).await;
        assert_eq!(status, expected, "{reply}");
        assert_eq!(reply["outcome"], "rejected");
        assert_eq!(reply["rejection"]["code"], "unreadable");
        assert!(!reply["rejection"]["message"].as_str().unwrap().is_empty());
    }
    assert!(site.office.asked().is_empty());
}

#[tokio::test]
async fn a_page_of_another_site_cannot_send_requests() {
    let site = site(accepted());
    let request = Request::post("/api/v1/requests")
        .header(header::CONTENT_TYPE, "application/json")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(CALL_NEXT));
    let response = site.ask(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(site.office.asked().is_empty());
}

#[tokio::test]
async fn texts_of_the_office_file_cannot_become_html() {
    let site = site(accepted());
    for path in ["/", "/counter/1", "/manager"] {
        let (status, page) = site.get_page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!page.contains("<b>&"), "{path}");
        assert!(!page.contains("<Office>"), "{path}");
        assert!(page.contains("Sample &#60;Office&#62;"), "{path}: {page}");
    }
}

#[tokio::test]
async fn no_page_has_a_script_or_style_of_its_own() {
    let site = site(accepted());
    for path in ["/", "/counter/1", "/manager", "/counter/99"] {
        let response = site
            .ask(
                Request::get(path)
                    .header(header::ACCEPT, "text/html")
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let (_, page) = text(response).await;
        assert!(!page.contains("style="), "{path}");
        assert!(!page.contains("<style"), "{path}");
        for script in page.split("<script").skip(1) {
            assert!(script.contains(" src=\"/static/"), "{path}: {script}");
        }
    }
}

#[tokio::test]
async fn every_file_that_a_page_names_is_there() {
    let site = site(accepted());
    let mut named = Vec::new();
    for path in ["/", "/counter/1", "/manager"] {
        let (_, page) = site.get_page(path).await;
        named.extend(
            page.split('"')
                .filter(|part| part.starts_with("/static/"))
                .map(str::to_owned),
        );
    }
    for script in ["counter.js", "manager.js"] {
        let (_, source) = site.get(&format!("/static/{script}")).await;
        named.extend(
            source
                .split('"')
                .filter_map(|part| part.strip_prefix("./"))
                .map(|name| format!("/static/{name}")),
        );
    }
    assert!(named.len() >= 10, "{named:?}");
    for path in named {
        assert_eq!(site.get(&path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(site.get("/static/passwd").await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/static/%ff").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        site.get("/static/..%2FCargo.toml").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_unknown_counter_leads_to_those_that_exist() {
    let site = site(accepted());
    for path in ["/counter/99", "/counter/%3Cscript%3E", "/counter/%ff"] {
        let (status, page) = site.get_page(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("href=\"/counter/1\"") && page.contains("href=\"/counter/2\""));
        assert!(!page.contains("<script>"));
    }
}

#[tokio::test]
async fn a_counter_that_the_office_file_lost_can_still_be_cleared() {
    let site = site(accepted());
    site.office.show(|view| {
        let mut lost = view.counters[0].clone();
        lost.id = CounterId::new("gone").unwrap();
        lost.label = "7".to_owned();
        lost.state = CounterState::Serving;
        lost.services = Vec::new();
        view.counters.push(lost);
    });
    let (status, page) = site.get_page("/counter/gone").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Counter 7") && page.contains("data-state=\"serving\""));
    assert!(page.contains("No longer in the office file"));
    let (_, index) = site.get_page("/").await;
    assert!(index.contains("href=\"/counter/gone\""));
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_explained() {
    let site = site(accepted());
    let (status, problem) = site.get("/api/v2/state").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .contains("/api/v2/state")
    );

    let (status, page) = site.get_page("/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("This page does not exist"));

    let (status, problem) = site.get("/api/v1/requests").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert!(problem["next_step"].as_str().unwrap().contains("POST"));
}

#[tokio::test]
async fn health_follows_whether_the_server_can_store() {
    let site = site(accepted());
    assert_eq!(site.get("/healthz").await.0, StatusCode::OK);
    site.office.show(|view| {
        view.accepting = false;
        view.trouble = Some("the disk is full".to_owned());
    });
    let (status, health) = site.get("/healthz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.contains("the disk is full"));
}

#[tokio::test]
async fn state_is_pushed_at_once_and_at_each_change_until_the_server_stops() {
    let site = site(accepted());
    let request = Request::get("/api/v1/events").body(Body::empty()).unwrap();
    let response = site.ask(request).await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let mut body = response.into_body().into_data_stream();
    let mut seen = String::new();
    let mut changed = false;
    let mut told_time = false;
    while let Some(part) = body.next().await {
        seen.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
        told_time |= seen.contains("event: time\n");
        if seen.contains("\"sequence\":7") && !changed {
            changed = true;
            site.office.show(|view| view.waiting_total = 3);
        }
        if seen.contains("\"waiting_total\":3") && told_time {
            site.stop.send(true).unwrap();
        }
    }
    assert!(seen.contains("\"sequence\":8"), "{seen}");
    assert!(seen.contains("event: state\n"));
}

const TABLE: &str = "code,at,services,family_name,given_name,birth_date
K7-2,2026-11-30T09:30,titles,García,Ana,1990-01-31
K7-3,2026-11-30T09:45,cars,,,
K7-4,2026-11-30T10:00,licences,,,
";

#[tokio::test]
async fn each_appointment_of_a_file_is_asked_for_as_staff_and_mistakes_are_told_beside() {
    let site = site_of(Box::new(|_, request| match &request.body {
        RequestBody::BookAppointment { appointment } if appointment.code.as_str() == "K7-4" => {
            Outcome::Rejected {
                rejection: Rejection {
                    code: RejectionCode::WrongState,
                    message: "It is in the queue.".into(),
                    next_step: "Nothing.".into(),
                },
            }
        }
        _ => accepted(),
    }));
    let (status, report) = site
        .post_to("/api/v1/appointments", "Text/CSV; charset=utf-8", TABLE)
        .await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(report["read"], 3);
    assert_eq!(report["booked_or_known"], 1);
    assert_eq!(report["cancelled"], 0);
    let refused = &report["refused"];
    assert_eq!(refused[0]["line"], 3, "{report}");
    assert_eq!(refused[1]["code"], "K7-4", "{report}");
    assert_eq!(refused[1]["next_step"], "Nothing.");
    let asked = site.office.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|(sender, _)| *sender == Sender::Clerk));
    assert_ne!(asked[0].1.id, asked[1].1.id);
    let RequestBody::BookAppointment { appointment } = &asked[0].1.body else {
        panic!("{:?}", asked[0]);
    };
    assert!(appointment.person.is_some());
}

#[tokio::test]
async fn a_cancellation_of_what_is_not_there_is_done() {
    let unknown = Outcome::Rejected {
        rejection: Rejection {
            code: RejectionCode::UnknownAppointment,
            message: "There is none.".into(),
            next_step: "Look again.".into(),
        },
    };
    let site = site(unknown);
    let calendar =
        "BEGIN:VCALENDAR\nMETHOD:CANCEL\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n";
    let (status, report) = site
        .post_to("/api/v1/appointments", "text/calendar", calendar)
        .await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(report["cancelled"], 1, "{report}");
    assert_eq!(report["refused"], serde_json::json!([]));
}

#[tokio::test]
async fn an_import_stops_when_nothing_can_be_stored() {
    let site = site(Outcome::Unavailable {
        reason: "the disk is full".into(),
    });
    let (status, report) = site
        .post_to("/api/v1/appointments", "text/csv", TABLE)
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(report["refused"][0]["code"], "K7-2", "{report}");
    assert_eq!(site.office.asked().len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_goes_no_further() {
    let site = site(accepted());
    let too_long = "x".repeat(3 << 20);
    for (kind, body, expected) in [
        (
            "application/json",
            TABLE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("text/calendar", TABLE, StatusCode::BAD_REQUEST),
        (
            "text/csv",
            "K7-2,2026-11-30T09:30,titles",
            StatusCode::BAD_REQUEST,
        ),
        ("text/csv", too_long.as_str(), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, problem) = site
            .post_to("/api/v1/appointments", kind, body.to_owned())
            .await;
        assert_eq!(status, expected, "{problem}");
        assert!(!problem["next_step"].as_str().unwrap().is_empty());
    }
    let request = Request::post("/api/v1/appointments")
        .header(header::CONTENT_TYPE, "text/csv")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(TABLE));
    let response = site.ask(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(site.office.asked().is_empty());
}

#[tokio::test]
async fn somebody_is_hashed_for_today_and_no_answer_has_the_name() {
    let site = site(accepted());
    let path = "/api/v1/appointments/person";
    let ask = |body: &'static str| site.post_to(path, "application/json", body);
    let letter = r#"{"family_name":"García-López","given_name":"Ana","birth_date":"1990-01-31"}"#;
    let barcode = r#"{"family_name":"GARCIA LOPEZ","given_name":"A","birth_date":"1990-01-31"}"#;
    let (status, hashed) = ask(letter).await;
    assert_eq!(status, StatusCode::OK, "{hashed}");
    assert_eq!(hashed["person"].as_str().unwrap().len(), 32);
    assert_eq!(ask(barcode).await.1, hashed);
    for body in [
        r#"{"family_name":["Zamorano"],"birth_date":"1990-01-31"}"#,
        r#"{"family_name":"Zamorano","birth_date":"31.01.1990"}"#,
        r#"{"birth_date":"1990-01-31"}"#,
    ] {
        let (status, problem) = ask(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(!problem.to_string().contains("Zamorano"), "{problem}");
    }
}
