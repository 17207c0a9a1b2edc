"""Every error text the library can raise, as templates read from its source: literals with {} where values stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from tests.conftest import ROOT

PARTS = ("what", "fix")
MOST_STEPS = 6


@dataclass
class Found:
    """Templates with the places that use them, closed lists of values by template, places that could not be read."""

    templates: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


class Unread(Exception):
    """An expression whose texts cannot be told from the source."""


def collect(folders: tuple[str, ...] = ("studio", "pages")) -> Found:
    """All `what` and `fix` texts of StudioError and its subclasses under some folders of the repository."""
    paths = [path for name in folders for path in sorted((ROOT / name).rglob("*.py"))]
    modules = {str(path.relative_to(ROOT)): _Module(ast.parse(path.read_text("utf-8"))) for path in paths}
    names = _error_classes([module.tree for module in modules.values()])
    calls: dict[str, list[tuple[_Module, ast.Call]]] = {}
    for module in modules.values():
        for call in module.calls:
            if not _called(call).startswith("_"):
                calls.setdefault(_called(call), []).append((module, call))
    found = Found()
    for place, module in modules.items():
        module.elsewhere = calls
        _read(module, names, place, found)
    return found


def texts_in(tree: ast.Module, names: set[str], place: str) -> Found:
    """The texts of one module by itself, for errors of the given class names."""
    found = Found()
    _read(_Module(tree), names, place, found)
    return found


def _read(module: _Module, names: set[str], place: str, found: Found) -> None:
    for call in module.calls:
        if _called(call) not in names:
            continue
        line = f"{place}:{call.lineno}"
        for expression in _texts_of(call):
            try:
                for template in module.texts(expression, call, closed=found.values):
                    if template:
                        found.templates.setdefault(template, []).append(line)
            except Unread as why:
                found.unread.append(f"{line}: {why}")


def _error_classes(trees: Sequence[ast.Module]) -> set[str]:
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names, before = {"StudioError"}, 0
    while len(names) > before:
        before = len(names)
        names |= {c.name for c in classes if any(isinstance(b, ast.Name) and b.id in names for b in c.bases)}
    return names


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _texts_of(call: ast.Call) -> list[ast.expr]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    return [*call.args[:1], *(given[part] for part in PARTS if part in given)]


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


class _Module:
    """One module's tree with the way up from each node, to follow a name to what it can hold."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.up = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self.elsewhere: dict[str, list[tuple[_Module, ast.Call]]] = {}
        self.inside: dict[int, list[ast.AST]] = {}

    def texts(self, node: ast.AST, at: ast.AST, depth: int = 0, closed: dict | None = None) -> set[str]:
        """The templates an expression can give; an empty set for one that carries the text of another error."""
        if depth > MOST_STEPS:
            raise Unread("names that lead in a circle")
        step = {"depth": depth + 1, "closed": closed}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {_escaped(node.value)}
        if isinstance(node, ast.JoinedStr):
            return {self._joined(node, at, depth + 1, closed)}
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, at, **step) | self.texts(node.orelse, at, **step)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.texts(value, at, **step) for value in node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            pairs = product(self.texts(node.left, at, **step), self.texts(node.right, at, **step))
            return {"".join(pair) for pair in pairs}
        if _is_carried(node):
            return set()
        if isinstance(node, ast.Call) and _called(node) == "str" and node.args:
            return self.texts(node.args[0], at, **step)
        if isinstance(node, ast.Name):
            return self._named(node.id, at, depth + 1, closed)
        raise Unread(f"write the text as a literal or an f-string, not as {ast.unparse(node)}")

    def _joined(self, node: ast.JoinedStr, at: ast.AST, depth: int, closed: dict | None) -> str:
        template = "".join(_escaped(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and closed is not None:
                try:
                    values = self.texts(part.value, at, depth)
                except Unread:
                    continue
                if values and not any("{" in value for value in values):
                    closed.setdefault(template, set()).update(values)
        return template

    def _named(self, name: str, at: ast.AST, depth: int, closed: dict | None) -> set[str]:
        function = self._function(at)
        if function is not None and id(function) not in self.inside:
            self.inside[id(function)] = list(ast.walk(function))
        for scope in (self.inside[id(function)] if function is not None else [], self.tree.body):
            values = list(self._assigned(scope, name))
            if values:
                return set().union(*(self.texts(value, at, depth, closed) for value in values))
        given = list(self._given(function, name)) if function is not None else []
        if given:
            return set().union(*(module.texts(value, call, depth, closed) for module, value, call in given))
        raise Unread(f"{name} is neither assigned here nor given by a caller")

    def _function(self, node: ast.AST) -> ast.FunctionDef | None:
        while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node = self.up.get(node)
        return node

    def _given(self, function: ast.FunctionDef, name: str) -> Iterator[tuple[_Module, ast.expr, ast.Call]]:
        """What callers pass for a parameter, its default where one leaves it out."""
        arguments = function.args
        plain = [a.arg for a in arguments.args if a.arg not in {"self", "cls"}]
        defaults = dict(zip(reversed(plain), reversed(arguments.defaults), strict=False))
        defaults |= {a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d}
        own = [(self, call) for call in self.calls if _called(call) == function.name]
        for module, call in {
            id(call): (module, call) for module, call in [*own, *self.elsewhere.get(function.name, ())]
        }.values():
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            given |= dict(zip(plain, call.args, strict=False))
            if name in given:
                yield module, given[name], call
            elif name in defaults:
                yield self, defaults[name], function

    def _assigned(self, nodes: Sequence[ast.AST], name: str) -> Iterator[ast.expr]:
        """Values some statements assign to a name, also by unpacking and by a loop over literal rows."""
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    yield from _unpacked(target, node.value, name)
            elif isinstance(node, ast.For | ast.comprehension):
                for row in self._rows(node.iter):
                    yield from _unpacked(node.target, row, name)

    def _rows(self, node: ast.expr) -> list[ast.expr]:
        """The elements of a literal tuple or list, or of one that the module names."""
        if isinstance(node, ast.Name):
            named = self._assigned(self.tree.body, node.id)
            return [element for value in named if not isinstance(value, ast.Name) for element in self._rows(value)]
        return node.elts if isinstance(node, ast.Tuple | ast.List) else []


def _unpacked(target: ast.AST, value: ast.expr, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _unpacked(inner, part, name)


def _is_carried(node: ast.AST) -> bool:
    """True for `problem["what"]`, `problem.get("fix")`, `error.what` and a text already in the page's language."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value in PARTS
    if isinstance(node, ast.Attribute):
        return node.attr in {*PARTS, "advice"}
    if isinstance(node, ast.Call) and _called(node) == "get" and node.args:
        return isinstance(node.args[0], ast.Constant) and node.args[0].value in PARTS
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        return _is_carried(node.func.value)
    return isinstance(node, ast.Call) and _called(node) in {"spoken", "t"}
