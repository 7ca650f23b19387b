"""The results as Markdown."""


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(figure):
    """Median, and minimum to maximum where there were several runs that differ."""
    if figure is None:
        return ""
    text = number(figure["median"])
    if figure["runs"] > 1 and number(figure["min"]) != number(figure["max"]):
        text += f" ({number(figure['min'])}–{number(figure['max'])})"
    return text


def percent(figure):
    return "" if figure is None else f"{100 * figure['median']:.1f} %"


def times(ours, theirs, name):
    """How many times as much as the first program of the scenario."""
    if not ours[name] or not theirs[name] or ours is theirs or not ours[name]["median"]:
        return ""
    return number(float(f"{theirs[name]['median'] / ours[name]['median']:.2g}"))


def lines(rows):
    yield "| | program | wall s | × | CPU s | × | MiB | requests | refused | |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    first = None
    for made in rows:
        new = first is None or first["scenario"] != made["scenario"]
        first = made if new else first
        yield "| " + " | ".join([made["scenario"] if new else "", made["program"], spread(made["wall"]),
                                 times(first, made, "wall"), spread(made["cpu"]), times(first, made, "cpu"),
                                 spread(made["memory"]), spread(made["requests"]), percent(made["refusedShare"]),
                                 made["note"].replace("|", "/").replace("\n", " ")]) + " |"


def target_lines(targets):
    yield "| target | | measured | |"
    yield "|---|---|---|---|"
    for one in targets:
        measured = "—" if one["value"] is None else f"{number(one['value'])} {one['unit']}"
        limit = f"{'exactly' if one['exactly'] else 'at most'} {number(one['limit'])} {one['unit']}"
        yield f"| {one['target']} | {limit} | {measured} | " \
              f"{'met' if one['met'] else '**not met**'} |"


def flat(figures, before=""):
    """Names and numbers, those of a part behind its name; the families of limiters are left out."""
    for name, value in figures.items():
        if isinstance(value, dict) and name != "families":
            yield from flat(value, f"{before}{name} ")
        elif isinstance(value, (int, float)):
            yield before + name, value


def rate_lines(rate):
    """A line for each client of the limiters, over all of them."""
    clients = {name: dict(flat(figures)) for name, figures in rate.get("clients", {}).items()}
    names = list(next(iter(clients.values()), {}))
    yield ""
    yield f"Rate limits, in virtual time: {rate.get('limiters')} limiters, {rate.get('creates')} creates, " \
          f"{rate.get('seeds')} seeds (`build/release/bench/rate`)."
    yield ""
    yield "| client | " + " | ".join(name.replace("_", " ") for name in names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for client, figures in clients.items():
        yield f"| {client} | " + " | ".join(number(figures[name]) for name in names) + " |"


def markdown(results, brief=False):
    """All of it; or, brief, twenty limiters in real time as the one line that sums them up."""
    machine, versions = results["machine"], results["versions"]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, " \
            f"Linux {machine['kernel']}; " + ", ".join(versions.values())
    text = [f"Measured on {results['date']} at {results['revision']}: {where}. "
            f"Median (minimum–maximum) of {results['runs']} runs; × is the median over that of the first line.", ""]
    text += ["The simulator by itself: " + "; ".join(
        f"{name} {number(one['perSecond'])} requests/s, {number(one['cpuMicroseconds'])} µs of CPU each"
        for name, one in results["capacity"].items()) + ".", ""]
    text += lines([made for made in results["rows"] if not brief or not made["detail"]])
    if results["targets"]:
        text += ["", *target_lines(results["targets"])]
    if results.get("rate"):
        text += rate_lines(results["rate"])
    return "\n".join(text) + "\n"
