//! The pages of staff, and the HTTP interface that they use.
//!
//! A page holds no state of the office: it shows the newest view, which the
//! server pushes ([server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html)),
//! and sends requests as a device does by MQTT. This module performs no rule of
//! the queue and touches no storage.
//!
//! Everything that a page needs is in the program: no file beside it, nothing
//! from elsewhere. Scripts and styles come from `static/`, the frames of the
//! pages from `templates/`. Start reading at [`router`].

mod api;
mod appointments;
mod assets;
mod connections;
mod events;
mod pages;
mod security;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

pub use self::appointments::Bookings;
use crate::live::handle::OfficeHandle;

/// Pages that are kept up to date at the same time. A large office has some
/// thirty; the next one gets a clear answer and tries again.
const LIVE_PAGES_MAX: usize = 256;

/// Files of appointments that are read in at the same time.
const IMPORTS_MAX: usize = 1;

/// Why the web server did not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Another program listens there. Technician: stop it (`ss -ltnp` names it),
    /// or choose another `--http` address.
    #[error(
        "the web address {0} is in use by another program: stop that program or choose another address with --http"
    )]
    AddressInUse(SocketAddr),
    /// The system refused the address: it is no address of this machine, or a
    /// port below 1024 without the right to it.
    #[error(
        "cannot listen for web pages on {address}: with --http choose an address of this machine (`ip address` lists them) and a port from 1024 on"
    )]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What every handler may use.
#[derive(Clone)]
struct Web {
    office: OfficeHandle,
    push: events::Push,
    live_pages: Arc<Semaphore>,
    bookings: Arc<Bookings>,
    importing: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// Listens on `address` (port 0: any free one).
///
/// # Errors
/// [`WebError`] if the address cannot be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => WebError::AddressInUse(address),
            _ => WebError::Bind { address, source },
        })
}

/// Serves pages until `stopping` turns true and the open answers are out.
///
/// # Errors
/// What the system said, if it stops accepting connections.
pub async fn serve(
    listener: TcpListener,
    office: OfficeHandle,
    bookings: Bookings,
    stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let router = router(office, bookings, stopping.clone());
    connections::serve(listener, router, stopping, connections::Bounds::default()).await
}

/// Every address that the server knows. Needs a running Tokio runtime.
pub fn router(office: OfficeHandle, bookings: Bookings, stopping: watch::Receiver<bool>) -> Router {
    let web = Web {
        push: events::Push::start(&office),
        office,
        live_pages: Arc::new(Semaphore::new(LIVE_PAGES_MAX)),
        bookings: Arc::new(bookings),
        importing: Arc::new(Semaphore::new(IMPORTS_MAX)),
        stopping,
    };
    Router::new()
        .route("/", get(pages::index))
        .route("/counter/{id}", get(pages::counter))
        .route("/manager", get(pages::manager))
        .route("/static/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
        .route("/api/v1/state", get(api::state))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/requests", post(api::requests))
        .route("/api/v1/appointments", post(appointments::import))
        .route("/api/v1/appointments/person", post(appointments::person))
        .route("/healthz", get(api::health))
        .method_not_allowed_fallback(api::wrong_method)
        .fallback(pages::not_found)
        .layer(from_fn(security::headers))
        .with_state(web)
}

#[cfg(test)]
pub(crate) mod fake_office;
#[cfg(test)]
mod tests;
