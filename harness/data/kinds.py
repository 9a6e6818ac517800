"""The kind of a file by its first bytes: one of another kind than its name says is told in one sentence."""

import re

HEAD = 512
"""Bytes at the beginning of a file that tell its kind."""

_MAGIC: dict[bytes, str] = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer and not the data itself: run `git lfs pull`",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",  # its streaming format
    b"SQLite format 3": "an SQLite database",
    b"\x80\x04": "a Python pickle, which is never opened",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}
"""How a file of each kind begins."""

_TEXT: dict[str, str] = {
    r"(<!doctype|<html)": "an HTML page",
    r"<\?xml": "XML",
    r"\[\s*([\[{]|$)": "a JSON array; put one object a line",
}
"""Beginning of a text, behind blanks and in lower case, as a pattern -> what such a text is."""


def kind_of(head: bytes) -> str:
    """Return what a file is that begins so; empty where it may be lines of text.

    Example:
        >>> kind_of(b"%PDF-1.7"), kind_of(b'[{"text_1": "tea"}]'), kind_of(b'{"text_1": "tea"}')
        ('a PDF', 'a JSON array; put one object a line', '')
    """
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            return words
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace").lstrip().lower()
    for pattern, words in _TEXT.items():
        if re.match(pattern, text):
            return words
    return "binary" if b"\0" in head else ""
