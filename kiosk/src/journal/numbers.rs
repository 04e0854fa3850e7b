//! Numbers of the kiosk's own series, which nobody else gives away.
//!
//! They begin at a random number from 101 to 899, go on over midnight and over
//! starts, and come round to 1 after 9999. (Three digits tell a form's number at
//! a glance from the first tickets of a day; chance keeps a journal that was lost
//! and begun anew from giving today's numbers a second time.) A number that was given away within the last day is
//! passed over.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use usher_protocol::ticket::NUMBER_MAX;
use usher_protocol::{Series, TicketNumber};

use super::DAY_MS;

const FIRST_LEAST: u16 = 101;
const FIRST_MOST: u16 = 899;

/// Where a series begins.
pub(super) fn random_first() -> u16 {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).expect("Linux gives random bytes from early boot on");
    let span = u32::from(FIRST_MOST - FIRST_LEAST) + 1;
    let offset = u32::from_le_bytes(bytes) % span;
    FIRST_LEAST + u16::try_from(offset).expect("the span fits")
}

/// Takes the next number within the caller's transaction, `begin` if it is the
/// first; `None` if all were given away within a day.
pub(super) fn take_next(
    connection: &Connection,
    series: Series,
    begin: u16,
    now: Timestamp,
) -> rusqlite::Result<Option<TicketNumber>> {
    let first: u16 = connection
        .prepare_cached("SELECT next_number FROM series WHERE series = ?1")?
        .query_row([series.to_string()], |row| row.get(0))
        .optional()?
        .unwrap_or(begin);
    let now_ms = now.as_millisecond();
    let mut candidate = first;
    for _ in 0..NUMBER_MAX {
        if !was_issued_within_a_day(connection, series, candidate, now_ms)? {
            store(connection, series, candidate, now_ms)?;
            return Ok(series.number(candidate));
        }
        candidate = after(candidate);
    }
    Ok(None)
}

fn after(number: u16) -> u16 {
    if number == NUMBER_MAX { 1 } else { number + 1 }
}

/// A time of issue in the future, left by a clock that was wrong, counts too.
fn was_issued_within_a_day(
    connection: &Connection,
    series: Series,
    number: u16,
    now_ms: i64,
) -> rusqlite::Result<bool> {
    let issued_at_ms: Option<i64> = connection
        .prepare_cached("SELECT issued_at_ms FROM issued_number WHERE series = ?1 AND number = ?2")?
        .query_row(params![series.to_string(), number], |row| row.get(0))
        .optional()?;
    Ok(issued_at_ms.is_some_and(|at| now_ms.saturating_sub(at) < DAY_MS))
}

fn store(
    connection: &Connection,
    series: Series,
    number: u16,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let name = series.to_string();
    connection
        .prepare_cached(
            "INSERT INTO issued_number (series, number, issued_at_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (series, number) DO UPDATE SET issued_at_ms = excluded.issued_at_ms",
        )?
        .execute(params![name, number, now_ms])?;
    connection
        .prepare_cached(
            "INSERT INTO series (series, next_number) VALUES (?1, ?2)
             ON CONFLICT (series) DO UPDATE SET next_number = excluded.next_number",
        )?
        .execute(params![name, after(number)])?;
    Ok(())
}
