#!/usr/bin/env python3
"""Runs the benchmarks against the simulator and writes bench/results.json and the table in README.md. Times decide
nothing here: the exit code is 0 whatever they are. See scripts/bench."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import signal
import subprocess
import sys

from measure import Failed, row, timed
from scenarios import SCENARIOS
from table import markdown
from world import Simulator

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARKERS = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)


class Context:
    """What every scenario is given."""

    def __init__(self, options):
        self.programs = pathlib.Path(options.programs).resolve()
        self.tools = self.programs / "bench" if options.tools is None else pathlib.Path(options.tools).resolve()
        self.runs = 1 if options.quick else options.runs
        self.quick = options.quick
        self.cache = ROOT / "build" / "bench"
        self.cache.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def say(text):
        print(f"  {text}", file=sys.stderr, flush=True)


def first_line(*command):
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return output.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "not there"


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": cpu[1] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "memory": f"{memory:.0f} GiB", "kernel": platform.release(), "system": os_name()}


def os_name():
    found = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return found[1] if found else platform.system()


def versions():
    return {"compiler": first_line("g++", "--version"), "Python": "Python " + platform.python_version(),
            "curl": first_line("curl", "--version").split(" (")[0], "jq": first_line("jq", "--version"),
            "Ansible": first_line("ansible-playbook", "--version")}


def revision():
    dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True,
                           text=True).stdout
    return first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") + (" and changes" if dirty else "")


def capacity(context):
    """What the simulator does by itself: requests a second on eight kept connections, and its CPU for each."""
    measured = {}
    for name, target, count in (("list of 200", "GET /api/v1/users?limit=200", 20_000),
                                ("create", "POST /api/v1/users", 5_000)):
        count = count // 10 if context.quick else count
        with Simulator(context.programs, "--users", 200, "--seed", 7, "--whole-list") as simulator:
            token, before = simulator.token(), simulator.cpu()
            done = timed(context.tools, [context.tools / "load", simulator.port, target, token, count], ROOT)
            taken = json.loads(done["output"])["seconds"]
            measured[name] = {"perSecond": count / taken, "cpuMicroseconds": 1e6 * (simulator.cpu() - before) / count}
            context.say(f"simulator: {name}: {count / taken:,.0f} requests a second, "
                        f"{measured[name]['cpuMicroseconds']:.0f} us CPU each")
    return measured


def rate_limits(context):
    """The summary of the other benchmark, of rate limits, where it was built."""
    program = context.tools / "rate"
    if not program.exists():
        return None
    context.say("rate limits")
    done = subprocess.run([program, "--format", "json"], capture_output=True, text=True)
    if done.returncode != 0:
        return None
    return {name: value for name, value in json.loads(done.stdout).items() if name != "rows"}  # thousands


def read_options():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", choices=[*SCENARIOS, "rate"],
                        help="one scenario; may be repeated: " + ", ".join([*SCENARIOS, "rate"]))
    parser.add_argument("--runs", type=int, default=5, help="runs of each program, default 5")
    parser.add_argument("--quick", action="store_true", help="one run, and less of what takes long; not for the table")
    parser.add_argument("--json", metavar="FILE", help="the results go here, too")
    parser.add_argument("--no-write", action="store_true", help="leave bench/results.json and README.md alone")
    parser.add_argument("--programs", default=ROOT / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--tools", help=argparse.SUPPRESS)
    return parser.parse_args()


def write(results, options):
    text = json.dumps(results, indent=1) + "\n"
    if options.json:
        pathlib.Path(options.json).write_text(text)
    # A part, or a quick look, is not what the README promises.
    if options.no_write or options.quick or options.only:
        return
    (ROOT / "bench" / "results.json").write_text(text)
    readme = ROOT / "README.md"
    table = markdown(results, brief=True)
    readme.write_text(MARKERS.sub(lambda found: found[1] + table + found[2], readme.read_text()))


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended, too
    # A connection for each of 5,000 accounts, at both ends.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = Context(options)
    results = {"machine": machine(), "versions": versions(), "revision": revision(),
               "date": datetime.date.today().isoformat(), "quick": options.quick, "runs": context.runs,
               "capacity": capacity(context), "rows": [], "targets": []}
    for name, scenario in SCENARIOS.items():
        if options.only and name not in options.only:
            continue
        try:
            done = scenario(context)
        except Failed as error:
            done = {"rows": [row(name, "usersyncd", [], f"failed: {error}")], "targets": []}
        results["rows"] += done["rows"]
        results["targets"] += done["targets"]
    if not options.only or "rate" in options.only:
        results["rate"] = rate_limits(context)
    print(markdown(results))
    write(results, options)


main()
