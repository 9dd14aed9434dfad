"""Runs the tests of a client program one after the other and prints TAP.

    suite = Suite()

    @suite.test("chat both ways")
    def chat():
        ...

    suite.run()

A test passes if it returns, fails if it raises `Failed` or anything else, and is skipped if it raises `Skip`.
What it left open is closed after it, in reverse order: register that with `suite.later(thing.close)`.
"""

import json
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory


class Failed(Exception):
    """The server or the client did something else than expected; the text says what, on as many lines as needed."""


class Skip(Exception):
    """The server does not offer what the test needs; the text says what."""


class Account:
    """A user of the server under test."""

    def __init__(self, jid, password):
        self.jid = jid
        self.password = password
        self.name = jid.partition("@")[0]


class Suite:
    """The tests of one program, the server they run against, and a directory that is gone afterwards."""

    def __init__(self):
        arg = json.loads(sys.argv[1])
        self.host = arg["host"]
        self.port = arg["port"]
        self.tls_port = arg["tls_port"]
        self.domain = arg["domain"]
        self.ca = arg["ca"]
        self.only = arg["only"]
        self.accounts = {name: Account(**account) for name, account in arg["accounts"].items()}
        self.tests = []
        self.closers = []
        self._directory = TemporaryDirectory(prefix="terminal-")
        self.directory = Path(self._directory.name)

    def test(self, name):
        """Adds the decorated function as a test."""

        def add(function):
            self.tests.append((name, function))
            return function

        return add

    def later(self, closer):
        """Calls `closer` when the current test is over."""
        self.closers.append(closer)

    def run(self):
        """Runs the tests whose name contains `only`, in the order of the file."""
        print("TAP version 14", flush=True)
        chosen = [(name, function) for name, function in self.tests if self.only in name]
        for name, function in chosen:
            print(result(name, function), flush=True)
            self.close()
        print(f"1..{len(chosen)}", flush=True)
        self._directory.cleanup()

    def close(self):
        """Closes what the current test has opened."""
        while self.closers:
            try:
                self.closers.pop()()
            except Exception:
                traceback.print_exc()


def result(name, function):
    """The TAP lines of one test."""
    try:
        function()
    except Skip as reason:
        return f"ok - {name} # SKIP {reason}"
    except Failed as reason:
        return failure(name, str(reason))
    except Exception:
        return failure(name, traceback.format_exc())
    return f"ok - {name}"


def failure(name, reason):
    """A `not ok` line and the reason below it."""
    lines = "".join(f"\n  # {line}".rstrip() for line in reason.splitlines())
    return f"not ok - {name}{lines}"
