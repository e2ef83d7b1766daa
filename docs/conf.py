"""How Sphinx makes the site of these pages: `make docs`. Nothing on it comes from another address."""

import re
from typing import Any

from malmoi import __version__

project = "malmoi"
copyright = "The malmoi authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["**.ipynb_checkpoints"]
html_theme = "furo"
html_title = "malmoi"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2f5d50", "color-brand-content": "#2f5d50"},
    "dark_css_variables": {"color-brand-primary": "#8cc5b2", "color-brand-content": "#8cc5b2"},
}
# Pages are read on the web as they are, too: headings are linked by their words, as there.
myst_heading_anchors = 4
myst_enable_extensions = ["fieldlist"]
# Docstrings are plain text with `code`, as Markdown has it.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_preserve_defaults = True
# Lexers that do not know a flag or a Korean name say so; it is no fault of the page.
suppress_warnings = ["misc.highlighting_failure", "myst.xref_missing_outside"]

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)(?=(\w)?)")
_REFERENCE = re.compile(r"(?<![`\w])([\w/+]*\w)_(?=[`)\s.,])")


def _from_markdown(app: object, what: str, name: str, of: object, options: object, lines: list[str]) -> None:
    """Docstrings write `code` as Markdown does, also with letters right behind it, and `__` means nothing in them."""
    text = _CODE.sub(lambda code: f"``{code[1]}``" + ("\\ " if code[2] else ""), "\n".join(lines))
    parts = re.split(r"(``.*?``)", text, flags=re.DOTALL)
    text = "".join(part if part.startswith("``") else _REFERENCE.sub(r"\1\\_", part) for part in parts)
    lines[:] = text.split("\n")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    # Before napoleon, which takes what stands before a colon of an attribute for its type, but not inside code.
    app.connect("autodoc-process-docstring", _from_markdown, priority=400)
