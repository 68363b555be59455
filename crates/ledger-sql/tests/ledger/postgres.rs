//! A real PostgreSQL server for tests: made empty, gone with the process that asked for it.
//!
//! Also read by the tests of other crates, so it knows nothing but the standard library.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// What to say where there is no server to test with.
const MISSING: &str = "PostgreSQL is not installed, and the ledger is tested on it: install it (Debian: apt-get install postgresql; macOS: brew install postgresql), or name the folder of `initdb` and `postgres` in FREEHOLD_TEST_POSTGRES";

/// Starts a server and ends it with the end of its input, which comes however its parent ends.
/// `initdb` and `postgres` refuse to run as root, so root becomes the user of the package.
const SCRIPT: &str = r#"
set -e
folder="$1" bin="$2" port="$3" parent=$PPID
as=()
if [ "$(id -u)" = 0 ]; then
  user=$(id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody)
  chown "$user" "$folder"
  as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
fi
cd "$folder"
if [ ! -d data ]; then
  "${as[@]}" "$bin/initdb" -D data -U freehold -A trust --no-sync -E UTF8 --locale=C >initdb.log 2>&1 ||
    { cat initdb.log >&2; exit 1; }
fi
"${as[@]}" "$bin/postgres" -D data -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 -c fsync=off \
  -c max_connections=200 >postgres.log 2>&1 </dev/null 3<&- &
pid=$!
until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
  kill -0 $pid 2>/dev/null || { cat postgres.log >&2; exit 1; }
done
echo ready
read -r _ || true
kill -INT $pid 2>/dev/null || true
wait $pid || true
# Nobody else clears up after a parent that is gone.
kill -0 "$parent" 2>/dev/null || { cd / && rm -rf "$folder"; }
"#;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    shell: Option<Child>,
}

impl Postgres {
    /// An empty server on a free port.
    pub fn start() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, shell: None };
        server.up();
        server
    }

    /// The server of everybody in this process who does not stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts it again with what it holds.
    pub fn up(&mut self) {
        let mut shell = Command::new("bash")
            .args(["-c", SCRIPT, "postgres"])
            .args([self.folder.path(), &binaries()])
            .arg(self.port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(shell.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "PostgreSQL did not start; its log is above");
        self.shell = Some(shell);
    }

    /// Stops it, connections and all.
    pub fn down(&mut self) {
        let Some(mut shell) = self.shell.take() else { return };
        drop(shell.stdin.take());
        shell.wait().unwrap();
    }

    /// The address of a new database.
    pub fn database(&self, name: &str) -> String {
        let made = Command::new(binaries().join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "freehold", name])
            .status();
        assert!(made.unwrap().success(), "database `{name}` was not made");
        self.url(name)
    }

    /// The address of a database.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://freehold@127.0.0.1:{}/{name}", self.port)
    }

    /// Executes SQL behind everybody's back; its complaints if it refuses.
    pub fn execute(&self, name: &str, sql: &str) -> Result<(), String> {
        let output = Command::new(binaries().join("psql"))
            .args(["-v", "ON_ERROR_STOP=1", "-q", "-d", &self.url(name), "-c", sql])
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(complaint) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.down();
    }
}

/// Where `initdb`, `postgres` and `createdb` are; the newest if there are several.
fn binaries() -> PathBuf {
    let complete = |folder: &Path| {
        ["initdb", "postgres", "createdb", "psql"].iter().all(|it| folder.join(it).is_file())
    };
    if let Some(folder) = std::env::var_os("FREEHOLD_TEST_POSTGRES").map(PathBuf::from) {
        assert!(complete(&folder), "{}: {MISSING}", folder.display());
        return folder;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|it| Some((it.file_name().to_str()?.parse().ok()?, it.path().join("bin"))))
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    folders.extend(versions.into_iter().map(|(_, folder)| folder));
    folders.into_iter().find(|it| complete(it)).expect(MISSING)
}
