//! An X server without a screen, a finger on its glass, and a camera before it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat,
    InputFocus, MOTION_NOTIFY_EVENT, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::picture::Picture;
use crate::program::Program;
use crate::wait;

/// The X button of a touch, as a touch panel without multi-touch reports it.
const FINGER: u8 = 1;
/// XTEST: any device.
const ANY_DEVICE: u8 = 0;

/// One panel: an Xvfb of the panel's size. Each window of a run gets its own, as
/// each machine of an office has its own.
pub struct Display {
    number: u32,
    connection: RustConnection,
    root: Window,
    width: u16,
    height: u16,
    _server: Program,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPlace {
    /// The X window.
    pub window: Window,
    /// Left edge on the panel, pixels.
    pub x: i16,
    /// Top edge on the panel, pixels.
    pub y: i16,
    /// Width, pixels.
    pub width: u16,
    /// Height, pixels.
    pub height: u16,
}

impl Display {
    /// Starts an X server of the given size, on a number that is free.
    ///
    /// # Errors
    /// If Xvfb is not installed (package `xvfb`) or does not start.
    pub fn start(name: &str, dir: &Path, width: u16, height: u16) -> Result<Self> {
        let mut server = Program::start(
            name,
            dir,
            Command::new("Xvfb")
                .args([
                    "-displayfd",
                    "1",
                    "-nolisten",
                    "tcp",
                    "-noreset",
                    "-screen",
                    "0",
                ])
                .arg(format!("{width}x{height}x24")),
        )
        .context("Xvfb is needed (Debian package xvfb)")?;
        let mut lines = server.lines();
        let number: u32 = wait::until("the X server's number", wait::START, || {
            server.must_run()?;
            Ok(lines.take()?.pop())
        })?;
        let (connection, screen) = RustConnection::connect(Some(&format!(":{number}")))?;
        let root = connection.setup().roots[screen].root;
        Ok(Self {
            number,
            connection,
            root,
            width,
            height,
            _server: server,
        })
    }

    /// For the variable `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Waits for a mapped window with this title.
    ///
    /// # Errors
    /// If none comes, or `alive` says that its program has ended.
    pub fn window(
        &self,
        title: &str,
        mut alive: impl FnMut() -> Result<()>,
    ) -> Result<WindowPlace> {
        wait::until(&format!("the window \"{title}\""), wait::START, || {
            alive()?;
            self.find(self.root, title)
        })
    }

    fn find(&self, parent: Window, title: &str) -> Result<Option<WindowPlace>> {
        let utf8 = self
            .connection
            .intern_atom(false, b"_NET_WM_NAME")?
            .reply()?
            .atom;
        for window in self.connection.query_tree(parent)?.reply()?.children {
            if self.title(window, utf8)?.as_deref() == Some(title) {
                return self.place(window);
            }
            if let Some(found) = self.find(window, title)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn title(&self, window: Window, utf8: u32) -> Result<Option<String>> {
        for property in [utf8, u32::from(AtomEnum::WM_NAME)] {
            let cookie =
                self.connection
                    .get_property(false, window, property, AtomEnum::ANY, 0, 256)?;
            // A window may go between being listed and being asked.
            let Ok(reply) = cookie.reply() else {
                return Ok(None);
            };
            if !reply.value.is_empty() {
                return Ok(Some(String::from_utf8_lossy(&reply.value).into_owned()));
            }
        }
        Ok(None)
    }

    fn place(&self, window: Window) -> Result<Option<WindowPlace>> {
        let attributes = self.connection.get_window_attributes(window)?.reply()?;
        if attributes.map_state != x11rb::protocol::xproto::MapState::VIEWABLE {
            return Ok(None);
        }
        let size = self.connection.get_geometry(window)?.reply()?;
        let origin = self
            .connection
            .translate_coordinates(window, self.root, 0, 0)?
            .reply()?;
        Ok(Some(WindowPlace {
            window,
            x: origin.dst_x,
            y: origin.dst_y,
            width: size.width,
            height: size.height,
        }))
    }

    /// Gives a window the keyboard: without a window manager nobody else does.
    ///
    /// # Errors
    /// If the window is gone.
    pub fn focus(&self, place: WindowPlace) -> Result<()> {
        self.connection
            .set_input_focus(InputFocus::PARENT, place.window, x11rb::CURRENT_TIME)?
            .check()?;
        Ok(())
    }

    /// A finger comes down at `x`, `y` of the panel and leaves it.
    ///
    /// # Errors
    /// If the point is outside the panel.
    pub fn touch(&self, x: f32, y: f32) -> Result<()> {
        self.finger_down(x, y)?;
        self.fake(BUTTON_RELEASE_EVENT, FINGER, 0, 0)
    }

    /// Touches once more where the glass was touched last.
    ///
    /// # Errors
    /// If the panel is gone.
    pub fn touch_again(&self) -> Result<()> {
        self.fake(BUTTON_PRESS_EVENT, FINGER, 0, 0)?;
        self.fake(BUTTON_RELEASE_EVENT, FINGER, 0, 0)
    }

    fn finger_down(&self, x: f32, y: f32) -> Result<()> {
        if !(0.0..f32::from(self.width)).contains(&x) || !(0.0..f32::from(self.height)).contains(&y)
        {
            bail!(
                "{x},{y} is outside the panel of {}x{}",
                self.width,
                self.height
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be on the panel"
        )]
        let (x, y) = (x as i16, y as i16);
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y)?;
        self.fake(BUTTON_PRESS_EVENT, FINGER, 0, 0)
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) -> Result<()> {
        self.connection
            .xtest_fake_input(
                kind,
                detail,
                x11rb::CURRENT_TIME,
                self.root,
                x,
                y,
                ANY_DEVICE,
            )?
            .check()
            .context("the X server refused a pointer event")?;
        Ok(())
    }

    /// What the panel shows now.
    ///
    /// # Errors
    /// If the X server is gone.
    pub fn picture(&self) -> Result<Picture> {
        let image = self
            .connection
            .get_image(
                ImageFormat::Z_PIXMAP,
                self.root,
                0,
                0,
                self.width,
                self.height,
                !0,
            )?
            .reply()?;
        // Depth 24 comes as 32 bits a pixel: blue, green, red, unused.
        let rgb = image
            .data
            .chunks_exact(4)
            .flat_map(|p| [p[2], p[1], p[0]])
            .collect();
        Ok(Picture {
            width: self.width.into(),
            height: self.height.into(),
            rgb,
        })
    }

    /// What the panel shows once it has stopped changing, or after a second of
    /// movement as it is then.
    ///
    /// # Errors
    /// See [`Display::picture`].
    pub fn settled_picture(&self) -> Result<Picture> {
        let mut last = self.picture()?;
        let mut same = 0;
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let next = self.picture()?;
            same = if next == last { same + 1 } else { 0 };
            last = next;
            if same == 3 && !last.is_blank() {
                break;
            }
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x11rb::protocol::Event;
    use x11rb::protocol::xproto::{CreateWindowAux, EventMask, PropMode, WindowClass};
    use x11rb::wrapper::ConnectionExt as _;

    /// A window like a kiosk's: with a title, a colour, and an ear for touches.
    #[test]
    fn a_touch_arrives_where_it_was_meant_and_the_camera_sees_the_window() {
        let dir = tempfile::tempdir().unwrap();
        let display = Display::start("panel", dir.path(), 300, 200).unwrap();
        assert!(display.picture().unwrap().is_blank());
        let (program, _) = RustConnection::connect(Some(&display.name())).unwrap();
        let window = program.generate_id().unwrap();
        let look = CreateWindowAux::new()
            .background_pixel(0x00_80_40)
            .event_mask(EventMask::BUTTON_PRESS | EventMask::BUTTON_RELEASE);
        program
            .create_window(
                24,
                window,
                display.root,
                10,
                20,
                200,
                100,
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &look,
            )
            .unwrap();
        program
            .change_property8(
                PropMode::REPLACE,
                window,
                AtomEnum::WM_NAME,
                AtomEnum::STRING,
                b"A kiosk",
            )
            .unwrap();
        program.map_window(window).unwrap();
        program.flush().unwrap();

        let place = display.window("A kiosk", || Ok(())).unwrap();
        assert_eq!(
            (place.x, place.y, place.width, place.height),
            (10, 20, 200, 100)
        );
        display.focus(place).unwrap();
        display.touch(60.0, 70.0).unwrap();
        let Event::ButtonPress(press) = program.wait_for_event().unwrap() else {
            panic!("the first event is no press");
        };
        assert_eq!(
            (press.event_x, press.event_y, press.detail),
            (50, 50, FINGER)
        );
        assert!(matches!(
            program.wait_for_event().unwrap(),
            Event::ButtonRelease(_)
        ));
        assert!(display.touch(300.0, 0.0).is_err());

        let picture = display.settled_picture().unwrap();
        let at = ((30 * 300) + 20) * 3;
        assert_eq!(picture.rgb[at..at + 3], [0x00, 0x80, 0x40]);
    }
}
