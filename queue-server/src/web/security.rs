//! What keeps other sites, and texts from the office file, from doing harm.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Content Security Policy Level 3: own scripts and styles as files, nothing
/// inline, no frames around us, no forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Sets the headers that every answer has.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Numbers on a shared computer are not for whoever presses Back next.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser sends this for a page of another site. Programs other than
/// browsers say nothing of it and are let through.
///
/// Browsers send `Sec-Fetch-Site` ([Fetch Metadata](https://www.w3.org/TR/fetch-metadata/))
/// to trustworthy addresses only: HTTPS, or this very machine. An office's plain
/// HTTP gets none, so the `Origin` that every POST of a page has
/// ([Fetch](https://fetch.spec.whatwg.org/#origin-header)) must name the `Host`
/// that was asked. A proxy before the server must pass `Host` on as it came.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    let is_said = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    let is_foreign = headers
        .get(header::ORIGIN)
        .is_some_and(|origin| !is_of_host(origin, headers.get(header::HOST)));
    is_said || is_foreign
}

/// Whether `origin`, a scheme and a host and perhaps a port, is of `host`.
/// `null`, as from a file or a sandboxed frame, is of none.
fn is_of_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let texts = (
        origin.to_str().ok(),
        host.and_then(|host| host.to_str().ok()),
    );
    let (Some(origin), Some(host)) = texts else {
        return false;
    };
    let (place, port) = match origin.split_once("://") {
        Some(("http", place)) => (place, ":80"),
        Some(("https", place)) => (place, ":443"),
        _ => return false,
    };
    // A scheme's own port may be written on one side and left out on the other.
    let plain = |place: &str| {
        place
            .strip_suffix(port)
            .unwrap_or(place)
            .to_ascii_lowercase()
    };
    plain(place) == plain(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(headers: &[(&'static str, &'static str)]) -> bool {
        let map = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        is_cross_site(&map.collect())
    }

    #[test]
    fn only_pages_of_this_very_host_are_let_through() {
        for (origin, host) in [
            ("http://usher.office:8080", "usher.office:8080"),
            ("http://10.0.0.5", "10.0.0.5:80"),
            ("https://Usher.office", "usher.office"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(
                !is_refused(&[("origin", origin), ("host", host)]),
                "{origin} {host}"
            );
        }
        for (origin, host) in [
            ("http://evil.example", "10.0.0.5:8080"),
            ("http://10.0.0.5:9090", "10.0.0.5:8080"),
            ("http://10.0.0.5.evil.example", "10.0.0.5"),
            ("null", "10.0.0.5"),
            ("file://10.0.0.5", "10.0.0.5"),
        ] {
            assert!(
                is_refused(&[("origin", origin), ("host", host)]),
                "{origin} {host}"
            );
        }
        assert!(is_refused(&[("origin", "http://10.0.0.5")]));
        assert!(is_refused(&[("sec-fetch-site", "cross-site")]));
        assert!(!is_refused(&[("sec-fetch-site", "same-origin")]));
        // A program that is no browser.
        assert!(!is_refused(&[("host", "10.0.0.5")]));
    }
}
