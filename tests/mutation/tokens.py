"""C++ tokens, as far as clang-format's layout lets a mutation run know them without a compiler."""

import re
from dataclasses import dataclass

PATTERN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#[^\n]*(?:\\\n[^\n]*)*)
      |(?P<string>R"\(.*?\)"|"(?:\\.|[^"\\])*")
      |(?P<char>'(?:\\.|[^'\\])+')
      |(?P<number>\d[\w'.]*)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<sign><=>|->\*|\.\.\.|<<=|>>=|->|\+\+|--|<<|<=|>=|==|!=|&&|\|\||::|[-+*/%&|^]=|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}


@dataclass
class Token:
    text: str
    kind: str
    start: int
    end: int
    spaced: bool = False  # blanks on both sides: clang-format writes binary operators so
    angle: bool = False  # a bracket of template arguments
    mate: int = -1  # index of the bracket that belongs to this one
    inside: int = -1  # index of the innermost open bracket around it


def scan(source: str) -> list[Token]:
    found = []
    for match in PATTERN.finditer(source):
        kind = match.lastgroup
        if kind == "skip":
            continue
        before = source[match.start() - 1 : match.start()]
        after = source[match.end() : match.end() + 1]
        spaced = before.isspace() and after.isspace()
        found.append(Token(match.group(), kind, match.start(), match.end(), spaced))
    mark_brackets(found)
    return found


def opens_angle(tokens: list[Token], at: int) -> bool:
    if tokens[at].text != "<" or at == 0 or tokens[at].spaced:
        return False
    last = tokens[at - 1]
    return last.text == "template" or (last.kind == "word" and last.end == tokens[at].start)


def mark_brackets(tokens: list[Token]) -> None:
    stack: list[int] = []
    for at, token in enumerate(tokens):
        token.inside = stack[-1] if stack else -1
        token.angle = opens_angle(tokens, at)
        if token.text in "([{" or token.angle:
            stack.append(at)
        elif token.text in ")]}" or (token.text == ">" and stack and tokens[stack[-1]].angle):
            opener = stack.pop()
            if CLOSING[tokens[opener].text] != token.text:
                raise ValueError(f"brackets do not match at offset {token.start}")
            token.mate, tokens[opener].mate = opener, at
            token.inside = stack[-1] if stack else -1
            token.angle = tokens[opener].angle
    if stack:
        raise ValueError(f"a bracket stays open at offset {tokens[stack[-1]].start}")


def in_angles(tokens: list[Token], at: int) -> bool:
    while at >= 0:
        at = tokens[at].inside
        if at >= 0 and tokens[at].angle:
            return True
    return False
