//! Mosquitto, as an office with a broker of its own would run it.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::office_rig::{BrokerAddress, DEVICES};
use crate::program::{self, Program};
use crate::{paths, ports, wait};

/// The user name that the queue server logs in with.
pub const SERVER_USER: &str = "usher-server";
const SERVER_PASSWORD: &str = "the-server-of-a-rehearsal";
/// Somebody who hears everything and says nothing; no office has one.
const TAP: (&str, &str) = ("tap", "the-tap-of-a-rehearsal");

/// A running Mosquitto with a password file and access rules.
#[derive(Debug)]
pub struct Mosquitto {
    address: BrokerAddress,
    config: PathBuf,
    dir: PathBuf,
    program: Program,
}

impl Mosquitto {
    /// Starts one that knows the sample offices' devices.
    ///
    /// # Errors
    /// If Mosquitto is not installed (package `mosquitto`) or does not start.
    pub fn start(dir: &Path) -> Result<Self> {
        let address = BrokerAddress {
            host: "127.0.0.1".into(),
            port: ports::free()?,
        };
        let passwords = dir.join("mosquitto.passwords");
        let rules = dir.join("mosquitto.acl");
        let config = dir.join("mosquitto.conf");
        std::fs::write(&passwords, "")?;
        let devices = DEVICES.iter().map(|device| (device.id, device.secret));
        for (user, password) in devices.chain([(SERVER_USER, SERVER_PASSWORD), TAP]) {
            let mut command = Command::new("mosquitto_passwd");
            command.arg("-b").arg(&passwords).args([user, password]);
            let done = program::run("mosquitto_passwd", dir, &mut command, wait::STEP)?;
            anyhow::ensure!(done.code == Some(0), "mosquitto_passwd: {}", done.err);
        }
        let tap = format!("\n\nuser {}\ntopic read #\n", TAP.0);
        std::fs::write(&rules, documented_rules()? + &tap)?;
        std::fs::write(&config, configuration(address.port, &passwords, &rules))?;
        let mut program = start_program(dir, &config)?;
        wait_until_it_listens(&address, &mut program)?;
        Ok(Self {
            address,
            config,
            dir: dir.to_owned(),
            program,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &BrokerAddress {
        &self.address
    }

    /// What `usher-server --broker` is given.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("mqtt://{SERVER_USER}:{SERVER_PASSWORD}@{}", self.address)
    }

    /// Credentials of somebody who may read every topic.
    #[must_use]
    pub fn tap_login() -> (&'static str, &'static str) {
        TAP
    }

    /// Kills it and starts it again: connections, sessions and retained messages are lost.
    ///
    /// # Errors
    /// If it does not come back.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.program.kill();
        self.program = start_program(&self.dir, &self.config)?;
        wait_until_it_listens(&self.address, &mut self.program)
    }
}

fn start_program(dir: &Path, config: &Path) -> Result<Program> {
    // Debian installs it in /usr/sbin, which is not on everybody's path.
    let name = if Path::new("/usr/sbin/mosquitto").exists() {
        "/usr/sbin/mosquitto"
    } else {
        "mosquitto"
    };
    Program::start("mosquitto", dir, Command::new(name).arg("-c").arg(config))
        .context("Mosquitto is needed (Debian package mosquitto)")
}

fn wait_until_it_listens(address: &BrokerAddress, program: &mut Program) -> Result<()> {
    wait::until_true("Mosquitto's port", wait::START, || {
        program.must_run()?;
        Ok(TcpStream::connect((address.host.as_str(), address.port)).is_ok())
    })
}

fn configuration(port: u16, passwords: &Path, rules: &Path) -> String {
    format!(
        "listener {port} 127.0.0.1\n\
         user root\n\
         allow_anonymous false\n\
         password_file {}\n\
         acl_file {}\n\
         persistence false\n\
         # Small messages at once, not after the other side's delayed acknowledgement.\n\
         set_tcp_nodelay true\n\
         log_dest stderr\n",
        passwords.display(),
        rules.display()
    )
}

/// The rules that `docs/protocol.md` tells an office to give its Mosquitto: taken
/// from there, so that what is documented is what was tried.
fn documented_rules() -> Result<String> {
    let path = paths::workspace().join("docs/protocol.md");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let own_line = format!("user {SERVER_USER}");
    let block = text
        .split("```")
        .find(|block| block.lines().any(|line| line == own_line))
        .with_context(|| format!("no rules for Mosquitto in {}", path.display()))?;
    Ok(block.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{RUNTIME, Wire};
    use crate::office_rig::{KIOSK_1, KIOSK_2};
    use rumqttc::v5::mqttbytes::v5::PublishProperties;

    /// Mosquitto answers a foreign subscription with success and delivers nothing,
    /// so the rules are tried by what arrives.
    #[test]
    fn the_documented_rules_keep_devices_apart() {
        let dir = tempfile::tempdir().unwrap();
        let broker = Mosquitto::start(dir.path()).unwrap();
        RUNTIME.block_on(async {
            let topic = |rest: &str| format!("usher/v1/capitol-dmv/{rest}");
            let all = ["usher/v1/#".to_owned()];
            let wrong = Wire::connect(broker.address(), "kiosk-1", ("kiosk-1", "wrong"), &[]).await;
            assert!(wrong.is_err());
            let login = (SERVER_USER, SERVER_PASSWORD);
            let mut server = Wire::connect(broker.address(), login.0, login, &all)
                .await
                .unwrap();
            let one = (KIOSK_1.id, KIOSK_1.secret);
            let one = Wire::connect(broker.address(), KIOSK_1.id, one, &all)
                .await
                .unwrap();
            let two = (KIOSK_2.id, KIOSK_2.secret);
            let mut two = Wire::connect(broker.address(), KIOSK_2.id, two, &all)
                .await
                .unwrap();

            let none = PublishProperties::default;
            for (name, payload) in [("request/kiosk-2", "forged"), ("request/kiosk-1", "own")] {
                one.publish(&topic(name), payload.into(), none())
                    .await
                    .unwrap();
            }
            let heard = server.next(wait::STEP).await.unwrap();
            assert_eq!(heard.payload, b"own");
            for name in ["reply/kiosk-1", "reply/kiosk-2"] {
                server
                    .publish(&topic(name), name.into(), none())
                    .await
                    .unwrap();
            }
            assert_eq!(
                two.next(wait::STEP).await.unwrap().payload,
                b"reply/kiosk-2"
            );
        });
    }
}
