"""A page of HTML as it is read."""

import re
from html.parser import HTMLParser


class Reader(HTMLParser):
    """Tables as lists of rows, headings, sources of images, all addresses, and whether tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.headings, self.sources, self.links, self.open, self.text = [], [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "img":
            assert attrs["alt"]
            self.sources.append(attrs["src"])
        self.links += [attrs[name] for name in ("href", "src", "action") if name in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] == "h2":
            self.headings.append(data)


def read(path):
    text = path.read_text()
    page = Reader(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)  # nothing from elsewhere
    assert not re.search(r"url\(|@import|<script|<link", text)
    for link in page.links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in text
    return page
