"""Finds what can be mutated in a source file, and writes the file in which each mutant can be chosen."""

from dataclasses import dataclass, field

from tokens import Token, in_angles, scan

COMPARISONS = {
    "==": ("equal", "==", ["!="]),
    "!=": ("unequal", "==", ["=="]),
    "<": ("less", "<", ["<=", ">="]),
    "<=": ("less_equal", "<", ["<", ">"]),
    ">": ("greater", "<", [">=", "<="]),
    ">=": ("greater_equal", "<", [">", "<"]),
}
ARITHMETIC = {
    "+": ("plus", ["-"]),
    "-": ("minus", ["+"]),
    "*": ("times", ["/"]),
    "/": ("over", ["*"]),
    "%": ("modulo", ["*"]),
}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "|=", "&="}
# Where an operand of each operator ends, on its own bracket level.
LOWER_THAN_OR = {",", ";", "?", ":", "return", "=", "+=", "-=", "|=", "co_return"}
LOWER_THAN_AND = LOWER_THAN_OR | {"||"}
LOGIC = {"&&", "||"} | set(COMPARISONS)
NOT_A_STATEMENT = {
    "return", "if", "for", "while", "switch", "case", "do", "else", "const", "auto", "constexpr", "static",
    "using", "namespace", "struct", "class", "enum", "template", "public", "private", "try", "catch",
    "typedef", "explicit", "inline", "friend", "operator", "default", "bool", "int", "char", "void",
}  # fmt: skip


@dataclass
class Mutant:
    """One change of one place. `nth` counts equal changes of one line."""

    file: str
    line: int
    text: str
    before: str
    after: str
    nth: int = 1
    id: int = -1
    start: int = 0  # offsets in the written file, to find what does not compile
    end: int = 0

    def key(self) -> tuple[str, str, str]:
        nth = f" ({self.nth})" if self.nth > 1 else ""
        return (self.file, self.text, f"{self.before} -> {self.after}{nth}")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key()[2]}\n    {self.text}"


@dataclass
class Point:
    """A place, its mutants, and what is to be written around and instead of its tokens."""

    mutants: list[Mutant]
    edits: list["Edit"] = field(default_factory=list)


@dataclass
class Edit:
    """Writes `text` in place of start..end. Of insertions at one place, the wider extent is the outer one."""

    start: int
    end: int
    text: str
    extent: int = 0
    closes: bool = False

    def order(self) -> tuple:
        if self.start < self.end:
            return (self.start, 2, 0)
        return (self.start, 0, self.extent) if self.closes else (self.start, 1, -self.extent)


class Finder:
    def __init__(self, file: str, source: str, first_id: int):
        self.file, self.source, self.next_id = file, source, first_id
        self.tokens = scan(source)
        self.lines = source.split("\n")
        self.points: list[Point] = []

    def find(self) -> list[Point]:
        for at, token in enumerate(self.tokens):
            if not in_angles(self.tokens, at):
                self.look_at(at, token)
        seen: dict[tuple, int] = {}
        for mutant in (mutant for point in self.points for mutant in point.mutants):
            place = (mutant.line, mutant.before, mutant.after)
            mutant.nth = seen[place] = seen.get(place, 0) + 1
        return self.points

    def look_at(self, at: int, token: Token) -> None:
        if token.text in COMPARISONS and token.spaced:
            name, sign, others = COMPARISONS[token.text]
            self.operator(token, others, f"{sign} mutants::{name}<%d>{{}} {sign}")
            self.next_id += 2 - len(others)  # a comparison has two ids, also where it has one mutant
        elif token.text in ARITHMETIC and token.spaced and not self.joins_strings(at):
            name, others = ARITHMETIC[token.text]
            self.operator(token, others, f"{token.text} mutants::{name}<%d>{{}} {token.text}")
        elif token.text in ("&&", "||") and token.spaced:
            self.logic(at, token)
        elif token.text == "!":
            self.wrap(token, ["(dropped)"], token.start, token.start, "mutants::negation<%d>{} ->* ", "", "!")
        elif token.text in ("true", "false"):
            other = "false" if token.text == "true" else "true"
            self.operator(token, [other], f"mutants::flag<%d>({token.text})")
        elif token.kind == "number" and "." not in token.text:
            self.operator(token, ["one more", "one less"], f"mutants::number<%d>({token.text})")
        elif token.text in ("min", "max") and self.text(at - 1) == "::" and self.text(at + 1) == "(":
            self.extreme(at, token)
        elif token.text in ("++", "--"):
            self.step(at, token)
        elif token.text in ("if", "while") and self.text(at + 1) == "(":
            self.condition(at + 2, self.tokens[at + 1].mate)
        elif token.text == "?":
            self.condition(self.left_of(at, LOWER_THAN_OR | {"<<"}), at)
        elif token.text == "return":
            self.result(at)
        if self.starts_statement(at):
            self.statement(at)

    def text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def add(self, token: Token, before: str, afters: list[str], edits: list[Edit]) -> None:
        line = self.source.count("\n", 0, token.start) + 1
        made = []
        for after in afters:
            mutant = Mutant(self.file, line, self.lines[line - 1].strip(), before, after, id=self.next_id)
            self.next_id += 1
            made.append(mutant)
        for edit in edits:
            edit.text = edit.text.replace("%d", str(made[0].id))
        self.points.append(Point(made, edits + self.without_constexpr(token)))

    # What is chosen at run time is no constant expression.
    def without_constexpr(self, token: Token) -> list[Edit]:
        at = next(i for i, other in enumerate(self.tokens) if other.start >= token.start)
        while at > 0 and self.text(at - 1) not in (";", "{", "}"):
            at = self.tokens[at - 1].mate if 0 <= self.tokens[at - 1].mate < at - 1 else at - 1
            if self.text(at) == "constexpr" and self.text(at + 1) != "(":
                return [Edit(self.tokens[at].start, self.tokens[at].end, "const")]
        return []

    def operator(self, token: Token, afters: list[str], text: str) -> None:
        self.add(token, token.text, afters, [Edit(token.start, token.end, text)])

    def wrap(self, token, afters, start, end, opening, closing, before) -> None:
        extent = end - start
        edits = [Edit(start, start, opening, extent), Edit(end, end, closing, extent, closes=True)]
        self.add(token, before, afters, edits)

    # Of a chain that holds a literal string, every `+` joins strings; of others the compiler tells.
    def joins_strings(self, at: int) -> bool:
        stop = LOWER_THAN_AND | {"&&", "<<"}
        chain = self.tokens[self.left_of(at, stop) : self.right_of(at, stop)]
        level = self.tokens[at].inside
        return any(token.kind in ("string", "char") and token.inside == level for token in chain)

    def left_of(self, at: int, stop: set[str]) -> int:
        """The index of the first token of the left operand."""
        first = at
        while first > 0:
            before = self.tokens[first - 1]
            if before.mate >= 0 and before.mate < first - 1:
                if before.text == "}" and self.text(first) != "." and self.ends_block(first - 1):
                    break
                first = before.mate
                continue
            if before.text in stop or before.text in ("(", "[", "{"):
                break
            first -= 1
        return first

    def ends_block(self, at: int) -> bool:
        return self.text(self.tokens[at].mate - 1) in (")", "else", "{", ";", "}", "const", "override")

    def right_of(self, at: int, stop: set[str]) -> int:
        """The index behind the last token of the right operand."""
        last = at + 1
        while last < len(self.tokens):
            token = self.tokens[last]
            if token.mate > last:
                last = token.mate + 1
                continue
            if token.text in stop or token.text in (")", "]", "}"):
                break
            last += 1
        return last

    def logic(self, at: int, token: Token) -> None:
        stop = LOWER_THAN_AND if token.text == "&&" else LOWER_THAN_OR
        right_stop = stop | {"&&"} if token.text == "&&" else stop | {"||"}
        first, last = self.left_of(at, stop), self.right_of(at, right_stop)
        start, end = self.tokens[first].start, self.tokens[last - 1].end
        # Both operands and the result turned round make the one operator of the other, and both stay lazy.
        on, turned = "mutants::on(%d)", "(static_cast<bool>("
        extent = end - start
        edits = [
            Edit(start, start, f"({on} != ({turned}", extent),
            Edit(token.start, token.end, f") != {on}) {token.text} {turned}"),
            Edit(end, end, f") != {on})))", extent, closes=True),
        ]
        self.add(token, token.text, ["||" if token.text == "&&" else "&&"], edits)

    def extreme(self, at: int, token: Token) -> None:
        name, other = ("smaller", "max") if token.text == "min" else ("greater_of", "min")
        edit = Edit(self.tokens[at - 2].start, token.end, f"mutants::{name}<%d>")
        self.add(token, token.text, [other], [edit])

    def step(self, at: int, token: Token) -> None:
        name, other = ("up", "--") if token.text == "++" else ("down", "++")
        last = self.chain_end(at + 1)
        if last == at + 1:
            return  # behind its operand: the statement around it is deleted elsewhere
        start, end = token.start, self.tokens[last - 1].end
        edits = [Edit(start, token.end, f"mutants::{name}<%d>(", end - start),
                 Edit(end, end, ")", end - start, closes=True)]
        self.add(token, token.text, [other], edits)

    def chain_end(self, at: int) -> int:
        """Behind `a.b(c)->d[e]` or `std::f<T>(x)` that begins at `at`."""
        if self.text(at) == "(":
            at = self.tokens[at].mate + 1
        elif self.tokens[at].kind == "word" and self.text(at) not in NOT_A_STATEMENT:
            at += 1
        else:
            return at
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.text in ("(", "[") or token.angle:
                at = token.mate + 1
            elif token.text in (".", "->", "::") and self.tokens[at + 1].kind == "word":
                at += 2
            else:
                break
        return at

    # A condition that is one call or one name; where it has an operator, that is mutated instead.
    def condition(self, first: int, last: int) -> None:
        level = [at for at in range(first, last) if self.tokens[at].inside == self.tokens[first].inside]
        behind_init = [at + 1 for at in level if self.text(at) == ";"]
        if behind_init:
            level = [at for at in level if at >= behind_init[-1]]
        words = [self.text(at) for at in level]
        if not words or words[0] in ("const", "auto", "!", "constexpr") or LOGIC & set(words):
            return
        start, end = self.tokens[level[0]].start, self.tokens[last - 1].end
        before = " ".join(self.source[start:end].split())
        self.wrap(self.tokens[level[0]], ["(negated)"], start, end, "mutants::condition<%d>(", ")", before)

    def result(self, at: int) -> None:
        last = self.right_of(at, {";"})
        inside = [self.text(i) for i in range(at + 1, last) if self.tokens[i].inside == self.tokens[at].inside]
        simple = {"{", "true", "false", "nullptr", "!", "[", ""}
        if at + 1 >= last or inside[0] in simple or "?" in inside:
            return
        operators = [word for word in inside if word in LOGIC]
        if len(operators) == 1 and operators[0] in ("==", "!="):
            return
        if all(self.tokens[i].kind == "string" for i in range(at + 1, last)):
            return
        start, end = self.tokens[at + 1].start, self.tokens[last - 1].end
        self.wrap(self.tokens[at], ["(negated)"], start, end, "mutants::result<%d>(", ")", "return")

    def starts_statement(self, at: int) -> bool:
        before = self.text(at - 1)
        if before in (";", "{", "}", "else"):
            return True
        if before == ")":
            return self.text(self.tokens[at - 1].mate - 1) in ("if", "for", "while")
        return before == ":" and self.text(at - 2) != ")" and self.is_case(at - 1)

    def is_case(self, at: int) -> bool:
        while at > 0 and self.text(at) not in (";", "{", "}", "?", "("):
            if self.text(at) == "case":
                return True
            at -= 1
        return False

    def statement(self, at: int) -> None:
        token = self.tokens[at]
        if token.text in ("continue", "break") and self.text(at + 1) == ";":
            end = at + 1
        elif token.text in ("++", "--"):
            end = self.chain_end(at + 1)
        else:
            end = self.chain_end(at)
            if end == at:
                return
            if self.text(end) in ASSIGNMENTS:
                end = self.right_of(end, {";"})
            elif self.text(end) in ("++", "--"):
                end += 1
            elif self.text(end - 1) not in (")",):
                return
        if self.text(end) != ";":
            return
        start, stop = token.start, self.tokens[end].end
        before = " ".join(self.source[start:stop].split())
        self.wrap(token, ["(deleted)"], start, stop, "if (mutants::on(%d)) {} else ", "", shortened(before))


def shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def written(source: str, points: list[Point]) -> str:
    """The source with all points in it; sets where each mutant came to stand."""
    edits = [(edit, point) for point in points for edit in point.edits]
    edits.sort(key=lambda pair: pair[0].order())
    for mutant in (mutant for point in points for mutant in point.mutants):
        mutant.start = mutant.end = 0
    text, at = "", 0
    for edit, point in edits:
        if edit.start < at:
            continue  # the same `constexpr`, for a second mutant
        text += source[at : edit.start]
        for mutant in point.mutants:
            mutant.start, mutant.end = mutant.start or len(text), len(text) + len(edit.text)
        text += edit.text
        at = edit.end
    return text + source[at:]
