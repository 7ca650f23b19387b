"""The scenarios. Each returns {"rows": [...], "targets": [...]}; what is timed is said in README.md."""

import datetime
import pathlib
import socket
import subprocess
import tempfile
import time

from measure import Failed, cpu_of, figure, memory_of, row, target, timed
from realtime import real_time
from world import Daemon, Home, Simulator, asked, has, split_desired, write_comparators_desired

HERE = pathlib.Path(__file__).resolve().parent
COMPARATORS = HERE / "comparators"
FEW = (10, 40)  # creates of a comparator that would take all night
PYTHON, BASH, ANSIBLE = "Python, 8 threads", "bash, curl, jq, 8 at a time", "Ansible, uri in a loop"


def comparator_commands(url, desired):
    """What can be run here of what a person would use."""
    commands = {PYTHON: ["python3", COMPARATORS / "sync.py", url, desired],
                BASH: ["bash", COMPARATORS / "sync.sh", url, desired]}
    if has("ansible-playbook"):
        commands[ANSIBLE] = ["ansible-playbook", COMPARATORS / "sync.yml", "-e", f"url={url}", "-e",
                             f"desired={desired}"]
    return commands


def watched(context, simulator, command, directory, accepted=(0,)):
    before = simulator.requests()
    taken = timed(context.tools, command, directory, accepted)
    return taken | asked(before, simulator.requests())


def attempt(context, scenario, program, once, runs, note=""):
    """A row from several runs, or one that says what went wrong."""
    takings = []
    try:
        for number in range(runs):
            context.say(f"{scenario}: {program}, run {number + 1} of {runs}")
            takings.append(once())
    except (Failed, subprocess.TimeoutExpired) as error:
        note = f"{note}; failed: {str(error)[:300]}".lstrip("; ")
    return row(scenario, program, takings, note)


def without_ansible(scenario):
    return row(scenario, ANSIBLE, [], "ansible-core is not installed")


def median(made, name):
    return made[name]["median"] if made[name] else None


def plan_10k(context):
    """Nothing to do among 10,000 users, in a store that has seen them."""
    name, users = "quiet poll, 10,000 users", 10_000
    with tempfile.TemporaryDirectory() as scratch, Home([]) as probe:
        desired = pathlib.Path(scratch) / "desired.json"
        with Simulator(context.programs, "--users", users, "--seed", 7, "--whole-list", "--write-desired",
                       probe.desired / "users.yaml") as simulator, \
                Home([("5500001", simulator.url)], desired=probe.desired) as home:
            write_comparators_desired(simulator, desired)
            plan = [context.programs / "usersyncd", "plan", "--config", home.config]
            watched(context, simulator, plan, home.path)  # the store sees them for the first time
            lists = simulator.calls()["list"]
            rows = [attempt(context, name, "usersyncd plan", lambda: watched(context, simulator, plan, home.path),
                            context.runs, "login, accounts twice, roles, list")]
            lists = (simulator.calls()["list"] - lists) / context.runs
            for program, command in comparator_commands(simulator.url, desired).items():
                runs = 1 if program == ANSIBLE and context.quick else context.runs
                rows.append(attempt(context, name, program,
                                    lambda: watched(context, simulator, command, home.path), runs))
    if not has("ansible-playbook"):
        rows.append(without_ansible(name))
    return {"rows": rows, "targets": [
        target("plan of 10,000 quiet users, wall", median(rows[0], "wall"), 0.3, "s"),
        target("plan of 10,000 quiet users, memory", median(rows[0], "memory"), 40, "MiB"),
        target("plan of 10,000 quiet users, list requests", lists, 1, "", True)]}


def plan_100k(context):
    """The same with 100,000 users, against Boost.JSON merely parsing the bytes of that list."""
    name, users = "quiet poll, 100,000 users", 100_000
    with Home([]) as probe, Simulator(
            context.programs, "--users", users, "--seed", 7, "--whole-list", "--write-desired",
            probe.desired / "users.yaml") as simulator, \
            Home([("5500001", simulator.url)], desired=probe.desired) as home:
        split_desired(home.desired)
        body = home.path / "list.json"
        body.write_bytes(simulator.call("/api/v1/users", headers={"Authorization": "Bearer " + simulator.token()}))
        size = body.stat().st_size / 2**20
        plan = [context.programs / "usersyncd", "plan", "--config", home.config]
        watched(context, simulator, plan, home.path)
        rows = [attempt(context, name, "usersyncd plan", lambda: watched(context, simulator, plan, home.path),
                        context.runs, f"a list of {size:.1f} MiB"),
                attempt(context, name, "Boost.JSON, parsing only",
                        lambda: timed(context.tools, [context.tools / "parse", body], home.path), context.runs)]
        rows.append(daemon_100k(context, name, simulator, home))
    parse = median(rows[1], "cpu")
    return {"rows": rows, "targets": [
        target("plan of 100,000 quiet users, CPU / Boost.JSON's", ratio(rows[0], "cpu", parse), 3, "x"),
        target("plan of 100,000 quiet users, memory / body", ratio(rows[0], "memory", size), 4, "x"),
        target("a daemon's poll of 100,000 unchanged users, CPU / Boost.JSON's", ratio(rows[2], "cpu", parse), 3, "x"),
        target("a daemon of 100,000 users, memory / body", ratio(rows[2], "memory", size), 4, "x")]}


def ratio(made, name, divisor):
    value = median(made, name)
    return value / divisor if value is not None and divisor else None


def daemon_100k(context, name, simulator, home):
    """CPU of single polls of a running daemon: what it takes between two cycle.summary, less what idling takes."""
    program = "usersyncd run, one poll"
    home.config.write_text(home.config.read_text().replace("pollInterval: 60s", "pollInterval: 3s"))
    takings = []
    with Daemon(context.programs, home) as daemon:
        if not daemon.wait_for_polls(1, 600):
            return row(name, program, [], "no poll within 600 s")
        while len(takings) < context.runs:
            context.say(f"{name}: {program}, run {len(takings) + 1} of {context.runs}")
            before, polls, asked_before = cpu_of(daemon.pid), poll_count(daemon), simulator.requests()
            while poll_count(daemon) < polls + 1:
                time.sleep(0.05)
            time.sleep(1)  # what comes after poll.ok; the next poll begins 2.7 s after it at the earliest
            takings.append({"cpu": cpu_of(daemon.pid) - before, "memory": memory_of(daemon.pid, "VmHWM")}
                           | asked(asked_before, simulator.requests()))
    return row(name, program, takings, "unchanged list; memory is the peak of the daemon")


def poll_count(daemon):
    return sum(len(times) for times in daemon.polls().values())


def creates(context, name, users, options):
    """`users` creates on an empty provider: every run starts a simulator and, for us, a store anew."""
    with tempfile.TemporaryDirectory() as scratch, Home([]) as home:
        scratch = pathlib.Path(scratch)
        for count in (*FEW, users):
            with Simulator(context.programs, "--users", count, "--seed", 7, "--write-desired",
                           home.desired / "users.yaml") as simulator:
                write_comparators_desired(simulator, scratch / f"{count}.json")
        kinds = {}

        def once(make_command):
            with Simulator(context.programs, "--whole-list", *options) as simulator, \
                    Home([("5500001", simulator.url)], desired=home.desired) as own:
                taken = watched(context, simulator, make_command(simulator.url, own.config), scratch)
                kinds.update(simulator.calls())
                return taken

        def compared(program, count, runs):
            return attempt(context, name, program, lambda: once(
                lambda url, _: comparator_commands(url, scratch / f"{count}.json")[program]), runs)

        apply = [context.programs / "usersyncd", "apply", "--yes", "--config"]
        rows = [attempt(context, name, "usersyncd apply", lambda: once(lambda _, config: [*apply, config]),
                        context.runs)]
        ours = dict(kinds)
        rows += [compared(program, users, context.runs) for program in (PYTHON, BASH)]
        if has("ansible-playbook"):
            rows.append(extrapolated([compared(ANSIBLE, count, min(context.runs, 3)) for count in FEW], users))
        else:
            rows.append(without_ansible(name))
    return rows, ours


def extrapolated(made, users):
    """From two runs with fewer creates, what all of them would take: each further one as much as between the two."""
    few, more = made
    for name in ("wall", "cpu", "requests"):
        if few[name] and more[name]:
            each = (more[name]["median"] - few[name]["median"]) / (FEW[1] - FEW[0])
            value = more[name]["median"] + each * (users - FEW[1])
            more[name] = {"median": value, "min": value, "max": value, "runs": more[name]["runs"]}
    more["note"] = f"{more['note']} extrapolated from {FEW[0]} and {FEW[1]} creates".strip()
    return more


def creates_1000(context):
    rows, kinds = creates(context, "1,000 creates, 20 ms", 1000, ("--latency", "20ms"))
    rows[0]["note"] = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return {"rows": rows, "targets": [
        target("1,000 creates at 20 ms, 8 in flight, wall", median(rows[0], "wall"), 3.0, "s"),
        target("1,000 creates, creates sent", kinds.get("create"), 1000, "", True),
        target("1,000 creates, list requests (before, and one that verifies all)", kinds.get("list"), 2, ""),
        target("1,000 creates, verifying reads", kinds.get("read"), 1000, "")]}


def limited_200(context):
    rows, _ = creates(context, "200 creates, limit 20/s", 200,
                      ("--limiter", "token-bucket:rate=20,burst=20", "--hint", "none"))
    return {"rows": rows, "targets": []}


def tenant_accounts(count, url):
    return [(f"5500001-{number}", f"{url}/tenant/{number}") for number in range(1, count + 1)]


def daemon_100(context):
    """100 accounts of 200 users that stay as they are, polled every 60 s: windows of a minute, of one poll of each."""
    name = "daemon, 100 quiet accounts of 200"
    window = 60
    takings = []
    with Home([]) as probe, Simulator(
            context.programs, "--tenants", 100, "--users", 200, "--seed", 7, "--whole-list", "--write-desired",
            probe.desired) as simulator, \
            Home(tenant_accounts(100, simulator.url), desired=probe.desired) as home, \
            Daemon(context.programs, home) as daemon:
        if not daemon.wait_for_polls(100, 300):
            raise Failed("not all accounts were polled within 300 s")
        time.sleep(5)
        for number in range(context.runs):
            context.say(f"{name}: window {number + 1} of {context.runs}")
            before, asked_before = cpu_of(daemon.pid), simulator.tenants_requests()
            time.sleep(window)
            takings.append({"wall": window, "cpu": cpu_of(daemon.pid) - before, "memory": memory_of(daemon.pid)}
                           | asked(asked_before, simulator.tenants_requests()))
        peak = memory_of(daemon.pid, "VmHWM")
    made = row(name, "usersyncd run", takings, f"windows of {window} s, every account polled every 60 s; "
                                               f"peak {peak:.0f} MiB")
    return {"rows": [made], "targets": [
        target("100 quiet accounts, share of a core", 100 * median(made, "cpu") / window, 1, "%"),
        target("100 quiet accounts, memory", median(made, "memory"), 30, "MiB")]}


def ready_1m(context):
    """From the start of the process to READY=1, with a million audit records that are signed already."""
    records = 10_000 if context.quick else 1_000_000
    name = f"start to ready, {records:,} audit records"
    store = context.cache / f"audit-{records}.db"
    if not store.with_suffix(".made").exists():
        context.say(f"{name}: making the store")
        subprocess.run([context.tools / "fill-audit", store, str(records)], check=True)
        store.with_suffix(".made").touch()
    takings = []
    with Home([]) as probe, Simulator(
            context.programs, "--users", 200, "--seed", 7, "--whole-list", "--write-desired",
            probe.desired / "users.yaml") as simulator, \
            Home([("5500001", simulator.url)], desired=probe.desired, store=store) as home:
        for number in range(context.runs + 1):  # the first one signs what was made, and fills the page cache
            context.say(f"{name}: run {number} of {context.runs}")
            with Daemon(context.programs, home) as daemon:
                cpu = cpu_of(daemon.pid)
                takings.append({"wall": daemon.ready_after, "cpu": cpu, "memory": memory_of(daemon.pid)})
                daemon.wait_for_polls(1, 60)
    made = row(name, "usersyncd run", takings[1:],
               f"a store of {store.stat().st_size / 2**20:.0f} MiB, in the page cache")
    return {"rows": [made], "targets": [
        target(f"start to ready with {records:,} audit records", 1000 * median(made, "wall"), 100, "ms")]}


def closed_port():
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def rounds_of(polls):
    """The longest wait of any account for its n-th next poll, for each n that all accounts have come to."""
    complete = min(map(len, polls))
    return [max(times[number] - times[number - 1] for times in polls) for number in range(1, complete)]


class Scaled:
    """Accounts of 200 users, always due again after 10 s, with one that is dead and one that takes 10 s to answer."""

    patience = 600

    def __init__(self, context, accounts, simulator, desired):
        self.context, self.accounts, self.simulator = context, accounts, simulator
        self.name = f"{accounts:,} accounts of 200 users"
        self.slow = f"5500001-{accounts}"
        simulator.call(f"/tenant/{accounts}/sim/faults", b'{"rules":[{"path":"/users","fault":{"slow":"10s"}}]}')
        urls = tenant_accounts(accounts, simulator.url) + [("dead", f"http://127.0.0.1:{closed_port()}")]
        self.home = Home(urls, "10s", desired)

    def start(self, polls, then=None):
        """A daemon until each account but those two was polled so many times: what it took, and `then`'s answer."""
        before, cpu_before = asked({}, self.simulator.tenants_requests()), self.simulator.cpu()
        with Daemon(self.context.programs, self.home, self.patience) as daemon:
            times = self.watch(daemon, polls)
            taken = {"cpu": cpu_of(daemon.pid), "memory": memory_of(daemon.pid, "VmHWM"), "ready": daemon.ready_after,
                     "requests": asked({}, self.simulator.tenants_requests())["requests"] - before["requests"],
                     "simulator": self.simulator.cpu() - cpu_before, "slow": len(times.get(self.slow, []))}
            others = [list(map(seconds, moments)) for account, moments in times.items() if account != self.slow]
            if len(others) < self.accounts - 1 or min(map(len, others)) < polls:
                raise Failed(f"{len(times)} of {self.accounts} polled {self.patience} s after the start, "
                             f"{taken['memory']:.0f} MiB")
            taken["all"] = max(moments[0] for moments in others) - daemon.started
            taken["rounds"] = rounds_of(others)
            return taken, then(daemon) if then else None

    def watch(self, daemon, polls):
        until = time.monotonic() + self.patience
        while True:
            times = daemon.polls()
            enough = sum(len(moments) >= polls for moments in times.values())
            self.context.say(f"{self.name}: {len(times)} polled, {enough} of them {polls} times, "
                             f"{memory_of(daemon.pid):.0f} MiB")
            if enough >= self.accounts - 1 or time.monotonic() > until or daemon.process.poll() is not None:
                return times
            time.sleep(5 if self.accounts > 1000 else 1)

    def beside(self, daemon):
        """Seconds that people wait who work beside the daemon: for status, and until an edit is in force."""
        began = time.monotonic()
        subprocess.run([self.context.programs / "usersyncd", "status", "--config", self.home.config], check=True,
                       stdout=subprocess.DEVNULL)
        status = time.monotonic() - began
        edited = next(self.home.desired.glob(f"{self.slow}.yaml"))
        edited.write_text(edited.read_text() + '  - username: somebody.new\n    state: absent\n')
        began = time.monotonic()
        while b'"reload.ok"' not in daemon.log.read_bytes():
            if time.monotonic() - began > self.patience:
                raise Failed("an edit is not taken up: " + daemon.log.read_text()[-500:])
            time.sleep(0.05)
        return status, time.monotonic() - began

    def row(self, program, taken, wall, note):
        made = row(self.name, program, [taken | {"wall": wall}], note)
        return made | {"refusedShare": figure([0.0])}


def scale(context, accounts):
    accounts = min(accounts, 200) if context.quick else accounts
    with Home([]) as probe, Simulator(
            context.programs, "--tenants", accounts, "--users", 200, "--seed", 7, "--whole-list", "--write-desired",
            probe.desired) as simulator:
        scaled = Scaled(context, accounts, simulator, probe.desired)
        with scaled.home:
            first, _ = scaled.start(1)
            second, (status, edit) = scaled.start(1 + context.runs, scaled.beside)
            validate = timed(context.tools, [context.programs / "usersyncd", "validate", "--config",
                                             scaled.home.config], scaled.home.path)
    note = "{} s to ready, simulator {} s CPU; the slow account was polled {} times meanwhile"

    def said(taken):
        return note.format(*(round(taken[name], 1) for name in ("ready", "simulator", "slow")))

    rows = [scaled.row("first start, all polled", first, first["all"], said(first)),
            scaled.row("second start, all polled", second, second["all"],
                       said(second) + f"; the figures are of {context.runs} more rounds, too"),
            row(scaled.name, "usersyncd validate", [validate]),
            row(scaled.name, "status beside the daemon", [{"wall": status}]),
            row(scaled.name, "until an edit of one file is in force", [{"wall": edit}])]
    return {"rows": rows, "targets": [
        target(f"{accounts:,} accounts, first start: all polled", first["all"], 60, "s"),
        target(f"{accounts:,} accounts, second start: all polled", second["all"], 60, "s"),
        target(f"{accounts:,} accounts, the longest that any waits for its next poll", max(second["rounds"]), 60, "s"),
        target(f"{accounts:,} accounts of 200 users, peak memory", max(first["memory"], second["memory"]), 300,
               "MiB")]}


SCENARIOS = {"plan-10k": plan_10k, "plan-100k": plan_100k, "creates-1000": creates_1000, "limited-200": limited_200,
             "real-time": real_time,
             "daemon-100": daemon_100, "ready-1m": ready_1m, "scale-1000": lambda context: scale(context, 1000),
             "scale-5000": lambda context: scale(context, 5000)}
