"""What a cell hands to the page around it: values that the text quotes, statements that it checks.

A statement of the text is of one of three kinds. `holds` checks *exact* ones (mathematics,
algorithms, recordings) and *statistical* ones (about live training, with a margin that chance does
not cross). What *this run* of a training did is never checked: `glue` puts its numbers and words
into the text.
"""
import re
from typing import Any

from d2l_hpo.tools.installation import needs

with needs("plots", "d2l_hpo.figures"):
    from IPython.display import display

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
           "eleven", "twelve")
RESULT = re.compile("`([A-Za-z_0-9]+)`")
results: dict[str, str] = {}  # what this process has glued
FAILED = "On this machine this did not hold:"


def glue(name: str, value: Any) -> None:
    """Print a value and store it under its name in the notebook, for the book's text to quote.

    Arguments:

    - `name`: a word that no other cell of the book uses.
    - `value`: text or a number; what is stored is `str(value)`.

    In a cell, and in the text, where the role of myst-nb shows it::

        glue("best_error", f"{tuner.incumbent_error:.3f}")

        The best trial has the error {glue:text}`best_error`.
    """
    results[name] = str(value)
    print(f"{name} = {value}")
    prefix = "application/papermill.record/"
    display({f"{prefix}text/plain": str(value)}, raw=True,
            metadata={"scrapbook": {"name": name, "mime_prefix": prefix}})


def tell(text: str) -> None:
    """Show Markdown in which the values that `glue` has stored stand in place of their names.

    Arguments:

    - `text`: a paragraph or more; a name that is quoted stands between backticks. Other code, and
      names for which no cell has glued a value yet, stay as they are.

    The notebooks without outputs have their sentences in such cells::

        tell("The best trial has the error `best_error`.")
    """
    shown = RESULT.sub(lambda found: results.get(found[1], found[0]), text.strip("\n"))
    display({"text/markdown": shown, "text/plain": shown}, raw=True)


def holds(condition: bool, statement: str, margin: str = "") -> None:
    """Check a statement of the text. Where it is false, a note says so, and the notebook goes on.

    Arguments:

    - `condition`: what was computed, true or false.
    - `statement`: the sentence that the text relies on.
    - `margin`: for statements about live training: why neither seed nor processor decides it,
      such as "10 seeds, 6 standard errors".

    The book shows the notes on its pages and lists them after a build.

    >>> holds(1 + 1 == 2, "one and one are two")
    """
    if condition:
        return
    note = f"{FAILED} {statement}" + f" (margin: {margin})" * bool(margin)
    display({"text/plain": note, "text/markdown": f"**{note}**"}, raw=True,
            metadata={"d2l_hpo": {"failed": note}})


def in_words(count: int, noun: str = "") -> str:
    """Write a count as English does in a sentence, with its noun if there is one.

    - `count`: an integer of at least 0; from 13 on it is written in digits.
    - `noun`: in the singular; its plural takes an s.

    >>> in_words(0), in_words(2), in_words(13)
    ('none', 'two', '13')
    >>> in_words(0, "trial"), in_words(1, "trial"), in_words(3, "trial")
    ('no trial', 'one trial', 'three trials')
    """
    count = int(count)
    word = NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"
    if not noun:
        return word
    return f"{'no' if count == 0 else word} {noun}{'s' * (count > 1)}"
