"""Text from outside (names in checkpoints, keys of YAML) for a terminal, which would obey what it holds."""


def printable(text: str) -> str:
    """The text with control characters and marks that reorder a line as escapes; line breaks stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode() for letter in text)


def csv_cell(value: object) -> object:
    """A cell of a CSV file: a text that a spreadsheet would take for a formula stands behind an apostrophe."""
    if not isinstance(value, str) or value[:1] not in ("=", "+", "-", "@"):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
