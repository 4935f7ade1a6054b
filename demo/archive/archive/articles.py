"""The articles: what the standard library says about itself, as it lies on every machine that has Python.

Two sources: the language reference that `pydoc` carries (`pydoc_data.topics`), and the docstring at the head of each
public module. Nothing is imported and nothing is fetched; the sources are read as text.
"""

import ast
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from pydoc_data.topics import topics

SHORTEST = 80
"""Characters below which a module's docstring is a remark, not an article."""
HEAD = 64 * 1024
"""Characters of a source file in which its docstring must end."""
PASSED_OVER = {"test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}

DOCSTRING = re.compile(
    r"\A(?:\s|\#[^\n]*\n)*"  # blank lines and comments
    r"(?P<literal>[rR]?(?P<quote>\"\"\"|''')(?:\\.|[^\\])*?(?P=quote))",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Article:
    slug: str
    title: str
    kind: str
    """`language` or `library`."""
    text: str


def collect() -> tuple[Article, ...]:
    """Return every article in order of its title; more than 200, the same ones on each call."""
    found = {article.slug: article for article in (*_language(), *_library())}
    return tuple(sorted(found.values(), key=lambda article: (article.title.casefold(), article.slug)))


def _language() -> Iterator[Article]:
    for name, text in topics.items():
        lines = text.strip().splitlines()
        headed = len(lines) > 1 and len(lines[1]) > 2 and set(lines[1]) <= set('*=-~^"')
        title, body = (lines[0], "\n".join(lines[2:])) if headed else (name.capitalize(), "\n".join(lines))
        yield Article(f"language-{name.lower()}", title.replace('"', "").replace("`", ""), "language", body.strip("\n"))


def _library() -> Iterator[Article]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in _modules(root):
        text = _docstring(path)
        if len(text) < SHORTEST:
            continue
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        yield Article(f"library-{module.lower().replace('.', '-')}", module, "library", text)


def _modules(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and (path.name == "__init__.py" or not path.name.startswith("_")):
            yield path
        elif path.name not in PASSED_OVER and not path.name.startswith("_") and (path / "__init__.py").is_file():
            yield from _modules(path)


def _docstring(path: Path) -> str:
    """Return the docstring at the head of a file, or an empty text. Parsing whole files would take a second."""
    with path.open(encoding="utf-8", errors="replace") as file:
        found = DOCSTRING.match(file.read(HEAD))
    if found is None:
        return ""
    try:
        return cleandoc(ast.literal_eval(found["literal"]))
    except (SyntaxError, ValueError):
        return ""
