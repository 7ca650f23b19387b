"""Processes and figures: what a program took, and how several runs of it compare."""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile

TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A program did not do what it was to do; the scenario has no figure then."""


def figure(values):
    """Median, minimum and maximum of several runs."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": len(values)}


def timed(tools, command, directory, accepted=(0,), timeout=1800):
    """Runs a program under bench/timed: {"wall", "cpu" in seconds, "memory" in MiB, "exit", "output"}."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        done = subprocess.run([tools / "timed", result.name, *map(str, command)], cwd=directory, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if done.returncode != 0:
            raise Failed(done.stderr[-500:])
        taken = json.loads(pathlib.Path(result.name).read_text())
    if taken["exit"] not in accepted:
        raise Failed(f"{command[0]} ended with {taken['exit']}: {(done.stdout + done.stderr)[-500:]}")
    taken["output"] = done.stdout
    return taken


def cpu_of(pid):
    """User and system seconds of a running process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid, name="VmRSS"):
    """MiB of a running process; VmHWM is the most that it ever had."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise Failed(f"process {pid} has no {name}")


def row(scenario, program, takings, note="", detail=False):
    """One line of the table, from what several runs took. A detail is summed up by another line."""
    made = {"scenario": scenario, "program": program, "note": note, "detail": detail}
    for name in ("wall", "cpu", "memory", "requests", "refusedShare"):
        values = [taken[name] for taken in takings if taken.get(name) is not None]
        made[name] = figure(values) if values else None
    return made


def target(text, value, limit, unit, exactly=False):
    """A figure of the issue, and whether it is met."""
    met = value is not None and (value == limit if exactly else value <= limit)
    return {"target": text, "value": value, "limit": limit, "unit": unit, "exactly": exactly, "met": met}
