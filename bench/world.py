"""What a scenario is played in: a simulator as its own process, desired state, config, a daemon."""

import contextlib
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from measure import Failed, cpu_of

NO_LIMIT = "version: 1\nrules:\n  - { name: blast-radius, effect: allow }\n"
USERS_PER_FILE = 10_000


class Simulator:
    """usersyncd-sim on a free port, or on `port`, until the end of the `with`."""

    def __init__(self, programs, *options, port=0, patience=300):
        self.directory = tempfile.TemporaryDirectory(prefix="usersyncd-bench-")
        port_file = pathlib.Path(self.directory.name) / "port"
        command = [programs / "usersyncd-sim", "--listen", f"127.0.0.1:{port}", "--port-file", port_file, *options]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
        until = time.monotonic() + patience
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failed("the simulator does not start")
            time.sleep(0.01)
        self.port = int(port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.directory.cleanup()

    def call(self, path, body=None, method=None, headers=None):
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def token(self):
        login = "Basic c2ltLWlkOnNpbS1zZWNyZXQ="  # sim-id:sim-secret
        answer = self.call("/api/v1/oauth2/token", b"grant_type=client_credentials", headers={
            "Authorization": login, "Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(answer)["access_token"]

    def requests(self):
        """By method and status, as `POST 201`, since the start."""
        counted = json.loads(self.call("/sim/stats"))["requests"]["byMethod"]
        return {f"{method} {status}": number for method, by_status in counted.items()
                for status, number in by_status.items()}

    def calls(self):
        """The requests by what they were for: list, create, read, other. The journal keeps 100,000."""
        kinds = {"list": 0, "create": 0, "read": 0, "other": 0}
        for entry in json.loads(self.call("/sim/journal"))["entries"]:
            path, method = entry["path"].split("?")[0], entry["method"]
            kind = "other"
            if path == "/api/v1/users":
                kind = {"GET": "list", "POST": "create"}.get(method, "other")
            elif path.startswith("/api/v1/users/") and method == "GET":
                kind = "read"
            kinds[kind] += 1
        return kinds

    def tenants_requests(self):
        """The same with --tenants, as far as it is told: all, and those refused."""
        tenants = json.loads(self.call("/sim/tenants"))["tenants"]
        refused = sum(tenant["refused"] for tenant in tenants)
        return {"429": refused, "all others": sum(tenant["requests"] for tenant in tenants) - refused}

    def cpu(self):
        return cpu_of(self.process.pid)


def asked(before, after):
    """Requests, and the share of them that was refused with 429, between two looks at Simulator.requests."""
    number = sum(after.values()) - sum(before.values())
    refused = sum(count - before.get(name, 0) for name, count in after.items() if name.endswith("429"))
    return {"requests": number, "refusedShare": refused / number if number else 0.0}


def write_comparators_desired(simulator, path):
    """The world as a comparator reads it: the bodies that a create sends."""
    users = []
    for user in json.loads(simulator.call("/sim/state"))["users"]:
        body = {"username": user["username"], "firstName": user["firstName"], "lastName": user["lastName"],
                "email": user["email"], "accountScope": user["scope"], "roles": user["roles"],
                "accounts": user["accounts"], "active": user["enabled"]}
        users.append(body | ({"phone": user["phone"]} if user["phone"] else {}))
    path.write_text(json.dumps({"users": users}), encoding="utf-8")


def split_desired(directory):
    """Files of 10,000 users in place of one that is too large to be read."""
    path = directory / "users.yaml"
    head, *entries = path.read_text(encoding="utf-8").split("\n  - ")
    if len(entries) <= USERS_PER_FILE:
        return
    for first in range(0, len(entries), USERS_PER_FILE):
        part = "\n  - ".join([head, *entries[first:first + USERS_PER_FILE]])
        (directory / f"users-{first // USERS_PER_FILE:03}.yaml").write_text(part.rstrip("\n") + "\n", encoding="utf-8")
    path.unlink()


class Home:
    """A directory with config, secrets, desired state and store."""

    def __init__(self, accounts, poll_interval="60s", desired=None, store="usersyncd.db"):
        """`accounts` are pairs of id and base URL; `desired` a directory that is already there."""
        self.temporary = tempfile.TemporaryDirectory(prefix="usersyncd-bench-")
        self.path = pathlib.Path(self.temporary.name)
        self.desired = pathlib.Path(desired) if desired else self.path / "desired"
        self.desired.mkdir(exist_ok=True)
        for name, secret in (("id", "sim-id"), ("secret", "sim-secret")):
            (self.path / name).touch(mode=0o600)
            (self.path / name).write_text(secret)
        (self.path / "policies").mkdir()
        (self.path / "policies" / "bench.yaml").write_text(NO_LIMIT)
        lines = ["version: 1", f"store: {{ path: {store} }}", f"desired: {{ path: {self.desired} }}",
                 "policies: { path: policies }", "log: { format: json }", "accounts:"]
        for name, url in accounts:
            lines += [f'  - id: "{name}"', "    provider: bandwidth-v1", f"    baseUrl: {url}", "    mode: enforce",
                      f"    pollInterval: {poll_interval}",
                      "    credentials: { type: oauth2, clientId: { file: id }, clientSecret: { file: secret } }"]
        self.config = self.path / "usersyncd.yaml"
        self.config.write_text("\n".join(lines) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()


class Daemon:
    """`usersyncd run` whose READY=1 is waited for, until the end of the `with`."""

    def __init__(self, programs, home, patience=600):
        self.log = home.path / "log"
        self.read_until, self.times = 0, {}
        notify = home.path / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears, open(self.log, "w") as log:
            ears.bind(str(notify))
            ears.settimeout(0.1)
            self.started = time.time()
            start = time.monotonic()
            self.process = subprocess.Popen([programs / "usersyncd", "run", "--config", home.config], stderr=log,
                                            cwd=home.path, env={"NOTIFY_SOCKET": str(notify), "PATH": "/usr/bin:/bin"})
            self.wait_until_ready(ears, start + patience)
            self.ready_after = time.monotonic() - start

    def wait_until_ready(self, ears, until):
        while True:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in ears.recv(65536).split(b"\n"):
                    return
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__()
                raise Failed("the daemon does not become ready: " + self.log.read_text()[-500:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def polls(self):
        """Times of the polls that went well, by account. Reads on where it ended: logs grow long."""
        with open(self.log, "rb") as log:
            log.seek(self.read_until)
            whole_lines = log.read().rpartition(b"\n")
        self.read_until += len(whole_lines[0]) + len(whole_lines[1])
        for line in whole_lines[0].splitlines():
            if b'"poll.ok"' in line:
                event = json.loads(line)
                self.times.setdefault(event["account"], []).append(event["time"])
        return self.times

    def wait_for_polls(self, accounts, patience):
        """Whether so many accounts were polled in time."""
        until = time.monotonic() + patience
        while len(self.polls()) < accounts:
            if time.monotonic() > until or self.process.poll() is not None:
                return False
            time.sleep(0.2)
        return True


def has(program):
    return shutil.which(program) is not None
