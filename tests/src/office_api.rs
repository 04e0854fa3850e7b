//! The queue server's HTTP side, as another program would use it.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use usher_protocol::message::{self, Reply, Request, RequestBody};

use crate::mqtt::new_command_id;
use crate::{clock, wait};

/// A client of one office's web server.
#[derive(Debug, Clone)]
pub struct OfficeApi {
    base: String,
    agent: ureq::Agent,
}

/// A state of the office, `/api/v1/state`, with questions that tests ask of it.
#[derive(Debug, Clone)]
pub struct OfficeState(pub Value);

impl OfficeApi {
    /// A client for the server at `base`, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build();
        Self {
            base: base.into(),
            agent: config.into(),
        }
    }

    /// The address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Status and body of a page.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut response = self.agent.get(self.url(path)).call()?;
        Ok((
            response.status().as_u16(),
            response.body_mut().read_to_string()?,
        ))
    }

    /// Sends a body of any kind to a path.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<(u16, String)> {
        let mut response = self
            .agent
            .post(self.url(path))
            .header("content-type", content_type)
            .send(body)?;
        Ok((
            response.status().as_u16(),
            response.body_mut().read_to_string()?,
        ))
    }

    /// The office as it is now.
    ///
    /// # Errors
    /// If the server does not answer, or not with JSON.
    pub fn state(&self) -> Result<OfficeState> {
        let (status, body) = self.get("/api/v1/state")?;
        anyhow::ensure!(status == 200, "/api/v1/state answers {status}: {body}");
        Ok(OfficeState(serde_json::from_str(&body)?))
    }

    /// Waits until the office is as wanted.
    ///
    /// # Errors
    /// If it never is.
    pub fn state_where<T>(
        &self,
        what: &str,
        mut wanted: impl FnMut(&OfficeState) -> Option<T>,
    ) -> Result<T> {
        wait::until(what, wait::STEP, || Ok(wanted(&self.state()?)))
    }

    /// Asks for something as a clerk's program does.
    ///
    /// # Errors
    /// If the server does not answer with a reply.
    pub fn ask(&self, body: RequestBody) -> Result<Reply> {
        let request = Request {
            id: new_command_id(),
            sent_at: clock::now(),
            boot: 0,
            body,
        };
        let (status, text) = self.post(
            "/api/v1/requests",
            "application/json",
            &message::encode(&request),
        )?;
        message::decode(text.as_bytes()).with_context(|| format!("{status}: {text}"))
    }
}

impl OfficeState {
    /// The waiting visit with this number (`B42`).
    #[must_use]
    pub fn waiting(&self, number: &str) -> Option<&Value> {
        self.all_waiting()
            .iter()
            .find(|visit| visit["number"] == number)
    }

    /// How many wait in all.
    #[must_use]
    pub fn waiting_total(&self) -> u64 {
        self.0["waiting_total"].as_u64().unwrap_or_default()
    }

    /// Everybody who waits.
    #[must_use]
    pub fn all_waiting(&self) -> &[Value] {
        self.0["waiting"].as_array().map_or(&[], Vec::as_slice)
    }

    /// A counter's view.
    #[must_use]
    pub fn counter(&self, id: &str) -> Option<&Value> {
        self.0["counters"]
            .as_array()?
            .iter()
            .find(|counter| counter["id"] == id)
    }

    /// A counter's visit, if it has one.
    #[must_use]
    pub fn visit_at(&self, counter: &str) -> Option<&Value> {
        self.counter(counter)
            .map(|counter| &counter["visit"])
            .filter(|visit| !visit.is_null())
    }

    /// A device's view.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&Value> {
        self.0["devices"]
            .as_array()?
            .iter()
            .find(|device| device["id"] == id)
    }
}
