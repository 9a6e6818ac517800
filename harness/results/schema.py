"""The JSON Schema of `results.json`: `python -m harness.results.schema` writes it.

What a key means is said once, in the docstring of its class; the schema takes it from there.
"""

import json
import re
from pathlib import Path

from harness.execution import write_whole
from harness.results.model import SCHEMA, Results

PATH = Path(__file__).parents[1] / "results.schema.json"

_ATTRIBUTE = re.compile(r"^ {4}(?=\w+: )", re.MULTILINE)
"""The start of an entry of a docstring's list of attributes."""


def schema_text() -> str:
    """Return the schema as the file's text, with a description at each key."""
    content = Results.model_json_schema()
    for part in (content, *content["$defs"].values()):
        head, _, listed = part.get("description", "").partition("\n\nAttributes:\n")
        part["description"] = " ".join(head.split())
        entries = [entry.partition(": ") for entry in _ATTRIBUTE.split(listed)[1:]]
        described = {name: " ".join(words.split()) for name, _, words in entries}
        for name, field in part["properties"].items():
            field.pop("title", None)
            if name in described:
                field["description"] = described[name]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pytest-embedding-harness:results:{SCHEMA}",
        **content,
        "title": "results.json",
        "required": ["schema", *content["required"]],  # a reader has to ask for it first
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    write_whole(PATH, schema_text())
