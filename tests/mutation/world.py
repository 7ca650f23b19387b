"""The copy of the sources in which the mutants live, its build, and its tests."""

import os
import re
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from points import Finder, Mutant, Point, written

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "mutate"
REFUSED = PLACE / "refused"
SOURCES = ["sync/plan*.cpp", "sync/undo.cpp", "sync/effective.cpp", "sync/judged.cpp", "sync/believe.cpp",
           "sync/item_reads.cpp", "policies/*.cpp"]
NOT_MUTATED = {"policies/read.cpp"}  # reads YAML: tested by examples of good and bad files
SUITES = ["test_sync", "test_policies"]
IDS_PER_FILE = 3000
QUICK = 0.25  # seconds; tests below it run together, the others one by one
MEMORY = 4 << 30
PERCENT = 10  # of the random cases that a run of the tests has
ERROR = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+):\s+(error|required from)")


def mutated_files(only: str | None) -> list[str]:
    files = sorted({str(path.relative_to(ROOT)) for glob in SOURCES for path in ROOT.glob(glob)} - NOT_MUTATED)
    if only and only not in files:
        raise SystemExit(f"mutate: {only} is not one of {', '.join(files)}")
    return [only] if only else files


def find_points(files: list[str]) -> dict[str, list[Point]]:
    every = mutated_files(None)
    return {
        file: Finder(file, (ROOT / file).read_text(), every.index(file) * IDS_PER_FILE).find() for file in files
    }


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_sources(points: dict[str, list[Point]]) -> None:
    """Copies all that the build reads, with the mutants in it; what has not changed keeps its time."""
    wanted = set()
    for top in ["CMakeLists.txt", "cmake", "sync", "config", "policies", "providers", "store", "reconcile",
                "daemon", "simulator", "tests", "systemd", "simulate"]:  # fmt: skip
        source = ROOT / top
        for path in [source] if source.is_file() else source.rglob("*"):
            name = str(path.relative_to(ROOT))
            if path.is_file() and path.suffix != ".pyc" and name not in points:
                wanted.add(name)
                target = PLACE / "source" / name
                if not target.exists() or target.read_bytes() != path.read_bytes():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
    for file, its in points.items():
        write_if_changed(PLACE / "source" / file, written((ROOT / file).read_text(), its))
        wanted.add(file)
    for name in ("mutant.cpp", "mutant.hpp"):
        write_if_changed(PLACE / "source" / "sync" / name, (ROOT / "tests/mutation" / name).read_text())
        wanted.add(f"sync/{name}")
    for path in (PLACE / "source").rglob("*"):
        if path.is_file() and str(path.relative_to(PLACE / "source")) not in wanted:
            path.unlink()


def configure() -> None:
    header = PLACE / "source" / "sync" / "mutant.hpp"
    subprocess.run(
        ["cmake", "-S", PLACE / "source", "-B", PLACE / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
         "-DUSERSYNCD_BENCH=OFF",
         f"-DCMAKE_CXX_FLAGS_DEBUG=-O1 -w -fmax-errors=0 -include {header}"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def build(points: dict[str, list[Point]], jobs: int) -> list[Mutant]:
    """Builds the tests with every mutant that compiles; returns those that do not."""
    refused = drop_known(points)
    configured = False
    for _ in range(12):
        copy_sources(points)
        if not configured:
            configure()
            configured = True
        made = subprocess.run(
            ["cmake", "--build", PLACE / "build", f"-j{jobs}", "--target", *SUITES, "--", "-k", "0"],
            capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode == 0:
            return refused
        bad = drop_refused(points, made.stdout)
        if not bad:
            raise SystemExit("mutate: the copy does not build:\n" + made.stdout[-6000:])
        refused += bad
        REFUSED.write_text("".join("\t".join(mutant.key()) + "\n" for mutant in refused))
    raise SystemExit("mutate: there is no end of mutants that do not compile")


def drop_known(points: dict[str, list[Point]]) -> list[Mutant]:
    """Takes out what did not compile in an earlier run: to find that out takes as long as half the build."""
    known = set(REFUSED.read_text().splitlines()) if REFUSED.exists() else set()
    dropped = []
    for file, its in points.items():
        bad = [point for point in its if "\t".join(point.mutants[0].key()) in known]
        points[file] = [point for point in its if point not in bad]
        dropped += [mutant for point in bad for mutant in point.mutants]
    return dropped


def drop_refused(points: dict[str, list[Point]], output: str) -> list[Mutant]:
    """Takes out the place next to each error."""
    bad: dict[int, tuple[str, Point]] = {}
    for line in output.splitlines():
        found = ERROR.match(line)
        if not found:
            continue
        path = (PLACE / "build" / found["file"]).resolve()
        name = str(path.relative_to(PLACE / "source")) if path.is_relative_to(PLACE / "source") else ""
        if name not in points:
            continue
        lines = (PLACE / "source" / name).read_text().split("\n")
        row, column = int(found["line"]), int(found["column"])
        start = sum(len(text) + 1 for text in lines[: row - 1])
        point = nearest(points[name], start, start + len(lines[row - 1]), start + column - 1)
        if point:
            bad[id(point)] = (name, point)
    for name, point in bad.values():
        points[name] = [other for other in points[name] if other is not point]
    return [mutant for _, point in bad.values() for mutant in point.mutants]


def nearest(points: list[Point], start: int, end: int, at: int) -> Point | None:
    """The place on this line of the written file that is next to the error."""
    on_line = [point for point in points if point.mutants[0].start < end and point.mutants[0].end > start]
    holding = [point for point in on_line if point.mutants[0].start <= at <= point.mutants[0].end]
    by_size = sorted(holding, key=lambda point: point.mutants[0].end - point.mutants[0].start)
    if by_size:
        return by_size[0]
    return min(on_line, key=lambda point: abs(point.mutants[0].start - at), default=None)


@dataclass
class TestCase:
    suite: str
    name: str
    seconds: float
    seen: set[int] = field(default_factory=set)


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run_suite(suite: str, options: list[str], timeout: float, **env: str) -> int | None:
    """The exit code, or none where it took too long."""
    full = {**os.environ, "USERSYNCD_TEST_SEED": "20261121", "USERSYNCD_TEST_PERCENT": str(PERCENT), **env}
    try:
        done = subprocess.run(
            [PLACE / "build" / suite, "--no-version", "--no-colors", *options], timeout=timeout, env=full,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit_memory,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def names_of_tests(suite: str) -> list[str]:
    listed = subprocess.run(
        [PLACE / "build" / suite, "--no-version", "--no-colors", "--list-test-cases"], capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return [line for line in listed.stdout.splitlines() if line and not line.startswith(("[doctest]", "==="))]


def filter_of(name: str) -> str:
    return re.sub(r'[,"\\]', "?", name)


def measure_tests() -> list[TestCase]:
    """Runs every test alone without a mutant: it has to pass, and tells how long it takes and what it reaches."""
    cases = []
    seen = PLACE / "seen"
    for suite in SUITES:
        for name in names_of_tests(suite):
            begun = time.monotonic()
            code = run_suite(suite, ["--test-case=" + filter_of(name)], 600, USERSYNCD_MUTANTS_SEEN=str(seen))
            if code != 0:
                raise SystemExit(f"mutate: without any mutant {suite} fails in: {name}")
            case = TestCase(suite, name, time.monotonic() - begun)
            case.seen = {int(line) for line in seen.read_text().split()}
            if case.seen:
                cases.append(case)
    return sorted(cases, key=lambda case: case.seconds)


def barren_ids() -> set[int]:
    found: set[int] = set()
    for suite in SUITES:
        path = PLACE / "barren"
        run_suite(suite, ["--test-case=none"], 60, USERSYNCD_MUTANTS_BARREN=str(path))
        found |= {int(line) for line in path.read_text().split()}
    return found


def killer_of(mutant: Mutant, cases: list[TestCase]) -> str | None:
    """What noticed the mutant, or none. `cases` come in the order of what they take."""
    # Two mutants of one comparison are asked for in turn, and the second only if it is not the first.
    reaching = [case for case in cases if case.seen & {mutant.id, mutant.id - 1}]
    quick = [case for case in reaching if case.seconds < QUICK]
    batches = [[case for case in quick if case.suite == suite] for suite in SUITES]
    batches += [[case] for case in reaching if case.seconds >= QUICK]
    for batch in batches:
        if not batch:
            continue
        names = ",".join(filter_of(case.name) for case in batch)
        limit = 3 + 8 * sum(case.seconds for case in batch)
        options = ["--test-case=" + names, "--abort-after=1"]
        code = run_suite(batch[0].suite, options, limit, USERSYNCD_MUTANT=str(mutant.id))
        if code != 0:
            what = batch[0].name if len(batch) == 1 else batch[0].suite
            return what if code is not None else f"{what} does not end"
    return None
