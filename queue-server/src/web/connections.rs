//! Connections of browsers and programs, within bounds.
//!
//! Whoever reaches the port could otherwise open connections and say nothing
//! until the server has no file descriptors left, the event log's among them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long to wait after the system gave no connection: mostly it has no file
/// descriptors at the moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// After so many refusals of the system in a row it will not get better.
const ACCEPT_FAILURES_MAX: u32 = 60;

/// What the pages may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at the same time. A large office has some thirty pages open,
    /// each with two or three. Further ones wait in the system's own queue.
    pub(super) connections_max: usize,
    /// How long a connection may be silent before the next request, and a
    /// request's header may take.
    pub(super) header_wait: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 512,
            header_wait: Duration::from_secs(15),
        }
    }
}

/// Serves until `stopping` turns true and the open answers are out.
///
/// # Errors
/// What the system said, if it gives no connections any more.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    bounds: Bounds,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    let mut connections = JoinSet::new();
    let mut failures = 0;
    loop {
        let next = async {
            let places = Arc::clone(&places);
            let place = places.acquire_owned().await;
            let place = place.expect("nobody closes the semaphore");
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = told(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                failures = 0;
                let connection = answer(stream, router.clone(), stopping.clone(), bounds);
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) if failures >= ACCEPT_FAILURES_MAX => return Err(error),
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(%error, "the system gives no connection for a page; trying again");
                }
                failures += 1;
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Resolves when it is time to stop. A sender that is gone means that, too.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Answers the requests of one connection.
async fn answer(
    stream: TcpStream,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    bounds: Bounds,
) {
    // Small pushes at once, not after the other side's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.header_wait)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of a page was cut");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    struct Site {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        serving: tokio::task::JoinHandle<io::Result<()>>,
    }

    async fn site(connections_max: usize, header_wait: Duration) -> Site {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let (stop, stopping) = watch::channel(false);
        let bounds = Bounds {
            connections_max,
            header_wait,
        };
        let serving = tokio::spawn(serve(listener, router, stopping, bounds));
        Site {
            address,
            stop,
            serving,
        }
    }

    async fn page(mut stream: TcpStream) -> String {
        stream.write_all(GET).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_says_nothing_is_cut_off_and_makes_room() {
        let site = site(1, Duration::from_millis(50)).await;
        let mut silent = TcpStream::connect(site.address).await.unwrap();
        silent.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        let other = TcpStream::connect(site.address).await.unwrap();
        let answer = timeout(PATIENCE, page(other)).await.expect("no room");
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn beyond_the_bound_others_wait() {
        let site = site(1, PATIENCE).await;
        let silent = TcpStream::connect(site.address).await.unwrap();
        let other = TcpStream::connect(site.address).await.unwrap();
        let mut answer = Box::pin(page(other));
        assert!(
            timeout(Duration::from_millis(100), answer.as_mut())
                .await
                .is_err(),
            "there is one place, and it is taken"
        );
        drop(silent);
        let answer = timeout(PATIENCE, answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn a_stop_ends_idle_connections() {
        let site = site(2, PATIENCE).await;
        let mut idle = TcpStream::connect(site.address).await.unwrap();
        site.stop.send(true).unwrap();
        timeout(PATIENCE, site.serving)
            .await
            .expect("it goes on")
            .unwrap()
            .unwrap();
        assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
    }
}
