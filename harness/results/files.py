"""Reading and writing `results.json` and the pair tables beside it: each evaluation pair of a case, with its scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticSerializationError

from harness.errors import HarnessError
from harness.execution import write_whole
from harness.execution.reading import read_text
from harness.metrics import Number
from harness.results.model import SCHEMA, Results
from harness.text import one_line, shortened

_Model = TypeVar("_Model", bound=BaseModel)

_RESULTS = "a results.json"


class PairTable(BaseModel):
    """Each evaluation pair of a case, a list a column, in the order of the file.

    Attributes:
        scores: Model -> score of each pair.
        stored_scores: Model -> the baseline's; empty where nothing is comparable.
        projections: Model -> place of each pair in a UMAP plane, a picture; may be empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text_1: tuple[str, ...] = ()
    text_2: tuple[str, ...] = ()
    label: tuple[int, ...] = ()
    category: tuple[str, ...] = ()
    subcategory: tuple[str, ...] = ()
    pair_type: tuple[str, ...] = ()
    scores: dict[str, tuple[Number, ...]] = {}
    stored_scores: dict[str, tuple[Number, ...]] = {}
    projections: dict[str, tuple[tuple[Number, Number], ...]] = {}

    def __len__(self) -> int:
        return len(self.label)

    @model_validator(mode="after")
    def _one_length(self) -> PairTable:
        columns = (self.text_1, self.text_2, self.category, self.subcategory, self.pair_type)
        by_model = (*self.scores.values(), *self.stored_scores.values(), *self.projections.values())
        if {len(column) for column in (*columns, *by_model)} - {len(self)}:
            raise ValueError(f"a column has another length than the {len(self)} labels")
        return self


def pair_table_name(case: str) -> str:
    """Return the name of the file beside `results.json` with each pair of a case."""
    return f"pairs-{case}.json"


def write_results(path: Path, results: Results, pair_tables: Mapping[str, PairTable]) -> None:
    """Write `results.json` and, beside it, the pair table of each case by its name, each file in one rename."""
    for name, table in pair_tables.items():
        write_whole(path.with_name(results.cases[name].pair_table), _dumped(table) + "\n")
    write_whole(path, _dumped(results, indent=2) + "\n")


def read_results(path: Path) -> Results:
    """Read and validate a `results.json`.

    Raises:
        HarnessError: It cannot be read, is none, or is of another schema version. In one line.
    """
    content = _read(path, _RESULTS)
    try:
        head = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}: not JSON ({one_line(str(error))}); expected {_RESULTS}") from None
    if not isinstance(head, dict) or "schema" not in head:
        raise HarnessError(f"{path}: got {_came(head)}, expected {_RESULTS}: an object with the key schema")
    version = head["schema"]
    if version == 1 and not isinstance(version, bool):
        raise HarnessError(
            f"{path}: schema: got 1, of an older version of the harness, expected {SCHEMA}: "
            "run again with this version, or compare with the version that made it"
        )
    if version != SCHEMA:
        raise HarnessError(f"{path}: schema: got {_came(version)}, expected {SCHEMA}")
    return _validated(path, content, Results)


def read_pair_tables(path: Path, results: Results) -> dict[str, PairTable]:
    """Read the pair table of each case beside a `results.json`; no pairs for a case that was not run.

    Raises:
        HarnessError: A table is missing, none, or not the one that belongs to the results. In one line.
    """
    tables = {}
    for name, case in results.cases.items():
        table = PairTable()
        if case.pairs:
            beside = path.with_name(case.pair_table)
            table = _validated(beside, _read(beside, f"the pair table of {_RESULTS}"), PairTable)
            if len(table) != case.pairs or not case.models.keys() <= table.scores.keys():
                raise HarnessError(f"{beside}: does not belong to {path}: other pairs or other models")
        tables[name] = table
    return tables


def _read(path: Path, expected: str) -> str:
    try:
        return read_text(path, HarnessError)
    except HarnessError as error:
        raise HarnessError(f"{error}; expected {expected}") from None


def _validated(path: Path, content: str, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        first, *others = error.errors()
        more = f" (and {len(others)} more problems)" if others else ""
        where = one_line(".".join(map(str, first["loc"]))) or "the file"
        raise HarnessError(f"{path}: {where}: {one_line(first['msg'])}; got {_came(first['input'])}{more}") from None


def _came(value: Any) -> str:
    return shortened(json.dumps(value, default=str), 60)


def _dumped(model: BaseModel, indent: int | None = None) -> str:
    try:
        return model.model_dump_json(indent=indent)
    except PydanticSerializationError:  # half a surrogate pair, as in the name of a file that is not UTF-8
        return type(model).model_validate(_encodable(model.model_dump())).model_dump_json(indent=indent)


def _encodable(value: Any) -> Any:
    """Replace what UTF-8 cannot hold, in every text of nested values."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return type(value)(map(_encodable, value)) if isinstance(value, (list, tuple)) else value
