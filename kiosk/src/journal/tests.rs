use super::*;
use proptest::prelude::*;
use std::collections::HashSet;
use usher_protocol::message::Rejection;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-25T12:00:00Z")
}

fn kiosk() -> DeviceId {
    DeviceId::new("kiosk-1").unwrap()
}

fn series() -> Series {
    Series::new("X").unwrap()
}

fn open(path: &Path) -> Journal {
    Journal::open(path, &kiosk(), noon()).unwrap()
}

fn order(arrived_at: Timestamp) -> FormOrder {
    FormOrder {
        service: ServiceId::new("titles").unwrap(),
        language: Language::new("es").unwrap(),
        arrived_at,
        replaces: Some(CommandId::new("check-in-1").unwrap()),
    }
}

fn ticket(visit: u64) -> QueuedTicket {
    QueuedTicket {
        visit: VisitId(visit),
        number: "B42".parse().unwrap(),
        service: ServiceId::new("titles").unwrap(),
        arrived_at: noon(),
        ahead: 3,
        wait: None,
        chance_before_closing: None,
    }
}

const PAPER_OUT: PrintResult = PrintResult::NotPrinted {
    trouble: PrintTrouble::PaperOut,
};

/// A journal in a folder of its own, closed and opened again as often as wanted.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("journal.db")
    }

    fn open(&self) -> Journal {
        open(&self.path())
    }
}

#[test]
fn each_start_is_counted_before_anything_else() {
    let disk = Disk::new();
    for boot in 1..4 {
        assert_eq!(disk.open().boot(), boot);
    }
}

#[test]
fn numbers_go_on_over_starts() {
    let disk = Disk::new();
    let number = |journal: &mut Journal| {
        let (form, _) = journal.reserve_form(series(), &order(noon())).unwrap();
        form.number.number()
    };
    let first = number(&mut disk.open());
    assert!((101..=899).contains(&first), "{first}");
    let mut journal = disk.open();
    assert_eq!(number(&mut journal), first + 1);
    assert_eq!(number(&mut journal), first + 2);
}

/// A journal that was lost and begun anew on the same day must not give the
/// morning's numbers again.
#[test]
fn new_journals_begin_apart() {
    let first = || {
        let (form, _) = Disk::new()
            .open()
            .reserve_form(series(), &order(noon()))
            .unwrap();
        form.number.number()
    };
    let firsts: HashSet<u16> = (0..8).map(|_| first()).collect();
    assert!(firsts.len() > 1, "{firsts:?}");
}

#[test]
fn numbers_come_round_and_pass_over_those_of_the_last_day() {
    let disk = Disk::new();
    let journal = disk.open();
    let take = |now| numbers::take_next(&journal.connection, series(), 101, now).unwrap();
    journal.connection.execute_batch("BEGIN").unwrap();
    for expected in (101..=9999).chain(1..=100) {
        assert_eq!(take(noon()).unwrap().number(), expected);
    }
    assert_eq!(take(at("2026-11-26T11:59:59Z")), None);
    assert_eq!(
        take(at("2026-11-25T09:00:00Z")),
        None,
        "the clock was set back"
    );
    assert_eq!(take(at("2026-11-26T12:00:00Z")).unwrap().number(), 101);
}

#[test]
fn a_form_is_in_the_outbox_until_the_server_answers() {
    let disk = Disk::new();
    let (form, _) = disk.open().reserve_form(series(), &order(noon())).unwrap();
    let mut journal = disk.open();
    let unanswered = journal.unanswered(10, noon()).unwrap();
    assert_eq!(
        unanswered,
        [Unanswered {
            id: form.command_id(),
            boot: 1,
            body: RequestBody::AdmitPaperForm {
                form: form.clone(),
                replaces: order(noon()).replaces,
            },
        }]
    );
    assert_eq!(journal.papers_waiting(noon()).unwrap(), 1);
    assert!(journal.settle(&form.command_id()).unwrap());
    assert!(!journal.settle(&form.command_id()).unwrap());
    drop(journal);
    let mut journal = disk.open();
    assert_eq!(journal.unanswered(10, noon()).unwrap(), []);
    assert_eq!(journal.papers_waiting(noon()).unwrap(), 0);
}

#[test]
fn what_the_server_refuses_is_kept_with_the_reason_and_not_sent_again() {
    let disk = Disk::new();
    let mut journal = disk.open();
    let (form, _) = journal.reserve_form(series(), &order(noon())).unwrap();
    let rejection = Rejection {
        code: usher_protocol::message::RejectionCode::UnknownService,
        message: "No such service.".into(),
        next_step: "Ask a clerk.".into(),
    };
    assert!(
        journal
            .refuse(&form.command_id(), &rejection, noon())
            .unwrap()
    );
    assert!(!journal.settle(&form.command_id()).unwrap());
    assert_eq!(journal.unanswered(10, noon()).unwrap(), []);
    assert_eq!(journal.papers_waiting(noon()).unwrap(), 1);
    assert_eq!(
        journal.papers_waiting(at("2026-11-27T12:00:00Z")).unwrap(),
        0
    );
    let kept: String = journal
        .connection
        .query_row("SELECT refusal FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, "No such service. Ask a clerk.");
}

#[test]
fn what_was_refused_within_a_day_is_tried_once_more() {
    let disk = Disk::new();
    let mut journal = disk.open();
    let rejection = Rejection {
        code: usher_protocol::message::RejectionCode::NotAllowed,
        message: "Another series.".into(),
        next_step: "Mend the office file.".into(),
    };
    let (form, _) = journal.reserve_form(series(), &order(noon())).unwrap();
    let id = form.command_id();
    journal.refuse(&id, &rejection, noon()).unwrap();
    assert_eq!(
        journal.retry_refused(at("2026-11-26T12:00:00Z")).unwrap(),
        0,
        "whoever held it went home"
    );
    assert_eq!(
        journal.retry_refused(at("2026-11-26T11:59:59Z")).unwrap(),
        1
    );
    assert_eq!(journal.unanswered(10, noon()).unwrap().len(), 1);

    journal.refuse(&id, &rejection, noon()).unwrap();
    drop(journal);
    let mut journal = disk.open();
    assert_eq!(
        journal.unanswered(10, noon()).unwrap().len(),
        1,
        "after a start"
    );

    journal.refuse(&id, &rejection, noon()).unwrap();
    drop(journal);
    let later = at("2027-02-23T12:00:01Z");
    let journal = Journal::open(&disk.path(), &kiosk(), later).unwrap();
    let kept: i64 = journal
        .connection
        .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 0, "not for ever");
}

#[test]
fn a_message_that_cannot_be_read_holds_up_no_other() {
    let disk = Disk::new();
    let mut journal = disk.open();
    let forms: Vec<CommandId> = (0..4)
        .map(|_| journal.reserve_form(series(), &order(noon())).unwrap())
        .map(|(form, _)| form.command_id())
        .collect();
    for (id, damage) in forms.iter().zip(["'{'", "CAST(x'fffe' AS TEXT)"]) {
        let sql = format!("UPDATE outbox SET body = {damage} WHERE id = ?1");
        journal.connection.execute(&sql, [id.as_str()]).unwrap();
    }
    let sent: Vec<CommandId> = journal
        .unanswered(2, noon())
        .unwrap()
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(sent, forms[2..]);
    assert_eq!(journal.papers_waiting(noon()).unwrap(), 4, "staff see them");
    assert_eq!(journal.retry_refused(noon()).unwrap(), 0);
}

#[test]
fn a_print_is_told_once() {
    let disk = Disk::new();
    let mut journal = disk.open();
    let paper = journal.record_ticket(&ticket(7), noon()).unwrap();
    journal.record_outcome(paper, PAPER_OUT, noon()).unwrap();
    journal
        .record_outcome(paper, PrintResult::Printed, noon())
        .unwrap();
    let unanswered = journal.unanswered(10, noon()).unwrap();
    assert_eq!(unanswered.len(), 1);
    assert_eq!(
        unanswered[0].body,
        RequestBody::RecordPrint {
            visit: VisitId(7),
            result: PAPER_OUT
        }
    );
}

#[test]
fn a_forms_print_is_told_when_the_server_knows_the_form() {
    let record = |visit, result| RequestBody::RecordPrint {
        visit: VisitId(visit),
        result,
    };
    let bodies = |journal: &mut Journal| -> Vec<RequestBody> {
        let unanswered = journal.unanswered(10, noon()).unwrap();
        unanswered.into_iter().map(|message| message.body).collect()
    };
    let disk = Disk::new();
    let mut journal = disk.open();
    let (form, paper) = journal.reserve_form(series(), &order(noon())).unwrap();
    journal.record_outcome(paper, PAPER_OUT, noon()).unwrap();
    assert_eq!(
        bodies(&mut journal).len(),
        1,
        "the server knows no visit yet"
    );
    let id = form.command_id();
    assert!(journal.settle_form(&id, VisitId(9), noon()).unwrap());
    assert!(!journal.settle_form(&id, VisitId(9), noon()).unwrap());
    assert_eq!(bodies(&mut journal), [record(9, PAPER_OUT)]);

    let (form, paper) = journal.reserve_form(series(), &order(noon())).unwrap();
    let id = form.command_id();
    assert!(journal.settle_form(&id, VisitId(10), noon()).unwrap());
    journal
        .record_outcome(paper, PrintResult::Printed, noon())
        .unwrap();
    let told = [record(9, PAPER_OUT), record(10, PrintResult::Printed)];
    assert_eq!(bodies(&mut journal), told);
}

#[test]
fn prints_that_a_stop_cut_short_are_unknown() {
    let disk = Disk::new();
    {
        let mut journal = disk.open();
        journal.record_ticket(&ticket(7), noon()).unwrap();
        let done = journal.record_ticket(&ticket(8), noon()).unwrap();
        journal
            .record_outcome(done, PrintResult::Printed, noon())
            .unwrap();
        journal.reserve_form(series(), &order(noon())).unwrap();
    }
    let mut journal = disk.open();
    assert_eq!(journal.settle_interrupted(noon()).unwrap(), 2);
    assert_eq!(journal.settle_interrupted(noon()).unwrap(), 0);
    let told: Vec<RequestBody> = journal
        .unanswered(10, noon())
        .unwrap()
        .into_iter()
        .map(|message| message.body)
        .collect();
    assert!(told.contains(&RequestBody::RecordPrint {
        visit: VisitId(7),
        result: PrintResult::Unknown {
            trouble: PrintTrouble::NoAnswer
        },
    }));
    assert_eq!(told.len(), 3);
}

#[test]
fn a_file_that_is_no_journal_is_told_and_left_alone() {
    let disk = Disk::new();
    let noise = "this is no database, but somebody's notes\n".repeat(100);
    std::fs::write(disk.path(), &noise).unwrap();
    let error = Journal::open(&disk.path(), &kiosk(), noon()).unwrap_err();
    assert!(
        matches!(error, JournalError::NotADatabase { .. }),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(disk.path()).unwrap(), noise);

    let other = Disk::new();
    Connection::open(other.path())
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    let error = Journal::open(&other.path(), &kiosk(), noon()).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");

    let error = Journal::open(disk.0.path(), &kiosk(), noon()).unwrap_err();
    assert!(error.to_string().contains("is a folder"), "{error}");

    let nowhere = disk.0.path().join("missing/journal.db");
    let error = Journal::open(&nowhere, &kiosk(), noon()).unwrap_err();
    assert!(error.to_string().contains("make its folder"), "{error}");
}

#[test]
fn one_kiosk_has_it_at_a_time() {
    let disk = Disk::new();
    let _first = disk.open();
    let error = Journal::open(&disk.path(), &kiosk(), noon()).unwrap_err();
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
}

#[test]
fn another_devices_journal_is_refused() {
    let disk = Disk::new();
    drop(disk.open());
    let other = DeviceId::new("kiosk-2").unwrap();
    let error = Journal::open(&disk.path(), &other, noon()).unwrap_err();
    assert!(error.to_string().contains("the device kiosk-1"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the clock does and whenever it is stopped, no number is given
    /// away twice and every form stays in the outbox.
    #[test]
    fn no_number_twice(steps in proptest::collection::vec((any::<bool>(), -90_i64..90), 1..40)) {
        let disk = Disk::new();
        let mut journal = disk.open();
        let mut given = HashSet::new();
        let mut now = noon();
        for (restart, minutes) in steps {
            if restart {
                drop(journal);
                journal = disk.open();
            }
            now = Timestamp::from_millisecond(now.as_millisecond() + minutes * 60_000).unwrap();
            let (form, _) = journal.reserve_form(series(), &order(now)).unwrap();
            prop_assert!(given.insert(form.number), "{} twice", form.number);
        }
        prop_assert_eq!(journal.unanswered(1000, noon()).unwrap().len(), given.len());
    }
}
