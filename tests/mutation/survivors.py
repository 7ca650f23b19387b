"""Reads the mutants that are known to survive, each with its reason."""

from pathlib import Path


def read(path: Path) -> dict[tuple[str, str, str], str]:
    """The reasons by file, line of the source and mutation: nothing that moves when other lines come or go."""
    known = {}
    lines = [line.strip() for line in path.read_text().splitlines() if not line.startswith("#")]
    for paragraph in "\n".join(lines).split("\n\n"):
        parts = paragraph.strip().split("\n")
        if parts == [""]:
            continue
        if len(parts) < 4:
            raise SystemExit(f"{path}: an entry has a file, a line, a mutation and a reason:\n{paragraph}")
        known[(parts[0], parts[1], parts[2])] = " ".join(parts[3:])
    return known
