//! What the server has to publish, and when: pure.
//!
//! [`Publications`] remembers what the broker was last given and compares it
//! with the newest view. Calls go out at once, for a resident is looking at the
//! hall display. Waits change with every check-in and are gathered. The
//! heartbeat goes out however little happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use usher_protocol::message::{
    Call, HEARTBEAT_EVERY_MS, Heartbeat, OfficeInfo, ServiceWait, encode,
};
use usher_protocol::topic::Topics;

use crate::live::view::OfficeView;

/// How long changed waits are gathered before they go out.
const WAITS_GATHERED: Duration = Duration::from_millis(500);
/// How old the published waits may become while nothing changes.
const WAITS_AGE_MAX: Duration = Duration::from_secs(30);
/// Time between two heartbeats.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(HEARTBEAT_EVERY_MS);

/// One of the things that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Office,
    Waits,
    Calls,
    Heartbeat,
}

/// A message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publication {
    pub(super) subject: Subject,
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

impl Publication {
    /// Everything but the heartbeat is kept by the broker for those who come later.
    pub(super) fn is_retained(&self) -> bool {
        self.subject != Subject::Heartbeat
    }
}

/// What the broker has been given on this connection.
#[derive(Debug)]
pub(super) struct Publications {
    topics: Topics,
    office: Option<Arc<OfficeInfo>>,
    waits: Option<(Vec<ServiceWait>, Instant)>,
    calls: Option<Vec<Call>>,
    heartbeat: Option<Instant>,
}

impl Publications {
    pub(super) fn new(topics: Topics) -> Self {
        Self {
            topics,
            office: None,
            waits: None,
            calls: None,
            heartbeat: None,
        }
    }

    /// A new connection: the broker may know nothing, so all goes out again.
    pub(super) fn connected(&mut self) {
        *self = Self::new(self.topics.clone());
    }

    /// `subject` found no room: it goes out again at the next step, but for the
    /// heartbeat, which would be stale.
    pub(super) fn refused(&mut self, subject: Subject) {
        match subject {
            Subject::Office => self.office = None,
            Subject::Waits => self.waits = None,
            Subject::Calls => self.calls = None,
            Subject::Heartbeat => {}
        }
    }

    /// What is to be published now, in this order.
    pub(super) fn due(
        &mut self,
        view: &OfficeView,
        now: Instant,
        clock: Timestamp,
    ) -> Vec<Publication> {
        let mut due = Vec::new();
        if self.office.as_ref() != Some(&view.info) {
            self.office = Some(Arc::clone(&view.info));
            due.push(publication(
                Subject::Office,
                self.topics.office(),
                view.info.as_ref(),
            ));
        }
        if self.calls.as_ref() != Some(&view.calls.calls) {
            self.calls = Some(view.calls.calls.clone());
            due.push(publication(
                Subject::Calls,
                self.topics.calls(),
                &view.calls,
            ));
        }
        if self.waits_are_due(view, now) {
            self.waits = Some((view.waits.services.clone(), now));
            due.push(publication(
                Subject::Waits,
                self.topics.waits(),
                &view.waits,
            ));
        }
        if self
            .heartbeat
            .is_none_or(|last| now.duration_since(last) >= HEARTBEAT_EVERY)
        {
            self.heartbeat = Some(now);
            due.push(self.heartbeat(view.accepting, view.sequence, clock));
        }
        due
    }

    /// The last word before a clean stop: work on paper from now on.
    pub(super) fn farewell(&self, view: &OfficeView, clock: Timestamp) -> Publication {
        self.heartbeat(false, view.sequence, clock)
    }

    fn heartbeat(&self, accepting: bool, sequence: u64, clock: Timestamp) -> Publication {
        let heartbeat = Heartbeat {
            server_time: clock,
            accepting,
            sequence,
        };
        publication(Subject::Heartbeat, self.topics.heartbeat(), &heartbeat)
    }

    /// When something may be due though the view has not changed.
    pub(super) fn next_at(&self, now: Instant) -> Instant {
        self.heartbeat.map_or(now, |last| last + HEARTBEAT_EVERY)
    }

    fn waits_are_due(&self, view: &OfficeView, now: Instant) -> bool {
        let Some((published, at)) = &self.waits else {
            return true;
        };
        let age = now.duration_since(*at);
        age >= WAITS_AGE_MAX || (age >= WAITS_GATHERED && *published != view.waits.services)
    }
}

fn publication<T: serde::Serialize>(subject: Subject, topic: String, message: &T) -> Publication {
    Publication {
        subject,
        topic,
        payload: encode(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fake_office::{now as clock, office_id, sample_call, sample_view};

    struct Broker {
        publications: Publications,
        start: Instant,
    }

    impl Broker {
        fn new() -> Self {
            Self {
                publications: Publications::new(Topics::new(&office_id())),
                start: Instant::now(),
            }
        }

        fn subjects(&mut self, view: &OfficeView, ms: u64) -> Vec<Subject> {
            let now = self.start + Duration::from_millis(ms);
            self.publications
                .due(view, now, clock())
                .into_iter()
                .map(|publication| publication.subject)
                .collect()
        }
    }

    fn waiting(count: u32) -> OfficeView {
        let mut view = sample_view();
        view.waits.services[0].waiting = count;
        view
    }

    #[test]
    fn a_new_connection_gets_everything_and_the_heartbeat_last() {
        let all = [
            Subject::Office,
            Subject::Calls,
            Subject::Waits,
            Subject::Heartbeat,
        ];
        let mut broker = Broker::new();
        assert_eq!(broker.subjects(&sample_view(), 0), all);
        assert_eq!(broker.subjects(&sample_view(), 1), []);
        broker.publications.connected();
        assert_eq!(broker.subjects(&sample_view(), 2), all);
    }

    #[test]
    fn a_call_goes_out_at_once_and_once() {
        let mut broker = Broker::new();
        broker.subjects(&sample_view(), 0);
        let mut called = sample_view();
        called.calls.calls = vec![sample_call(1)];
        assert_eq!(broker.subjects(&called, 1), [Subject::Calls]);
        called.calls.as_of = "2026-11-25T19:00:00Z".parse().unwrap();
        assert_eq!(broker.subjects(&called, 2), []);
    }

    #[test]
    fn waits_are_gathered_but_never_old() {
        let mut broker = Broker::new();
        broker.subjects(&waiting(0), 0);
        assert_eq!(broker.subjects(&waiting(1), 100), []);
        assert_eq!(
            broker.subjects(&waiting(2), 500),
            [Subject::Waits, Subject::Heartbeat]
        );
        assert_eq!(broker.subjects(&waiting(2), 999), []);
        let half_a_minute = 500 + u64::try_from(WAITS_AGE_MAX.as_millis()).unwrap();
        assert!(
            broker
                .subjects(&waiting(2), half_a_minute)
                .contains(&Subject::Waits)
        );
    }

    #[test]
    fn the_heart_beats_however_little_happens() {
        let mut broker = Broker::new();
        broker.subjects(&sample_view(), 0);
        let mut beats = 0;
        for ms in (1..=5_000).step_by(10) {
            beats += broker.subjects(&sample_view(), ms).len();
        }
        assert!((9..=10).contains(&beats), "{beats}");
    }

    #[test]
    fn what_found_no_room_goes_out_again() {
        let mut broker = Broker::new();
        broker.subjects(&sample_view(), 0);
        broker.publications.refused(Subject::Calls);
        assert_eq!(broker.subjects(&sample_view(), 1), [Subject::Calls]);
        // A heartbeat that found no room is stale by the time there is some.
        broker.publications.refused(Subject::Heartbeat);
        assert_eq!(broker.subjects(&sample_view(), 2), []);
    }

    #[test]
    fn the_farewell_sends_devices_to_paper() {
        let broker = Broker::new();
        let farewell = broker.publications.farewell(&sample_view(), clock());
        let heartbeat: Heartbeat = usher_protocol::message::decode(&farewell.payload).unwrap();
        assert!(!heartbeat.accepting);
        assert!(!farewell.is_retained());
    }
}
