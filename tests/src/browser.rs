//! A clerk's browser: Chromium without a window, driven through chromedriver.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::mqtt::RUNTIME;
use crate::program::Program;
use crate::{ports, wait};

/// A browser with one page open.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    // Dropped after the client: chromedriver takes the browser with it.
    driver: Program,
}

impl Browser {
    /// Starts a browser with a page of the given size in CSS pixels and a profile of its own.
    ///
    /// # Errors
    /// If chromedriver or Chromium is not installed (packages `chromium-driver`,
    /// `chromium`) or does not start.
    pub fn start(name: &str, dir: &Path, width: u32, height: u32) -> Result<Self> {
        let port = ports::free()?;
        let mut driver = Program::start(
            name,
            dir,
            Command::new("chromedriver").arg(format!("--port={port}")),
        )
        .context("chromedriver is needed (Debian package chromium-driver)")?;
        wait::until_true("chromedriver's port", wait::START, || {
            driver.must_run()?;
            Ok(TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        let profile = dir.join(format!("{name}-profile"));
        let capabilities = json!({ "goog:chromeOptions": { "args": [
            "--headless=new",
            // A container has no user namespaces to make Chromium's sandbox of.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-sync",
            "--hide-scrollbars",
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.display()),
        ]}});
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("an object was written above");
        };
        let client = RUNTIME.block_on(async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
        })?;
        let browser = Self { client, driver };
        // The window includes a frame that a headless one does not draw: set the page's size itself.
        browser.on(async |client| {
            let inner = client
                .execute("return [innerWidth, innerHeight]", vec![])
                .await?;
            let size = |at: usize, wanted: u32| {
                let have = inner[at]
                    .as_u64()
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(wanted);
                wanted + wanted.saturating_sub(have)
            };
            client
                .set_window_size(size(0, width), size(1, height))
                .await?;
            Ok(())
        })?;
        Ok(browser)
    }

    fn on<T>(&self, act: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        RUNTIME.block_on(act(&self.client))
    }

    /// Opens a page.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.on(async |client| Ok(client.goto(url).await?))
    }

    /// Presses a key in the page, wherever its focus is.
    ///
    /// # Errors
    /// If the page is gone.
    pub fn press(&self, key: char) -> Result<()> {
        self.on(async |client| {
            Ok(client
                .active_element()
                .await?
                .send_keys(&key.to_string())
                .await?)
        })
    }

    /// Clicks what a CSS selector finds.
    ///
    /// # Errors
    /// If there is nothing of the kind.
    pub fn click(&self, css: &str) -> Result<()> {
        self.on(async |client| Ok(client.find(Locator::Css(css)).await?.click().await?))
    }

    /// The text of the first element that a CSS selector finds.
    ///
    /// # Errors
    /// If the page is gone.
    pub fn text(&self, css: &str) -> Result<Option<String>> {
        self.on(
            async |client| match client.find_all(Locator::Css(css)).await?.first() {
                Some(element) => Ok(element.text().await.ok()),
                None => Ok(None),
            },
        )
    }

    /// An attribute of the first element that a CSS selector finds.
    ///
    /// # Errors
    /// If the page is gone.
    pub fn attribute(&self, css: &str, name: &str) -> Result<Option<String>> {
        self.on(
            async |client| match client.find_all(Locator::Css(css)).await?.first() {
                // The page may redraw between finding and asking: then it is looked at again.
                Some(element) => Ok(element.attr(name).await.ok().flatten()),
                None => Ok(None),
            },
        )
    }

    /// Waits until an attribute has a value.
    ///
    /// # Errors
    /// If it never has; says what it had last.
    pub fn wait_attribute(&self, css: &str, name: &str, value: &str) -> Result<()> {
        let mut last = None;
        wait::until_true(
            &format!("{css}[{name}={value}] in the page"),
            wait::STEP,
            || {
                last = self.attribute(css, name)?;
                Ok(last.as_deref() == Some(value))
            },
        )
        .with_context(|| format!("it was {last:?} at last"))
    }

    /// Waits until an element has a text.
    ///
    /// # Errors
    /// If it never has; says what it had last.
    pub fn wait_text(&self, css: &str, text: &str) -> Result<()> {
        let mut last = None;
        wait::until_true(
            &format!("\"{text}\" in {css} of the page"),
            wait::STEP,
            || {
                last = self.text(css)?;
                Ok(last.as_deref() == Some(text))
            },
        )
        .with_context(|| format!("it was {last:?} at last"))
    }

    /// Writes a picture of the page.
    ///
    /// # Errors
    /// If the page is gone or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<()> {
        let png = self.on(async |client| Ok(client.screenshot().await?))?;
        std::fs::write(path, png).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let client = self.client.clone();
        // Closing is politeness; the driver's process group is killed right after.
        let _ = RUNTIME.block_on(async move {
            tokio::time::timeout(Duration::from_secs(3), client.close()).await
        });
        self.driver.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_page_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let browser = Browser::start("browser", dir.path(), 640, 400).unwrap();
        let page = "<body data-state=closed><p id=n>-</p><script>\
            onkeydown = e => { document.body.dataset.state = 'key-' + e.key; n.textContent = innerWidth + 'x' + innerHeight; }\
            </script>";
        browser.open(&format!("data:text/html,{page}")).unwrap();
        browser
            .wait_attribute("body", "data-state", "closed")
            .unwrap();
        browser.press('n').unwrap();
        browser
            .wait_attribute("body", "data-state", "key-n")
            .unwrap();
        browser.wait_text("#n", "640x400").unwrap();
        let path = dir.path().join("page.png");
        browser.picture(&path).unwrap();
        let picture = crate::picture::Picture::load(&path).unwrap();
        assert_eq!((picture.width, picture.height), (640, 400));
    }
}
