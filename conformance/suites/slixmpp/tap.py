"""Tests by name, told on stdout as TAP."""

import asyncio
import sys
import traceback

# How long to wait for what must come.
PATIENCE = 10

# More than any single wait, so that the wait that failed says why.
LONGEST = 60

READABLE = 2000


class Skip(Exception):
    """The server does not offer what is tested."""

    def __init__(self, what):
        super().__init__(f"this server offers no {what}")


class Wrong(Exception):
    """What was expected, and what came."""


def check(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def need(offered, what):
    if not offered:
        raise Skip(what)


async def run(tests, only, clean_up):
    """Runs the tests whose name contains `only`, with a clean-up after each."""
    print("TAP version 14")
    chosen = [(name, test) for name, test in tests.items() if only in name]
    for name, test in chosen:
        try:
            await asyncio.wait_for(test(), LONGEST)
            outcome = f"ok - {name}"
        except Skip as why:
            outcome = f"ok - {name} # SKIP {why}"
        except Exception as why:
            traceback.print_exc()
            late = isinstance(why, TimeoutError)
            reason = f"the test did not end within {LONGEST} s" if late else str(why) if isinstance(why, Wrong) else repr(why)
            lines = reason[:READABLE].splitlines() or ["no reason"]
            outcome = "\n".join([f"not ok - {name}", *(f"  # {line}" for line in lines)])
        print(outcome)
        sys.stdout.flush()
        await clean_up()
    print(f"1..{len(chosen)}")
