//! The kiosk: session, journal, printer, scanner, link and window, joined.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use jiff::tz::TimeZone;
use tracing::{debug, error, info, warn};
use usher_firmware_config::DeviceFile;
use usher_printer::spooler::{Job, PrintOutcome, PrinterStatus, Spooler};
use usher_protocol::form_code::SealKey;
use usher_protocol::message::{
    Answer, DeviceStatus, OfficeInfo, Outcome, PrintResult, PrintTrouble, QueuedTicket, Reply,
    RequestBody, Role,
};
use usher_protocol::{CommandId, Language, PaperForm, Series, TicketNumber};

use super::outbox::{Outbox, UNDER_WAY_MAX};
use super::{EVENTS_WAITING_MAX, LoopFault, LoopThread, fresh_command_id};
use super::{is_bundled, keep_bundled_languages, print, told};
use crate::checkin::{
    Effect, Input, PRINT_MAX, Part, Session, Stage, Surroundings, Work, fallback_office, step,
};
use crate::journal::{FormOrder, Journal, JournalError, PaperId};
use crate::link::{Link, LinkConfig, LinkEvent, Outgoing};
use crate::scan::reader::{self, ReaderConfig, ScannerEvent};
use crate::screen::{self, View};
use crate::window::{KioskPresenter, KioskScreen, WindowError};
use crate::{clock, local_time, paper};

/// How often time passes for a session.
const TICK: Duration = Duration::from_millis(200);

/// How often the forms that wait for the server are counted.
const COUNT_PAPERS_EVERY: Duration = Duration::from_secs(1);

/// Why the kiosk could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The window.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// A bug.
    #[error(transparent)]
    Fault(#[from] LoopFault),
    /// The system gave no thread.
    #[error("the system gives no more threads (check the memory and the limits of this user)")]
    Thread(#[from] std::io::Error),
}

/// Everything that can happen to a kiosk.
enum Event {
    Input(Input),
    Link(LinkEvent),
    Scanner(ScannerEvent),
    Printer(PrinterStatus),
    PrintEnded {
        paper: PaperId,
        number: TicketNumber,
        outcome: PrintOutcome,
    },
    Closed,
}

/// Runs the kiosk of `file` until its window is closed.
///
/// # Errors
/// [`KioskError`] if it cannot start, or ended by a fault.
pub fn run(file: &DeviceFile, touch_map_path: Option<&Path>) -> Result<(), KioskError> {
    let now = clock::now().wall;
    let mut journal = Journal::open(&file.storage.journal, &file.device.id, now)?;
    info!(device.id = %file.device.id, boot = journal.boot(), "the kiosk starts");
    let interrupted = journal.settle_interrupted(now)?;
    if interrupted > 0 {
        warn!(
            interrupted,
            "papers were at the printer when the kiosk stopped; nobody knows whether they came out"
        );
    }
    let (tell, events) = sync_channel(EVENTS_WAITING_MAX);
    let screen = KioskScreen::open(
        &file.panel,
        touch_map_path,
        touches_into(tell.clone()),
        fresh_command_id,
    )?;
    let kiosk = Kiosk::assemble(file, journal, screen.presenter(), &tell)?;
    let thread = LoopThread::start("kiosk", move || kiosk.run(events))?;
    let shown = screen.run(&file.panel);
    // The loop may have ended already, with its inbox.
    let _ = tell.send(Event::Closed);
    thread.join()?;
    Ok(shown?)
}

/// A touch must not wait: with a full inbox it is dropped, and the resident
/// touches again.
fn touches_into(tell: SyncSender<Event>) -> impl Fn(Input) + 'static {
    move |input| {
        if let Err(TrySendError::Full(_)) = tell.try_send(Event::Input(input)) {
            warn!("the kiosk is too busy to take a touch");
        }
    }
}

/// The loop and all that it owns.
struct Kiosk {
    /// Taken only while a step is under way.
    session: Option<Session>,
    journal: Journal,
    link: Link,
    spooler: Option<Spooler>,
    presenter: KioskPresenter,
    tell: SyncSender<Event>,
    series: Option<Series>,
    seal_key: SealKey,
    outbox: Outbox,
    printer: Option<PrinterStatus>,
    shown: Option<Arc<View>>,
    reported: Option<DeviceStatus>,
    papers_waiting: u32,
    /// When to count them next (uptime).
    count_papers_at: Duration,
}

impl Kiosk {
    fn assemble(
        file: &DeviceFile,
        journal: Journal,
        presenter: KioskPresenter,
        tell: &SyncSender<Event>,
    ) -> Result<Self, KioskError> {
        let session = Session::new(surroundings(file, &journal)?);
        if let Some(scanner) = &file.scanner {
            let config = ReaderConfig {
                port_path: scanner.port.clone(),
                baud: scanner.baud,
                quiet: scanner.quiet(),
            };
            reader::start(config, into(tell, Event::Scanner))?;
        }
        let spooler = file.printer.as_ref().map(|printer| {
            Spooler::start(print::spooler_config(printer), into(tell, Event::Printer))
        });
        let link = Link::start(link_config(file, Role::Kiosk), into(tell, Event::Link))?;
        Ok(Self {
            session: Some(session),
            journal,
            link,
            spooler,
            presenter,
            tell: tell.clone(),
            series: file.paper_forms.as_ref().map(|forms| forms.series),
            seal_key: SealKey::from_secret(file.server.secret()),
            outbox: Outbox::default(),
            printer: None,
            shown: None,
            reported: None,
            papers_waiting: 0,
            count_papers_at: Duration::ZERO,
        })
    }

    fn run(mut self, events: Receiver<Event>) {
        self.present();
        self.report();
        loop {
            let event = match events.recv_timeout(TICK) {
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Event::Input(Input::Tick),
            };
            self.take(event);
            // A steady stream of events must not stop the clock.
            self.step(Input::Tick);
            self.flush();
            self.present();
            self.report();
        }
        // Before the parts, whose threads are waited for: one of them may stand
        // before the full inbox.
        drop(events);
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.step(input),
            Event::Link(event) => self.take_link(event),
            Event::Scanner(ScannerEvent::Ready(is_ready)) => {
                self.step(Input::ScannerChanged(part(is_ready)));
            }
            Event::Scanner(ScannerEvent::Scanned(outcome)) => self.step(Input::Scan(outcome)),
            Event::Printer(status) => {
                self.printer = Some(status);
                self.step(Input::PrinterChanged(part(status.ready())));
            }
            Event::PrintEnded {
                paper,
                number,
                outcome,
            } => self.end_print(paper, number, print::result(outcome)),
            Event::Closed => {}
        }
    }

    // --- the session --------------------------------------------------------

    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let session = self
                .session
                .take()
                .expect("only a step takes it, and puts it back");
            let (session, effects) = step(session, input, clock::now());
            self.session = Some(session);
            for effect in effects {
                inputs.extend(self.perform(effect));
            }
        }
    }

    fn session(&self) -> &Session {
        self.session
            .as_ref()
            .expect("only a step takes it, and puts it back")
    }

    /// Performs an effect; what is known of its result at once comes back.
    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::SubmitCheckIn {
                id,
                choice,
                language,
            } => {
                let body = RequestBody::CheckIn {
                    service: choice.service,
                    language,
                    arrived_at: choice.arrived_at,
                    details: Box::default(),
                };
                self.send(id, self.journal.boot(), body);
                None
            }
            Effect::ReserveForm {
                choice,
                language,
                replaces,
            } => Some(self.reserve_form(&FormOrder {
                service: choice.service,
                language,
                arrived_at: choice.arrived_at,
                replaces,
            })),
            Effect::PrintTicket { ticket, language } => self.print_ticket(&ticket, &language),
            Effect::PrintForm { form, paper } => self.print_form(&form, paper),
            Effect::RecordUnprinted { visit, result } => {
                let now = clock::now().wall;
                if let Err(error) = self.journal.record_unprinted(visit, result, now) {
                    error!(
                        error = told(&error),
                        "the server will not learn that a ticket was not printed"
                    );
                }
                self.outbox.wake(clock::uptime());
                None
            }
            Effect::RecordFormUnprinted { paper, result } => {
                self.record_print(paper, result);
                None
            }
        }
    }

    fn reserve_form(&mut self, order: &FormOrder) -> Input {
        let Some(series) = self.series else {
            warn!(
                "the server is away and this kiosk has no numbers of its own; set [paper_forms] series in the device file"
            );
            return Input::ReserveFailed;
        };
        match self.journal.reserve_form(series, order) {
            Ok((form, paper)) => {
                info!(ticket.number = %form.number, "a paper form is given out");
                self.outbox.wake(clock::uptime());
                Input::FormReserved { form, paper }
            }
            Err(error) => {
                error!(error = told(&error), "no paper form can be given out");
                Input::ReserveFailed
            }
        }
    }

    fn print_ticket(&mut self, ticket: &QueuedTicket, language: &Language) -> Option<Input> {
        let number = ticket.number;
        match self.journal.record_ticket(ticket, clock::now().wall) {
            Ok(paper) => {
                let document = paper::ticket(ticket, language, &self.session().surroundings.office);
                self.print(paper, number, document)
            }
            Err(error) => {
                // Nothing is printed that is not in the journal.
                error!(error = told(&error), ticket.number = %number, "a ticket is not printed");
                Some(not_printed(number, PrintTrouble::OtherFault))
            }
        }
    }

    fn print_form(&mut self, form: &PaperForm, paper: PaperId) -> Option<Input> {
        let document = paper::form(form, &self.session().surroundings.office, &self.seal_key);
        self.print(paper, form.number, document)
    }

    fn print(
        &mut self,
        paper: PaperId,
        number: TicketNumber,
        document: usher_printer::document::PaperDocument,
    ) -> Option<Input> {
        let tell = self.tell.clone();
        let job = Job {
            id: number.to_string(),
            document,
            // After that the number is on the screen, and the next in line may
            // stand here.
            give_up_after: PRINT_MAX,
        };
        let is_taken = self.spooler.as_ref().is_some_and(|spooler| {
            let done = move |outcome| {
                // Without the loop the program is about to end; the journal knows
                // that this paper's end is unknown.
                let _ = tell.send(Event::PrintEnded {
                    paper,
                    number,
                    outcome,
                });
            };
            spooler.print(job, done).is_ok()
        });
        if is_taken {
            return None;
        }
        warn!(ticket.number = %number, "the printer takes no more");
        let result = PrintResult::NotPrinted {
            trouble: PrintTrouble::OtherFault,
        };
        self.record_print(paper, result);
        Some(Input::PrintEnded { number, result })
    }

    fn end_print(&mut self, paper: PaperId, number: TicketNumber, result: PrintResult) {
        self.record_print(paper, result);
        self.step(Input::PrintEnded { number, result });
    }

    fn record_print(&mut self, paper: PaperId, result: PrintResult) {
        if let Err(error) = self
            .journal
            .record_outcome(paper, result, clock::now().wall)
        {
            error!(
                error = told(&error),
                "the end of a print could not be written down"
            );
        }
        self.outbox.wake(clock::uptime());
    }

    // --- the server ---------------------------------------------------------

    fn take_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Online(online) => {
                if online {
                    self.outbox.forget_sent(clock::uptime());
                }
                self.step(Input::LinkChanged { online });
            }
            LinkEvent::Reply(reply) => self.take_reply(reply),
            LinkEvent::Office(mut office) => {
                keep_bundled_languages(&mut office);
                tell_what_is_unusable(&office);
                if let Err(error) = self.journal.remember_office(&office) {
                    warn!(
                        error = told(&error),
                        "the office's texts will not be known after a start without the server"
                    );
                }
                self.try_refused_again();
                self.step(Input::OfficeChanged(Arc::new(office)));
            }
            LinkEvent::Waits(waits) => self.step(Input::WaitsChanged(Arc::new(waits))),
            LinkEvent::Calls(_) => {}
        }
    }

    /// The office file may have been mended since the server refused.
    fn try_refused_again(&mut self) {
        match self.journal.retry_refused(clock::now().wall) {
            Ok(0) => {}
            Ok(count) => {
                info!(count, "what the server refused is sent once more");
                self.outbox.wake(clock::uptime());
            }
            Err(error) => error!(
                error = told(&error),
                "what the server refused cannot be sent once more"
            ),
        }
    }

    fn take_reply(&mut self, reply: Reply) {
        let Some(id) = reply.id else {
            warn!("the server could not read a request of this kiosk; is it of another version?");
            return;
        };
        if self.waits_for_check_in(&id) {
            return self.step(Input::CheckInAnswered {
                id,
                outcome: reply.outcome,
            });
        }
        let settled = match &reply.outcome {
            Outcome::Accepted {
                answer: Answer::Queued { ticket },
            } => self
                .journal
                .settle_form(&id, ticket.visit, clock::now().wall),
            Outcome::Accepted { .. } => self.journal.settle(&id),
            Outcome::Rejected { rejection } => {
                let refused = self.journal.refuse(&id, rejection, clock::now().wall);
                if matches!(refused, Ok(true)) {
                    error!(
                        command.id = %id, reason = rejection.message, next_step = rejection.next_step,
                        "the server refuses a message; it stays in the journal"
                    );
                }
                refused
            }
            // It is sent again.
            Outcome::Unavailable { .. } => Ok(true),
        };
        match settled {
            Ok(true) => self.outbox.wake(clock::uptime()),
            Ok(false) => debug!(command.id = %id, "an answer that came too late or twice"),
            Err(error) => error!(
                error = told(&error),
                "an answer of the server could not be written down"
            ),
        }
    }

    fn waits_for_check_in(&self, id: &CommandId) -> bool {
        matches!(
            &self.session().stage,
            Stage::Working(Work::Asking { command, .. }) if command == id
        )
    }

    /// Sends what the server has not answered, if it is due.
    fn flush(&mut self) {
        let now = clock::uptime();
        if !self.session().surroundings.online || !self.outbox.is_due(now) {
            return;
        }
        match self.journal.unanswered(UNDER_WAY_MAX, clock::now().wall) {
            Ok(unanswered) => {
                for message in self.outbox.due(unanswered, |message| &message.id, now) {
                    self.send(message.id, message.boot, message.body);
                }
            }
            Err(error) => {
                error!(
                    error = told(&error),
                    "what the server has not answered cannot be sent"
                );
                self.outbox.put_off(now);
            }
        }
    }

    fn send(&self, id: CommandId, boot: u64, body: RequestBody) {
        if let Err(error) = self.link.send(Outgoing { id, boot, body }) {
            debug!(%error, "a request was not sent");
        }
    }

    // --- what is shown and told ---------------------------------------------

    fn present(&mut self) {
        let view = screen::view(self.session(), clock::now());
        if self.shown.as_deref() == Some(&view) {
            return;
        }
        let view = Arc::new(view);
        let old = self.shown.replace(Arc::clone(&view));
        self.presenter.show(old, view);
    }

    /// Counts the forms that the server has yet to take in, now and then.
    fn count_papers(&mut self) {
        let now = clock::now();
        if now.uptime < self.count_papers_at {
            return;
        }
        self.count_papers_at = now.uptime + COUNT_PAPERS_EVERY;
        match self.journal.papers_waiting(now.wall) {
            Ok(count) => self.papers_waiting = count,
            Err(error) => error!(error = told(&error), "the paper forms cannot be counted"),
        }
    }

    fn report(&mut self) {
        if self.spooler.is_some() && self.printer.is_none() {
            // The spooler has not looked at the printer yet.
            return;
        }
        let now = clock::now().wall;
        self.count_papers();
        let status = DeviceStatus {
            as_of: now,
            printer_ready: self.printer.map(|printer| printer.ready()),
            printer: self.printer.map(|printer| printer.to_string()),
            scanner_ready: match self.session().surroundings.scanner {
                Part::Absent => None,
                part => Some(part == Part::Ready),
            },
            papers_waiting: self.papers_waiting,
        };
        let is_news = self.reported.as_ref().is_none_or(|reported| {
            let same_time = DeviceStatus {
                as_of: reported.as_of,
                ..status.clone()
            };
            same_time != *reported
        });
        if !is_news {
            return;
        }
        info!(
            printer = status.printer.as_deref().unwrap_or("none"),
            scanner_ready = ?status.scanner_ready,
            papers_waiting = status.papers_waiting,
            "the kiosk's parts"
        );
        if self.link.report(status.clone()).is_ok() {
            self.reported = Some(status);
        }
    }
}

fn surroundings(file: &DeviceFile, journal: &Journal) -> Result<Surroundings, JournalError> {
    let (order, unknown): (Vec<Language>, Vec<Language>) = file
        .languages
        .order
        .iter()
        .cloned()
        .partition(|language| is_bundled(language.as_str()));
    for language in unknown {
        warn!(%language, "the device file offers a language that this program has no words for");
    }
    let office: OfficeInfo = if let Some(office) = journal.office()? {
        office
    } else {
        info!(
            "this kiosk has never met its server; until then it gives out paper forms for one service"
        );
        let zone = TimeZone::system();
        let zone = zone.iana_name().unwrap_or("UTC");
        fallback_office(file.device.office.clone(), &order, zone)
    };
    let expected = |is_there: bool| {
        if is_there {
            Part::Troubled
        } else {
            Part::Absent
        }
    };
    Ok(Surroundings::new(
        Arc::new(office),
        order,
        expected(file.printer.is_some()),
        expected(file.scanner.is_some()),
    ))
}

/// What stands in the office file and cannot be used here, for whoever wrote it.
fn tell_what_is_unusable(office: &OfficeInfo) {
    if let Err(error) = local_time::check_zone(&office.time_zone) {
        warn!(
            time_zone = office.time_zone, %error,
            "this device does not know the office's time zone; times are shown in UTC \
             (correct time_zone in the office file, or install tzdata)"
        );
    }
    if office
        .phone_url
        .as_ref()
        .is_some_and(|url| !paper::fits_a_code(url))
    {
        warn!(
            "the office's phone_url is too long for a ticket's code; tickets are printed without it"
        );
    }
}

/// The link of the device in `file`.
pub(super) fn link_config(file: &DeviceFile, role: Role) -> LinkConfig {
    LinkConfig {
        office: file.device.office.clone(),
        device: file.device.id.clone(),
        role,
        host: file.server.broker.host.clone(),
        port: file.server.broker.port,
        secret: file.server.secret().to_owned(),
    }
}

/// A callback that puts what it is given into the loop's inbox, and waits there
/// for room. The loop never waits for a caller, so nobody waits for ever.
fn into<T: 'static>(
    tell: &SyncSender<Event>,
    event: impl Fn(T) -> Event + Send + 'static,
) -> impl FnMut(T) + Send + 'static {
    let tell = tell.clone();
    move |what| {
        // Without the loop the program is about to end.
        let _ = tell.send(event(what));
    }
}

fn part(is_ready: bool) -> Part {
    if is_ready {
        Part::Ready
    } else {
        Part::Troubled
    }
}

fn not_printed(number: TicketNumber, trouble: PrintTrouble) -> Input {
    Input::PrintEnded {
        number,
        result: PrintResult::NotPrinted { trouble },
    }
}
