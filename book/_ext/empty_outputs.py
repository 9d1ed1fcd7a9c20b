"""Outputs that show nothing: blank HTML, and beside it the name of an object for the PDF."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


def shows_nothing(bundle: nodes.container) -> bool:
    """Say whether the form of an output that is not plain text is blank HTML."""
    rich = [form for form in bundle.children if form["mime_type"] != "text/plain"]
    return bool(rich) and all(
        isinstance(part, nodes.raw) and part["format"] == "html" and not part.astext().strip()
        for form in rich for part in form.children)


class EmptyOutputs(SphinxTransform):
    """Remove outputs that show nothing."""

    default_priority = 205

    def apply(self, **kwargs: Any) -> None:
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") == "mime_bundle" and shows_nothing(bundle):
                output = bundle.parent
                output.remove(bundle)
                if not output.children:
                    output.parent.remove(output)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(EmptyOutputs)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
