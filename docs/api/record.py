"""Write the public API of the packages as text: one line for each public name, sorted by module.

    nox -s api                # compare public_api.txt with the code
    nox -s api -- --write     # write public_api.txt anew

A name is public if a module of `public-modules` in pyproject.toml lists it in `__all__`. `--write` refuses a change of
the API unless the section [Unreleased] of CHANGELOG.md mentions each top-level name that was added, changed or removed.
The code is read by griffe and not imported.
"""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import griffe

ROOT: Final = Path(__file__).parents[2]
HEADER: Final = """\
# The public API, written by `nox -s api -- --write`. CONTRIBUTING.md describes when to do that.
"""
PRIVATE_TYPES: Final = "Private types named above"
# Python itself calls these methods, and no caller depends on their signatures.
UNRECORDED: Final = {"__post_init__", "__repr__", "__str__"}
# These decorators are recorded in other ways, or change nothing for a caller.
UNRECORDED_DECORATORS: Final = {"classmethod", "overload", "override", "staticmethod"}


@dataclass(frozen=True)
class Project:
    """The parts of a project that the record depends on.

    Attributes:
        public_modules: the public modules, a package before its modules.
        search_paths: the import roots.
        record: the file of the record.
        changelog: the changelog, in the form of Keep a Changelog.
    """

    public_modules: Sequence[str]
    search_paths: Sequence[Path]
    record: Path
    changelog: Path

    @classmethod
    def at(cls, root: Path) -> Project:
        """Read the settings in a project's pyproject.toml."""
        with (root / "pyproject.toml").open("rb") as file:
            tools = tomllib.load(file)["tool"]
        packages = tools["hatch"]["build"]["targets"]["wheel"]["packages"]
        return cls(
            public_modules=tools["ssooidc"]["public-modules"],
            search_paths=sorted({(root / package).parent for package in packages}),
            record=root / "docs" / "api" / "public_api.txt",
            changelog=root / "CHANGELOG.md",
        )


@dataclass
class Api:
    """The public API of a project as lines of text."""

    project: Project
    _public: dict[str, str] = field(default_factory=dict[str, str])
    """The public path of each public object, by the path where it is defined."""

    def text(self) -> str:
        """Return the record.

        Raises:
            LookupError: a public module or a public name does not exist.
        """
        loader = griffe.GriffeLoader(
            search_paths=self.project.search_paths,
            extensions=griffe.load_extensions(),
            allow_inspection=False,
        )
        for package in dict.fromkeys(
            name.partition(".")[0] for name in self.project.public_modules
        ):
            _ = loader.load(package)
        modules = [loader.modules_collection[name] for name in self.project.public_modules]
        for module in modules:
            for name in _exports(module):
                self._note_public(module.path, name, module.members[name])
        sections = [
            f"\n{module.path}:\n"
            + "".join(
                f"    {line}\n"
                for name in _exports(module)
                for line in self._top_level(module, name)
            )
            for module in modules
        ]
        packages = [module for module in modules if "." not in module.path]
        return HEADER + "".join(sections) + self._private_types("".join(sections), packages)

    def _private_types(self, recorded: str, packages: list[griffe.Module]) -> str:
        """Return the definitions of private types that the record names, in turn with those that they name."""
        known = {
            name: target
            for package in packages
            for name, target in _types(package)
            if target.path not in self._public
        }
        found: dict[str, str] = {}
        new = recorded
        while named := {*re.findall(r"\w+", new)} & known.keys() - found.keys():
            for name in named:
                found[name] = "".join(f"    {line}\n" for line in self._lines(name, known[name]))
            new = "".join(found[name] for name in named)
        if not found:
            return ""
        return f"\n{PRIVATE_TYPES}:\n{''.join(found[name] for name in sorted(found))}"

    def _note_public(self, module: str, name: str, member: griffe.Object | griffe.Alias) -> None:
        home = _home(member)
        # An object belongs to the public module that defines it, else to the first that exports it.
        if home not in self._public or home == f"{module}.{name}":
            self._public[home] = f"{module}.{name}"

    def _top_level(self, module: griffe.Module, name: str) -> Iterator[str]:
        member = module.members[name]
        public = self._public[_home(member)]
        if public != f"{module.path}.{name}":
            yield f"{name} = {public}"
        elif isinstance(target := _target(member), griffe.Object):
            yield from self._lines(name, target)
        else:
            yield f"{name} = {target}"

    def _lines(self, name: str, target: griffe.Object) -> Iterator[str]:
        if isinstance(target, griffe.Class):
            yield f"class {name}({', '.join(self._bases(target))})"
            for member_name, member in sorted(self._members(target).items()):
                yield from self._lines(f"{name}.{member_name}", member)
        elif isinstance(target, griffe.Function):
            for each in target.overloads or [target]:
                yield _signature(name, each, target.labels)
        elif isinstance(target, griffe.Attribute):
            yield _attribute(name, target)
        else:
            yield f"module {name}"

    def _bases(self, target: griffe.Class) -> list[str]:
        """Return the public bases without those that another one implies."""
        bases = self._public_bases(target)
        implied = {each.path for base in bases.values() if base for each in base.mro()}
        return [written for written, base in bases.items() if not base or base.path not in implied]

    def _public_bases(self, target: griffe.Class) -> dict[str, griffe.Class | None]:
        """Return the bases; a private base is replaced by its own bases."""
        bases: dict[str, griffe.Class | None] = {}
        for written, base in _resolved_bases(target):
            if base is None or base.path in self._public:
                bases[written] = base
            else:
                inner = self._public_bases(base).items()
                bases |= {each: found for each, found in inner if not each.startswith("Generic[")}
        return bases

    def _members(self, target: griffe.Class) -> dict[str, griffe.Object]:
        """Return the public members of a class, including those of its private bases."""
        members: dict[str, griffe.Object] = {}
        for _, base in _resolved_bases(target):
            if base is not None and base.path not in self._public:
                members = self._members(base) | members
        for name, member in target.members.items():
            is_special = name.startswith("__") and isinstance(member, griffe.Function)
            is_public = is_special or not name.startswith("_")
            if is_public and name not in UNRECORDED and isinstance(member, griffe.Object):
                members[name] = member
        return members


def _types(module: griffe.Module) -> Iterator[tuple[str, griffe.Object]]:
    """Return the classes and type aliases that a module and its submodules define."""
    for name, member in module.members.items():
        if isinstance(member, griffe.Module):
            yield from _types(member)
        elif isinstance(member, griffe.Class) or (
            isinstance(member, griffe.Attribute)
            and (
                str(member.annotation) == "TypeAlias" or str(member.value).startswith("Annotated[")
            )
        ):
            yield name, member


def changed_names(old: str, new: str) -> set[str]:
    """Return the top-level names, such as `ssooidc_core.run`, whose lines differ between two records."""
    before, after = _by_name(old), _by_name(new)
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def unmentioned(names: Iterable[str], changelog: str) -> list[str]:
    """Return those names that the section [Unreleased] does not mention."""
    section = re.search(r"^## \[Unreleased\]$(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    words = set(re.findall(r"\w+", section[1])) if section else set[str]()
    return sorted(name for name in names if name.rpartition(".")[2] not in words)


def main(arguments: Sequence[str], project: Project) -> int:
    """Compare the record with the code, or write it; return the exit status."""
    new = Api(project).text()
    old = project.record.read_text(encoding="utf-8") if project.record.exists() else ""
    if old == new:
        _say(f"{project.record.name} agrees with the code")
        return 0
    if arguments != ["--write"]:
        _say(
            *difflib.unified_diff(old.splitlines(), new.splitlines(), "record", "code", lineterm="")
        )
        _say(
            "The public API differs from its record. If that is intended, mention each changed name under [Unreleased] "
            f"in {project.changelog.name}, and run: nox -s api -- --write"
        )
        return 1
    changes = changed_names(old, new) if old else set[str]()
    if missing := unmentioned(changes, project.changelog.read_text(encoding="utf-8")):
        _say(
            f"Not written: [Unreleased] in {project.changelog.name} does not mention these changed names:",
            *missing,
        )
        return 1
    _ = project.record.write_text(new, encoding="utf-8")
    _say(f"{project.record.name} is written; changed names: {len(changes)}")
    return 0


def _exports(module: griffe.Module) -> list[str]:
    names = sorted(str(name) for name in module.exports or ())
    if missing := [name for name in names if name not in module.members]:
        message = f"{module.path}.__all__ has names that do not exist: {', '.join(missing)}"
        raise LookupError(message)
    return names


def _target(member: griffe.Object | griffe.Alias) -> griffe.Object | str:
    """Return the object that a name stands for, or its path if another project defines it."""
    if isinstance(member, griffe.Object):
        return member
    try:
        return member.final_target
    except griffe.AliasResolutionError:
        return member.target_path


def _home(member: griffe.Object | griffe.Alias) -> str:
    target = _target(member)
    return target if isinstance(target, str) else target.path


def _resolved_bases(target: griffe.Class) -> Iterator[tuple[str, griffe.Class | None]]:
    """Yield each base as it is written, and its class if it belongs to the project."""
    for base in target.bases:
        path = base if isinstance(base, str) else base.canonical_path
        try:
            found = target.modules_collection[path]
        except (KeyError, griffe.AliasResolutionError):
            found = None
        if isinstance(found, griffe.Alias):
            found = _target(found)
        yield str(base), found if isinstance(found, griffe.Class) else None


def _signature(name: str, function: griffe.Function, labels: set[str]) -> str:
    decorators = [
        f"@{decorator.value}"
        for decorator in function.decorators
        if decorator.callable_path.rpartition(".")[2] not in UNRECORDED_DECORATORS
    ]
    kinds = [kind for kind in ("classmethod", "staticmethod", "async") if kind in labels]
    return " ".join([*decorators, *kinds, "def", function.signature(name=name)])


def _attribute(name: str, attribute: griffe.Attribute) -> str:
    line = f"property {name}" if "property" in attribute.labels else name
    if attribute.annotation is not None:
        line += f": {attribute.annotation}"
    # The value of an instance attribute is an expression of `__init__`; a version changes with each release.
    is_fixed = "instance-attribute" not in attribute.labels or "class-attribute" in attribute.labels
    if attribute.value is not None and is_fixed and name != "__version__":
        line += f" = {attribute.value}"
    return line


def _by_name(record: str) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    module = ""
    for line in record.splitlines():
        if line.endswith(":") and not line.startswith((" ", "#")):
            module = line.removesuffix(":")
        # Users do not know the names of private types, so the changelog need not mention them.
        elif module != PRIVATE_TYPES and (
            name := re.match(
                r" {4}(?:(?:@\S+|async|class|classmethod|def|property|staticmethod) )*(\w+)", line
            )
        ):
            lines.setdefault(f"{module}.{name[1]}", []).append(line)
    return lines


def _say(*lines: str) -> None:
    _ = sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Project.at(ROOT)))
