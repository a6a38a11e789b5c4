"""The public API: its modules, and the record that `nox -s api` compares with the code."""

import importlib
import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PUBLIC_MODULES: list[str] = PYPROJECT["ssooidc"]["public-modules"]
PACKAGES: list[str] = PYPROJECT["hatch"]["build"]["targets"]["wheel"]["packages"]


def modules(package: str) -> list[str]:
    folder = ROOT / package
    files = [path.relative_to(folder.parent) for path in folder.rglob("*.py")]
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_is_listed_or_has_an_underscore(package: str) -> None:
    without_underscore = [name for name in modules(package) if "._" not in name]
    name = Path(package).name
    listed = [each for each in PUBLIC_MODULES if each == name or each.startswith(f"{name}.")]
    assert without_underscore == sorted(listed)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_public_module_shows_what_it_exports(name: str) -> None:
    module = importlib.import_module(name)
    exported: list[str] = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    assert set(exported) <= set(dir(module))
    assert [each for each in exported if each.startswith("_")] in ([], ["__version__"])
    for each in exported:
        assert getattr(module, each) is not None
    if hasattr(module, "__getattr__"):
        # The `__dir__` of a module with lazy exports lists these, and nothing that the module imports.
        shown = {each for each in dir(module) if not each.startswith("_")}
        assert {each for each in shown if not isinstance(getattr(module, each), ModuleType)} <= {
            *exported,
            "TYPE_CHECKING",
            "annotations",
        }


@pytest.fixture(scope="module")
def record() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record", ROOT / "docs" / "api" / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their module.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FILES = {
    "pyproject.toml": """
        [tool.hatch.build.targets.wheel]
        packages = ["lib/tiny"]
        [tool.ssooidc]
        public-modules = ["tiny", "tiny.shapes"]
    """,
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- Faster.\n\n## [0.1.0]\n\n- `area`, `Cube`\n",
    "lib/tiny/__init__.py": """
        from json import JSONDecodeError
        from tiny._areas import area
        from tiny.shapes import Square
        __all__ = ["JSONDecodeError", "Square", "area"]
    """,
    "lib/tiny/_areas.py": """
        from typing import overload
        @overload
        def area(shape: int) -> int: ...
        @overload
        def area(shape: float) -> float: ...
        def area(shape: float) -> float:
            return _squared(shape)
        def _squared(side: float) -> float:
            return side * side
    """,
    "lib/tiny/shapes.py": """
        from dataclasses import dataclass
        from typing import TypeAlias
        __all__ = ["Number", "Shape", "Square"]
        Number: TypeAlias = int | float
        class Shape(ValueError):
            def name(self, *, language: str = "en") -> str: ...
        class _Named(Shape):
            color: str = "red"
            _hidden: int
            async def draw(self) -> None: ...
        @dataclass(frozen=True)
        class Square(_Named):
            side: Number
            @property
            def area(self) -> float: ...
    """,
}
RECORD = """
tiny:
    JSONDecodeError = json.JSONDecodeError
    Square = tiny.shapes.Square
    def area(shape: int) -> int
    def area(shape: float) -> float

tiny.shapes:
    Number: TypeAlias = int | float
    class Shape(ValueError)
    def Shape.name(*, language: str = 'en') -> str
    class Square(Shape)
    def Square.__init__(side: Number) -> None
    property Square.area: float
    Square.color: str = 'red'
    async def Square.draw() -> None
    Square.side: Number
"""


class Edit(NamedTuple):
    file: str
    old: str
    new: str
    shown: str
    name: str


EDITS = [
    Edit("shapes.py", ' = "en"', "", "+    def Shape.name(*, language: str)", "tiny.shapes.Shape"),
    Edit(
        "shapes.py", "(ValueError)", "(OSError)", "+    class Shape(OSError)", "tiny.shapes.Shape"
    ),
    Edit("shapes.py", "int | float", "int", "+    Number: TypeAlias = int", "tiny.shapes.Number"),
    Edit(
        "shapes.py", '"Number", ', "", "-    Number: TypeAlias = int | float", "tiny.shapes.Number"
    ),
    Edit("shapes.py", "color: str", "colour: str", "-    Square.color: str", "tiny.shapes.Square"),
    Edit("_areas.py", "(shape: int)", "(shape: str)", "+    def area(shape: str)", "tiny.area"),
    Edit("__init__.py", ', "area"', "", "-    def area(shape: int) -> int", "tiny.area"),
]


class TestRecord:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "docs" / "api").mkdir(parents=True)
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            indented = text.startswith("\n")
            lines = [line[8:] if indented else line for line in text.split("\n")]
            path.write_text("\n".join(lines), encoding="utf-8")
        return tmp_path

    def run(self, record: ModuleType, root: Path, *arguments: str) -> int:
        status: int = record.main(list(arguments), record.Project.at(root))
        return status

    def test_has_a_line_for_each_name(self, record: ModuleType, root: Path) -> None:
        assert self.run(record, root, "--write") == 0
        text = (root / "docs" / "api" / "public_api.txt").read_text(encoding="utf-8")
        assert text == record.HEADER + RECORD
        assert self.run(record, root) == 0

    def test_is_missing_at_first(
        self, record: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(record, root) == 1
        assert "+tiny.shapes:\n" in capsys.readouterr().out

    @pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.new or edit.old)
    def test_differs_after_a_change(
        self, record: ModuleType, root: Path, capsys: pytest.CaptureFixture[str], edit: Edit
    ) -> None:
        file, old, new, shown, name = edit
        assert self.run(record, root, "--write") == 0
        path, written = root / "lib" / "tiny" / file, root / "docs" / "api" / "public_api.txt"
        source, before = path.read_text(encoding="utf-8"), written.read_text(encoding="utf-8")
        assert old in source
        path.write_text(source.replace(old, new), encoding="utf-8")

        assert self.run(record, root) == 1
        out = capsys.readouterr().out
        assert shown in out
        assert out.endswith("in CHANGELOG.md, and run: nox -s api -- --write\n")

        # Neither an older section nor another name counts.
        assert self.run(record, root, "--write") == 1
        assert capsys.readouterr().out.endswith(f"does not mention these changed names:\n{name}\n")
        assert written.read_text(encoding="utf-8") == before

        changelog = root / "CHANGELOG.md"
        text = changelog.read_text(encoding="utf-8")
        line = f"\n- `{name.rpartition('.')[2]}` changed.\n\n## [0.1.0]"
        changelog.write_text(text.replace("\n## [0.1.0]", line), encoding="utf-8")
        assert self.run(record, root, "--write") == 0
        assert self.run(record, root) == 0

    def test_agrees_after_a_private_change(self, record: ModuleType, root: Path) -> None:
        assert self.run(record, root, "--write") == 0
        path = root / "lib" / "tiny" / "_areas.py"
        source = path.read_text(encoding="utf-8")
        path.write_text(source.replace("_squared", "_square"), encoding="utf-8")
        assert self.run(record, root) == 0

    def test_has_the_private_types_that_signatures_name(
        self, record: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = root / "lib" / "tiny" / "shapes.py"
        source = path.read_text(encoding="utf-8")
        source = source.replace("side: Number", "side: _Side").replace(
            "class _Named", "_Side: TypeAlias = Number | str\nclass _Named"
        )
        path.write_text(source, encoding="utf-8")
        assert self.run(record, root, "--write") == 0
        text = (root / "docs" / "api" / "public_api.txt").read_text(encoding="utf-8")
        assert text.endswith("\nPrivate types named above:\n    _Side: TypeAlias = Number | str\n")
        path.write_text(source.replace("Number | str", "Number"), encoding="utf-8")
        _ = capsys.readouterr()
        assert self.run(record, root) == 1
        assert "+    _Side: TypeAlias = Number\n" in capsys.readouterr().out
        assert self.run(record, root, "--write") == 0

    def test_refuses_an_export_that_does_not_exist(self, record: ModuleType, root: Path) -> None:
        path = root / "lib" / "tiny" / "__init__.py"
        source = path.read_text(encoding="utf-8")
        path.write_text(source.replace('"area"', '"volume"'), encoding="utf-8")
        with pytest.raises(
            LookupError, match=r"^tiny\.__all__ has names that do not exist: volume$"
        ):
            self.run(record, root)
