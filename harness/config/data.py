"""The table `[data]` of a case: where its pairs are, and what their columns mean."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, TypeAdapter, ValidationInfo, model_validator

from harness.config.fields import Commit, Frozen, Problem, one_of, refuse, shown, table
from harness.config.sides import SideNames
from harness.data import JUDGED, HubDataset, JudgedSet, PairSource

Prefix = Annotated[str, Field(pattern=r"\S")]
Share = Annotated[float, Field(gt=0, lt=1)]


class HubSpec(Frozen):
    """A dataset on the hub, at a pinned commit."""

    dataset: str
    """Hub id, such as "org/name"."""
    revision: Commit
    """Commit of the dataset: 40 digits, since a branch moves."""
    split: str
    """The split of its rows."""
    subset: str | None = None
    """The subset (configuration), where it has several."""


class GradedSpec(Frozen):
    """An extra evaluation set with grades of its own, of general texts, say."""

    path: str | None = None
    """A file or directory, relative to the case file."""
    gensim: Annotated[str, one_of(JUDGED)] | None = None
    """Similarities that people judged, as the package gensim carries them (extra `[probes]`)."""
    threshold: float
    """Least grade of a positive pair."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.gensim is None):
            refuse([((), "expected one of path and gensim")])
        return self

    def source(self, directory: Path) -> Path | JudgedSet:
        """Return where it is read from."""
        return JudgedSet(str(self.gensim)) if self.path is None else directory / self.path


class Columns(Frozen):
    """Field of a pair -> its column, where the layout is none of the usual ones; all others keep their usual names."""

    text_1: str | None = None
    """The first text: the question, the query, the anchor."""
    text_2: str | None = None
    """The second text, or a list of them."""
    label: str | None = None
    """The label or grade, or a list of them."""
    positive: str | None = None
    """Of triplets: the text, or list of texts, that goes with the first."""
    negative: str | None = None
    """Of triplets: the text, or list of texts, that does not; columns with "_1" and so on behind the name too."""
    category: str | None = None
    """The category; metrics of large ones are compared on their own."""
    subcategory: str | None = None
    """A finer category."""
    pair_type: str | None = None
    """The kind of pair; false positives are counted by it."""
    id: str | None = None
    """Your name of the pair, shown where the audit names it."""


def _source(value: Any) -> str | HubSpec:
    return HubSpec.model_validate(value) if isinstance(value, dict) else _PATH.validate_python(value, strict=True)


def _dev(value: Any) -> str | HubSpec | float:
    return _SHARE.validate_python(value, strict=True) if isinstance(value, int | float) else _source(value)


_PATH, _SHARE = TypeAdapter(str), TypeAdapter[float](Share)


def _extra(value: Any) -> str | HubSpec | GradedSpec:
    graded = isinstance(value, dict) and "dataset" not in value
    return GradedSpec.model_validate(value) if graded else _source(value)


Extra = Annotated[str | HubSpec | GradedSpec, PlainValidator(_extra, json_schema_input_type=str | HubSpec | GradedSpec)]
Source = Annotated[str | HubSpec, PlainValidator(_source, json_schema_input_type=str | HubSpec)]
Dev = Annotated[str | HubSpec | float, PlainValidator(_dev, json_schema_input_type=str | HubSpec | Share)]


class DataSpec(Frozen):
    """The pairs: files or directories, relative to the case file, or hub datasets."""

    train: Source | None = None
    """Pairs to train on: a file, a directory of `datasets`, or a hub dataset. None: nothing is trained or audited."""
    eval: Source
    """The pairs to judge by."""
    dev: Dev | None = None
    """Pairs for the training curves, or a share of `train`, drawn by text, to set aside. None: curves show the loss."""
    extra: dict[str, Extra] = Field(default_factory=dict)
    """Name -> extra evaluation set, measured beside `eval`: shown with intervals; `[gates.forgetting]` judges one."""
    replay: Extra | None = None
    """General pairs, with grades of their own as extra sets may have: recipes with `replay` learn from them as well."""
    retrieval: str | None = None
    """Directory with queries.jsonl, documents.jsonl and relevance.jsonl: every model searches the documents."""
    columns: Columns = table()
    """What the columns are, where the layout is none of the usual ones."""
    threshold: float | None = None
    """Least grade of a positive pair: the labels are then graded scores. None: they are 0 or 1."""
    strict: bool = False
    """Refuse columns that no field comes from, instead of ignoring them."""
    prefixes: list[Prefix] = Field(default_factory=list)
    """Beginnings of texts that say nothing, such as "boy: ": the audit takes them away."""
    sides: SideNames | None = None
    """Which text is a query and which a document, for models with prompts; without the table no text has a side."""

    def sources(self, directory: Path) -> dict[str, PairSource]:
        """Return name -> source of each set that is named; `dev` is none where it is a share."""
        named = {"train": self.train, "replay": self.replay, "eval": self.eval, "dev": self.dev, **self.extra}
        found: dict[str, PairSource] = {}
        for name, source in named.items():
            if isinstance(source, HubSpec):
                found[name] = HubDataset(**source.model_dump())
            elif isinstance(source, GradedSpec):
                found[name] = source.source(directory)
            elif isinstance(source, str):
                found[name] = directory / source
        return found

    def threshold_of(self, name: str) -> float | None:
        """Return the least grade of a positive pair in one of the sets."""
        source = self.replay if name == "replay" else self.extra.get(name)
        return source.threshold if isinstance(source, GradedSpec) else self.threshold

    @model_validator(mode="after")
    def _sets(self, info: ValidationInfo) -> Self:
        wrong = f"not a name; expected an identifier other than {', '.join(_SETS)}"
        refuse([(("extra", name), wrong) for name in self.extra if not name.isidentifier() or name in _SETS])
        context: Any = info.context
        sources, problems = self.sources(context["path"].parent), list[Problem]()
        if self.train is None and self.dev is not None:
            problems.append((("dev",), f"the case names no train; expected none either; got {shown(str(self.dev))}"))
        known: dict[PairSource, str] = {}
        for name, source in sources.items():
            key = ("extra", name) if name in self.extra else (name,)
            place = _place(source) if isinstance(source, Path) else source
            if place is None:
                problems.append((key, f"no file {source}"))
                continue
            # An extra set may hold the pairs of eval or dev; none may be what a model was trained on.
            same = known.setdefault(place, name)
            if same != name and (same in ("train", "replay") or (same, name) == ("eval", "dev")):
                wrong = f"that of {same} as well; expected pairs that are apart from those; got {shown(str(source))}"
                problems.append((key, wrong))
        refuse(problems)
        return self


def _place(source: Path) -> Path | None:
    """Return where a source really lies; None where nothing is there, or nothing can have such a name."""
    try:
        return source.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # too long, a link to itself, a NUL
        return None


_SETS = ("train", "replay", "eval", "dev")
