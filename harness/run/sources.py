"""The models of a case that it does not train: located and named before any slow work. Imports no torch."""

from collections.abc import Callable, Mapping

from harness.config import NO_SIDE, Case, DirectorySpec, EncoderSpec, ModelSpec, Recipe, RemoteSpec, SideNames
from harness.data import Side, Sides
from harness.errors import CaseError, EncoderError
from harness.gates import Source
from harness.models import Endpoint, ResolvedBase, UserEncoder, declared_prompts, resolve_sides
from harness.verification import Candidate, named_candidate

NamedEncoders = Callable[[str], str | None]
"""Return the `module:function` of a plugin's encoder by its name; None where no plugin has one of this name."""


def find_sources(case: Case, named: NamedEncoders) -> dict[str, Source]:
    """Find every model of a case that has no recipe.

    Raises:
        CaseError: There is no such directory, module, function, plugin's encoder or key.
    """
    return {
        name: _FINDERS[type(spec)](case, name, spec, named)
        for name, spec in case.models.items()
        if not isinstance(spec, Recipe)
    }


def own_sides(case: Case, sources: Mapping[str, Source]) -> dict[str, Sides]:
    """Return the sides of the models that are not made from the base: with their own prompts, and those of the case.

    Raises:
        CaseError: A whole model declares prompts and the case uses none, or lacks the one of a side.
    """
    return {name: _sides(case, name, source) for name, source in sources.items() if not _of_base(source)}


def _of_base(source: Source) -> bool:
    return isinstance(source, Candidate) and source.of_base


def _sides(case: Case, name: str, source: Source) -> Sides:
    if isinstance(source, Candidate):
        model = ResolvedBase(name, None, source.path, source.sha256)
        return resolve_sides(case, declared_prompts(model), f"models.{name}")
    sides = case.data.sides or SideNames()
    names = ("" if side == NO_SIDE else side for side in (sides.text_1, sides.text_2))
    return Sides(*(Side(side, case.prompts.get(side, "")) for side in names))


def _encoder(case: Case, name: str, spec: EncoderSpec, named: NamedEncoders) -> UserEncoder:
    where = f"{case.path}: models.{name}.encoder"
    function = spec.encoder if ":" in spec.encoder else named(spec.encoder)
    if function is None or ":" not in function:
        came = "no plugin has an encoder of this name" if function is None else f"a plugin says {function!r}"
        raise CaseError(
            f"{where}: {spec.encoder}: {came}; expected module:function, of the case or from a plugin's hook "
            "pytest_harness_encoder"
        )
    try:
        return UserEncoder.find(function, spec.revision, case.path.parent)
    except CaseError as error:
        raise CaseError(f"{where}: {error}") from None


def _endpoint(case: Case, name: str, spec: RemoteSpec, _: NamedEncoders) -> Endpoint:
    endpoint = Endpoint(**spec.endpoint.model_dump())
    try:
        endpoint.key()
    except EncoderError as error:
        raise CaseError(f"{case.path}: models.{name}: {error}") from None
    return endpoint


_FINDERS: Mapping[type[ModelSpec], Callable[..., Source]] = {
    DirectorySpec: lambda case, name, spec, _: named_candidate(case, name, spec),
    EncoderSpec: _encoder,
    RemoteSpec: _endpoint,
}
