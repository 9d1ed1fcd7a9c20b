"""Turn SVG drawings into PDF for LaTeX, with CairoSVG."""

import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms.images import ImageConverter


class SvgToPdf(ImageConverter):
    """Convert each SVG image once for a builder that cannot show SVG."""

    conversion_rules = [("image/svg+xml", "application/pdf")]

    def is_available(self) -> bool:
        return True

    def convert(self, _from: str | os.PathLike[str], _to: str | os.PathLike[str]) -> bool:
        try:
            import cairosvg  # here, since it loads a library that web pages do not need
        except OSError as error:
            raise ExtensionError("the PDF needs the library cairo, on Debian and Ubuntu the "
                                 "package libcairo2") from error
        cairosvg.svg2pdf(url=str(_from), write_to=str(_to))
        return True


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(SvgToPdf)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
