"""A page, and Markdown, as they are read."""

from html.parser import HTMLParser

from markdown_it import MarkdownIt

NO_WIDTH = "\u200b"
VOID = {"meta", "img", "input"}
KNOWN = {
    *(
        "meta",
        "style",
        "div",
        "section",
        "header",
        "h2",
        "h3",
        "p",
        "i",
        "sup",
        "span",
        "strong",
        "small",
        "dl",
        "dt",
        "dd",
    ),
    *("figure", "figcaption", "img", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("nav", "a", "ul", "li", "form", "label", "input", "select", "option", "output", "script"),
}


class Page(HTMLParser):
    """The elements of a page in order, what it shows, and whether its tags match."""

    def __init__(self, source):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.data: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)
        if self.elements[-1] == ("script", {"type": "application/json"}):
            self.data.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


class Markdown(HTMLParser):
    """The tags of what Markdown becomes in order, its text, and the cells of each row of its tables but headers."""

    def __init__(self, markdown):
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.words = ""
        self.in_cell = False
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - HTMLParser's
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        self.in_cell = tag == "td" or (self.in_cell and tag == "span")

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag != "td"

    def handle_data(self, data):
        self.words += data
        if self.in_cell:
            self.rows[-1][-1] += data.replace(NO_WIDTH, "")

    @property
    def text(self):
        return self.words.replace(NO_WIDTH, "")

    @property
    def cells(self):
        return [cell for row in self.rows for cell in row]
