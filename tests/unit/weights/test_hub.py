"""Downloads run in a process of their own, as a user's do: the hub's library reads its environment once."""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from cistron.errors import UnknownNameError
from cistron.weights.hub import resolve, shipped_models

OLD, NEW = "a" * 40, "b" * 40

RESOLVE = """
import sys
from pathlib import Path
from cistron.errors import CistronError
from cistron.weights.hub import download, resolve
try:
    name, *destination = sys.argv[1:]
    print(download(name, None, Path(destination[0])) if destination else resolve(name))
except CistronError as problem:
    sys.exit(f"{type(problem).__name__}: {problem}")
"""


class StandIn(http.server.ThreadingHTTPServer):
    """A hub with the repository `lab/tiny`: `main` is the commit NEW, the tag `v1` is OLD.

    Attributes:
        commits: Commit → folder of its files.
        cut_after: Break off the next answer with the weights after so many bytes.
        breaks_down: Fail from then on.
        failing: Answer every request for the weights with status 500.
        requests: Every request, as `METHOD path`.
        tokens: Every authorization seen.
    """

    def __init__(self, commits: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.commits = commits
        self.references = {"main": NEW, "v1": OLD} | {commit: commit for commit in commits}
        self.cut_after: int | None = None
        self.breaks_down = self.failing = False
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: StandIn

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        self.server.tokens.add(self.headers.get("Authorization"))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and parts[2:4] == ["lab", "tiny"]:
            commit = self.server.references.get(parts[5]) if len(parts) > 5 else NEW
            if commit is None:
                return self.refuse(404, "RevisionNotFound")
            return self.send_json(
                self.tree(commit) if parts[4] == "tree" else {"id": "lab/tiny", "sha": commit}
            )
        if parts[:3] == ["lab", "tiny", "resolve"]:
            return self.send_file(self.server.references[parts[3]], "/".join(parts[4:]))
        if parts[:4] == ["api", "models", "lab", "gated"]:
            return self.refuse(403, "GatedRepo")
        return self.refuse(404, "RepoNotFound")

    def tree(self, commit: str) -> list[dict[str, object]]:
        files = sorted(self.server.commits[commit].iterdir())
        return [
            {
                "type": "file",
                "path": f.name,
                "size": f.stat().st_size,
                "oid": hashlib.sha1(f.read_bytes()).hexdigest(),
            }
            for f in files
        ]

    def send_json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, commit: str, name: str) -> None:
        content = (self.server.commits[commit] / name).read_bytes()
        weights = name.endswith(".safetensors") and self.command == "GET"
        if weights and self.server.failing:
            return self.refuse(500, "")
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return None
        if weights and self.server.cut_after is not None:
            self.wfile.write(content[: self.server.cut_after])
            self.close_connection = True
            self.server.cut_after, self.server.failing = None, self.server.breaks_down
            return None
        self.wfile.write(content[start:])
        return None

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def hub(saved, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, title in ((old, "first"), (new, "second")):
        shutil.copytree(saved, folder)
        (folder / "README.md").write_text(f"# {title}")
        (folder / "pytorch_model.bin").write_bytes(b"pickle")
        (folder / "train.py").write_text("print('not wanted')")
    server = StandIn({OLD: old, NEW: new})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def user(tmp_path):
    """Run `resolve` (or, with a destination, `download`) as a user with a cache of their own."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
        settings = {
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "1",
        }
        return subprocess.run(
            [sys.executable, "-c", RESOLVE, *map(str, arguments)],
            env=kept | settings | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def folder_of(done: subprocess.CompletedProcess[str]) -> Path:
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def refusal(done: subprocess.CompletedProcess[str], kind: str = "DownloadError") -> str:
    """The one line a user sees; the library may have logged warnings above it."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"{kind}: ")
    return line


def test_a_hub_id_downloads_the_main_branch_without_pickles_or_code(hub, user, saved):
    folder = folder_of(user("lab/tiny", HF_ENDPOINT=hub.address))
    names = {path.name for path in saved.iterdir()}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "README.md").read_text() == "# second"
    assert (folder / "model.safetensors").read_bytes() == (saved / "model.safetensors").read_bytes()


@pytest.mark.parametrize("revision", ["v1", OLD])
def test_a_revision_pins_tag_or_commit(hub, user, revision):
    folder = folder_of(user(f"lab/tiny@{revision}", HF_ENDPOINT=hub.address))
    assert (folder / "README.md").read_text() == "# first"
    assert folder.name == OLD


def test_what_was_downloaded_is_used_offline_and_when_the_hub_is_gone(hub, user):
    folder = folder_of(user("lab/tiny", HF_ENDPOINT=hub.address))
    asked = len(hub.requests)
    assert folder_of(user("lab/tiny", HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1")) == folder
    assert len(hub.requests) == asked
    assert folder_of(user("lab/tiny", HF_ENDPOINT="http://127.0.0.1:9")) == folder


def test_offline_without_a_copy_says_so(hub, user):
    said = refusal(user("lab/tiny", HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1"))
    assert "HF_HUB_OFFLINE" in said
    assert not hub.requests


def test_an_unreachable_hub_says_so(user):
    assert "out of reach" in refusal(user("lab/tiny", HF_ENDPOINT="http://127.0.0.1:9"))


def test_an_unknown_repository_revision_or_a_gated_one_says_so(hub, user):
    assert "no such repository" in refusal(user("lab/nothing", HF_ENDPOINT=hub.address))
    assert "no such revision" in refusal(user("lab/tiny@v9", HF_ENDPOINT=hub.address))
    assert "grant you access" in refusal(user("lab/gated", HF_ENDPOINT=hub.address))


def test_the_token_is_sent_to_the_endpoint(hub, user):
    folder_of(user("lab/tiny", HF_ENDPOINT=hub.address, HF_TOKEN="hf_secret"))
    assert "Bearer hf_secret" in hub.tokens


def test_a_transfer_that_breaks_off_is_taken_up_again(hub, user, saved):
    hub.cut_after = 700
    folder = folder_of(user("lab/tiny", HF_ENDPOINT=hub.address))
    assert (folder / "model.safetensors").read_bytes() == (saved / "model.safetensors").read_bytes()


def test_a_transfer_that_keeps_failing_is_refused_and_continues_the_next_time(hub, user, saved):
    hub.cut_after, hub.breaks_down = 700, True
    said = refusal(user("lab/tiny", HF_ENDPOINT=hub.address))
    assert "500" in said
    assert "try again" in said
    assert "not complete in the cache" in refusal(user("lab/tiny", HF_HUB_OFFLINE="1"))
    hub.failing = False
    folder = folder_of(user("lab/tiny", HF_ENDPOINT=hub.address))
    assert (folder / "model.safetensors").read_bytes() == (saved / "model.safetensors").read_bytes()


def test_a_destination_receives_the_files(hub, user, tmp_path):
    folder = folder_of(user("lab/tiny", tmp_path / "here", HF_ENDPOINT=hub.address))
    assert folder == tmp_path / "here"
    assert (folder / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("absent", "says"), [("config.json", "not a model"), ("model.safetensors", "pickles")]
)
def test_a_repository_without_a_model_says_so(hub, user, absent, says):
    (hub.commits[NEW] / absent).unlink()
    assert says in refusal(user("lab/tiny", HF_ENDPOINT=hub.address))


def test_a_local_folder_is_taken_before_a_hub_id_and_without_the_network(
    hub, user, saved, tmp_path, monkeypatch
):
    assert folder_of(user(saved, HF_ENDPOINT=hub.address)) == saved
    (tmp_path / "lab").mkdir()
    shutil.copytree(saved, tmp_path / "lab" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert folder_of(user("lab/tiny", HF_ENDPOINT=hub.address)) == Path("lab/tiny")
    assert not hub.requests


def test_shipped_models_are_found_by_name():
    for name, folder in shipped_models().items():
        assert resolve(name) == folder


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("defalt", "no model is called 'defalt'"),
        ("genos-1.2b", "the size of an architecture, without weights"),
        ("./nowhere", "no model folder is at './nowhere'"),
        ("a/b/c", "no model folder is at 'a/b/c'"),
        ("/no/where", "no model folder is at '/no/where'"),
        ("lab/tiny@", "no model folder is at 'lab/tiny@'"),
    ],
)
def test_names_of_nothing_are_refused_without_the_network(name, says):
    with pytest.raises(UnknownNameError) as caught:
        resolve(name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_not_a_model_folder(saved):
    with pytest.raises(UnknownNameError, match="is a file"):
        resolve(saved / "model.safetensors")


def test_finding_a_model_does_not_import_torch(saved):
    run = "import sys; from cistron.weights.hub import resolve; resolve('.'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", run], cwd=saved, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
