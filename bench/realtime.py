"""Twenty limiters in real time: what bench/rate plays in virtual time, played by the program against the simulator."""

import concurrent.futures
import json
import pathlib
import subprocess
import tempfile
import threading

from measure import Failed, row, timed
from world import Home, Simulator, asked, write_comparators_desired

HERE = pathlib.Path(__file__).resolve().parent
LIMITERS = HERE / "rate" / "real-time.json"
CREATES = 200
FAMILIES = {"token-bucket": "token-bucket:rate={rate},burst={burst}",
            "leaky-bucket": "leaky-bucket:rate={rate},queue={burst}",
            "fixed-window": "fixed-window:limit={limit},window={milliseconds}ms",
            "fixed-window-first": "fixed-window:limit={limit},window={milliseconds}ms,anchored",
            "sliding-log": "sliding-log:limit={limit},window={milliseconds}ms",
            "sliding-counter": "sliding-counter:limit={limit},window={milliseconds}ms"}


def specification(limiter):
    """The limiter as the simulator's --limiter takes it."""
    text = FAMILIES[limiter["family"]].format(**limiter, milliseconds=round(1000 * limiter.get("window", 0)))
    return text + (",strict" if limiter.get("strict") else "")


def virtual(context):
    """What bench/rate says of the same limiters: for each, rows by client."""
    program = context.tools / "rate"
    if not program.exists():
        raise Failed("bench/rate is not built")
    done = subprocess.run([program, "--limiters", LIMITERS, "--count", str(CREATES), "--clients", "aimd,learn",
                           "--format", "json"], capture_output=True, text=True, check=True)
    by_name = {}
    for one in json.loads(done.stdout)["rows"]:
        by_name.setdefault(one["limiter"], {})[one["client"]] = one
    return by_name


def change_later(simulator, limiter):
    """Timers that give the simulator's limiter its new numbers, as `changes` wants it."""
    timers = []
    for change in limiter.get("changes", []):
        body = json.dumps({"limiter": specification(limiter | change), "hint": "none"}).encode()
        timers.append(threading.Timer(change["at"], simulator.call, ("/sim/limiter", body)))
    return timers


def play(context, limiter, make_command, desired):
    """One program, one limiter; wall time, and the share of requests that was refused."""
    options = ("--whole-list", "--latency", "50ms", "--jitter", f"{limiter['jitter_ms']}ms", "--limiter",
               specification(limiter), "--hint", "none")
    with tempfile.TemporaryDirectory() as scratch, Simulator(context.programs, *options) as simulator, \
            Home([("5500001", simulator.url)], desired=desired) as home:
        timers = change_later(simulator, limiter)
        for timer in timers:
            timer.start()
        taken = timed(context.tools, make_command(simulator.url, home.config), scratch)
        for timer in timers:
            timer.cancel()
        taken |= asked({}, simulator.requests())
        created = len(json.loads(simulator.call("/sim/state"))["users"]) - 1  # its own login is there from the start
    if created != CREATES:
        raise Failed(f"{limiter['name']}: {created} users are there, {CREATES} were wanted")
    return taken


def play_all(context, limiters, make_command, desired):
    """All limiters side by side: nearly all of their time is waiting."""
    with concurrent.futures.ThreadPoolExecutor(len(limiters)) as pool:
        return list(pool.map(lambda limiter: play(context, limiter, make_command, desired), limiters))


def over_all(program, takings, foretold):
    """The median limiter and the worst: time over the optimum, and refused."""
    ratios = sorted(taken["wall"] / optimum_of(one) for taken, one in zip(takings, foretold))
    refused = sorted(100 * taken["refusedShare"] for taken in takings)
    note = f"time over the optimum {ratios[len(ratios) // 2]:.2f}, at most {ratios[-1]:.2f}; refused " \
           f"{refused[len(refused) // 2]:.1f} %, at most {refused[-1]:.1f} %"
    return row(f"real time: all {len(takings)} limiters", program, [], note)


def optimum_of(foretold):
    return foretold["learn"]["seconds"] / foretold["learn"]["time_ratio"]


def limiter_rows(limiter, foretold, ours, theirs):
    """Ours and the comparator's, with what virtual time foretold of ours and of AIMD."""
    learn, aimd = foretold["learn"], foretold["aimd"]
    note = f"optimum {optimum_of(foretold):.1f} s; in virtual time {learn['seconds']:.1f} s and {100 * learn['refused_share']:.1f} %," \
           f" AIMD {aimd['seconds']:.1f} s and {100 * aimd['refused_share']:.1f} %"
    name = f"real time: {limiter['name']}"
    return [row(name, "usersyncd apply", [ours], note, detail=True), row(name, "Python, 8 threads", [theirs], detail=True)]


def real_time(context):
    limiters = json.loads(LIMITERS.read_text())["limiters"]
    limiters = limiters[::5] if context.quick else limiters
    foretold = virtual(context)
    with Home([]) as made, tempfile.TemporaryDirectory() as scratch:
        bodies = pathlib.Path(scratch) / "desired.json"
        with Simulator(context.programs, "--users", CREATES, "--seed", 7, "--write-desired",
                       made.desired / "users.yaml") as simulator:
            write_comparators_desired(simulator, bodies)
        context.say(f"real time: {len(limiters)} limiters side by side, usersyncd apply")
        ours = play_all(context, limiters, lambda _, config: [context.programs / "usersyncd", "apply", "--yes",
                                                              "--config", config], made.desired)
        context.say(f"real time: {len(limiters)} limiters side by side, Python")
        theirs = play_all(context, limiters, lambda url, _: ["python3", HERE / "comparators" / "sync.py", url, bodies],
                          made.desired)
    rows = []
    for limiter, one, other in zip(limiters, ours, theirs):
        rows += limiter_rows(limiter, foretold[limiter["name"]], one, other)
    told = [foretold[limiter["name"]] for limiter in limiters]
    rows += [over_all("usersyncd apply", ours, told), over_all("Python, 8 threads", theirs, told)]
    return {"rows": rows, "targets": []}
