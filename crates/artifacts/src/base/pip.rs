//! Packages, by the user's own pip: it knows the organisation's index, proxy and credentials.
//!
//! Only wheels are taken (`--only-binary=:all:`): building a source package would run its code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use freehold_vocabulary::ports::Progress;

use crate::ArtifactError;

/// How to run pip.
#[derive(Debug, Clone)]
pub struct Pip {
    /// The Python whose pip is used.
    pub python: OsString,
    /// More arguments for `pip download`, such as `--find-links`.
    pub arguments: Vec<OsString>,
}

impl Pip {
    /// `python3`, or the one that `FREEHOLD_PYTHON` names.
    #[must_use]
    pub fn from_env() -> Self {
        let python = std::env::var_os("FREEHOLD_PYTHON").unwrap_or_else(|| "python3".into());
        Self { python, arguments: Vec::new() }
    }

    /// Downloads the wheel of a package into a folder; returns its path.
    pub(super) fn download(
        &self,
        package: &str,
        version: Option<&str>,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ArtifactError> {
        let requirement = match version {
            Some(version) => format!("{package}=={version}"),
            None => package.to_owned(),
        };
        progress.begin(&format!("pip downloads {requirement}"), None);
        let output = self.run(&requirement, folder);
        progress.end();
        let output = output?;
        if !output.status.success() {
            return Err(self.explain(&requirement, folder, &output));
        }
        only_wheel(folder, &requirement)
    }

    fn run(&self, requirement: &str, folder: &Path) -> Result<Output, ArtifactError> {
        let mut command = Command::new(&self.python);
        command
            // Isolated: no module of the working directory may pose as pip.
            .args(["-I", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"])
            .args(["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--dest"])
            .arg(folder)
            .args(&self.arguments)
            .arg(requirement)
            .stdin(Stdio::null());
        command.output().map_err(|error| self.missing(requirement, &error.to_string()))
    }

    fn missing(&self, requirement: &str, why: &str) -> ArtifactError {
        ArtifactError::ToolMissing {
            program: format!("{} -m pip", self.python.to_string_lossy()),
            what: format!("the package `{requirement}`"),
            why: why.to_owned(),
            remedy: "install Python 3 with pip, set FREEHOLD_PYTHON to it, or unpack the model elsewhere and use `file:DIR`".to_owned(),
        }
    }

    /// Says in one sentence what pip said in many.
    fn explain(&self, requirement: &str, folder: &Path, output: &Output) -> ArtifactError {
        let said = String::from_utf8_lossy(&output.stderr);
        let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
        if has(&["No module named pip"]) {
            return self.missing(requirement, "this Python has no pip");
        }
        if has(&["No space left on device", "Errno 28", "Disk quota exceeded"]) {
            return ArtifactError::NoSpace { path: folder.to_owned() };
        }
        if has(NETWORK_SIGNS) {
            return ArtifactError::Unreachable {
                what: "the package index of pip".to_owned(),
                why: last_words(&said),
                remedy: "check the network and pip's index (`pip config list`), or bring the model here by other means and use `file:DIR`".to_owned(),
            };
        }
        if has(&["No matching distribution found", "Could not find a version"]) {
            return ArtifactError::NotFound {
                what: format!(
                    "wheel of `{requirement}` on pip's index; check the name, the version and the network"
                ),
            };
        }
        ArtifactError::refused(format!("package `{requirement}`"), last_words(&said))
    }
}

/// What pip prints when the index does not answer, before it claims that the package is unknown.
const NETWORK_SIGNS: &[&str] = &[
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "Max retries exceeded",
    "Connection refused",
    "Name or service not known",
    "Temporary failure in name resolution",
];

/// The end of what a program said, short enough for a sentence.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> =
        lines.iter().copied().filter(|line| line.starts_with("ERROR")).collect();
    let told = if errors.is_empty() { &lines } else { &errors };
    let tail = told[told.len().saturating_sub(2)..].join(" ");
    if tail.is_empty() {
        "it failed without a word".to_owned()
    } else {
        tail.chars().take(400).collect()
    }
}

fn only_wheel(folder: &Path, requirement: &str) -> Result<PathBuf, ArtifactError> {
    let mut wheels = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(ArtifactError::at(folder))? {
        let path = entry.map_err(ArtifactError::at(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    match wheels.as_slice() {
        [_] => Ok(wheels.remove(0)),
        other => {
            let why = format!("pip delivered {} wheels instead of one", other.len());
            Err(ArtifactError::refused(format!("package `{requirement}`"), why))
        }
    }
}
