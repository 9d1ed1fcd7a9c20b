"""What a question is made of on its way to a page or into the PDF."""

from docutils import nodes


class question(nodes.General, nodes.Element):
    """A question: its title, its text, and its options."""


class question_option(nodes.General, nodes.Element):
    """An option: what it says, and in a web page why it is right or wrong."""


class option_text(nodes.Part, nodes.TextElement):
    """What an option says."""


class option_reason(nodes.General, nodes.Element):
    """Why an option is right or wrong."""


class answer(nodes.General, nodes.Element):
    """In the PDF: the right option of a question, and the reasons of all."""
