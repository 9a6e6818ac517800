"""Where artefacts are kept and stages are run, and what of our code and the libraries decides a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.stages import run_stage
from harness.store import Store, digest_of, file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

StageProgress = Callable[[str, float, str], None]
"""Called with a stage's title, the share done in [0, 1], and a few words."""


@dataclass(frozen=True)
class Workplace:
    """Where artefacts are kept, and who is told how a stage gets on."""

    store: Store
    on_progress: StageProgress

    def stage(self, title: str, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Runs a stage; its facts with what it cost."""
        self.on_progress(title, 0.0, "starting")
        result = run_stage(
            title, function, *arguments, on_progress=lambda share, note: self.on_progress(title, share, note)
        )
        return {**result.value, "seconds": round(result.seconds, 3), "peak_rss_mb": round(result.peak_rss_mb, 1)}

    def computed(self, kind: str, decides: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """A JSON value that is computed in this process, once: an artefact of one file.

        Args:
            kind: As in `Store.make`.
            decides: Everything that decides the value, as JSON values.
            compute: Returns the value.

        Raises:
            StoreError: What the store holds is damaged.
        """
        name = f"{kind}.json"

        def build(out: Path) -> dict[str, Any]:
            (out / name).write_text(json.dumps(compute()), encoding="utf-8")
            return {}

        return self.store.make(kind, decides, build).read_json(name)


def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """The installed version of each library."""
    return {name: version(name) for name in libraries}


@cache
def source_digest(*modules: ModuleType) -> str:
    """sha256 over the source of modules, of a package all its files.

    Not a schema number: whoever changes how a model is opened must not be shown what the old code measured. Read once:
    a file that is edited while a run goes on is not the code that runs.
    """
    files: list[Path] = []
    for module in modules:
        file = Path(str(module.__file__))
        files += sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    return digest_of({f"{file.parent.name}/{file.name}": file_digest(file) for file in files})
