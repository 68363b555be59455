//! A portfolio in a temporary folder, and the binary to work on it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder with a `freehold.toml`.
pub struct Portfolio {
    folder: tempfile::TempDir,
}

impl Portfolio {
    /// `freehold init` with one task.
    pub fn new() -> Self {
        let portfolio = Self { folder: tempfile::tempdir().unwrap() };
        portfolio.run(&["init", ".", "--task", "ticket-triage"]);
        portfolio
    }

    /// With the project's own tickets imported, a micro model trained, calibrated and deployed.
    pub fn deployed() -> Self {
        let portfolio = Self::new();
        portfolio.run(&[
            "data",
            "import",
            "ticket-triage",
            tickets().to_str().unwrap(),
            "--slice",
            "channel",
        ]);
        portfolio.train(&[]);
        portfolio.promote(&["--why", "first"]);
        portfolio
    }

    /// A micro model, trained with these further arguments and calibrated, as a candidate.
    #[track_caller]
    pub fn train(&self, further: &[&str]) {
        self.run(&[&["train", "ticket-triage", "--trainer", "micro"], further].concat());
        self.run(&["calibrate", "ticket-triage@candidate-micro"]);
    }

    /// Makes the candidate the micro model of the task.
    #[track_caller]
    pub fn promote(&self, further: &[&str]) {
        let promote = ["models", "promote", "ticket-triage@candidate-micro", "--as", "micro"];
        self.run(&[&promote, further].concat());
    }

    /// Another version takes the place of the first, whatever the gate says.
    #[track_caller]
    pub fn replace(&self) {
        self.train(&["--epochs", "3"]);
        self.promote(&["--why", "second", "--overrule"]);
    }

    /// The digest that an alias points at.
    #[track_caller]
    pub fn digest(&self, reference: &str) -> String {
        self.json(&["models", "show", reference])["digest"].as_str().unwrap().to_owned()
    }

    /// Adds a section to the configuration, before those that are there.
    pub fn configure(&self, section: &str) {
        let path = self.path().join("freehold.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{section}\n{text}")).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The binary here, with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Must succeed; gives what was printed.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "freehold {arguments:?}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Must succeed with one JSON document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let text = self.run(&with_json);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Must fail with this exit code; gives what was said on standard error.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "freehold {arguments:?}: {err}");
        err
    }

    /// A server on a free port of loopback.
    pub fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--bind", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("{line:?}"))
            .to_owned();
        let pid = child.id();
        Server { child, pid, url }
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pid: u32,
    pub url: String,
}

impl Server {
    /// Kills it in the middle of whatever it does; callers see their connections break.
    pub fn kill_now(&self) {
        let pid = self.pid.to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) {
        let pid = self.pid.to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// A POST of JSON: status and body.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut reply = agent
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .send(body.to_string())?;
        let text = reply.body_mut().read_to_string()?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((reply.status().as_u16(), value))
    }

    /// A GET: status and text.
    pub fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut reply = agent.get(format!("{}{path}", self.url)).call().unwrap();
        (reply.status().as_u16(), reply.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tickets that ship with the project.
pub fn tickets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ticket-triage/tickets.csv")
}
