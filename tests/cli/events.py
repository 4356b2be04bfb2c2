"""The events of a program, each checked against the schema in docs/."""
import functools
import json

import jsonschema

from support import ROOT


@functools.cache
def validator():
    schema = json.loads((ROOT / "docs" / "events.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read_events(text):
    """The events of a stream that ended; its last line is the one that says how."""
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        wrong = jsonschema.exceptions.best_match(validator().iter_errors(event))
        assert wrong is None, f"{event}: {wrong}"
    own = [event for event in events if event["command"] == events[-1]["command"]]
    ends = [event for event in own if event["event"] in ("finished", "stopped", "failed")]
    assert ends == events[-1:], text
    return events


def pick(events, name, **fields):
    """The events of that name, and with those values."""
    return [event for event in events if event["event"] == name and all(event.get(key) == fields[key] for key in fields)]


def read_last(text):
    return read_events(text)[-1]


def without_progress(text):
    """The lines of a stream, or of another text, that do not depend on the clock."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith('{"event":"progress"'))


def without_header(event, *more):
    """What the command says, without what every event has."""
    return {key: value for key, value in event.items() if key not in ("event", "version", "command", *more)}


def await_event(process, name):
    """Reads a process' standard output up to an event of that name."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == name:
            return event
    raise AssertionError(f"it ended without an event '{name}'")
