"""Words with numbers, for messages and pages."""


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: 1 trial, 2,000 trials."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
