"""Runs slixmpp's own integration tests, as they are, and prints TAP.

Usage: run.py DIRECTORY [ONLY], where DIRECTORY holds the package `itests` of slixmpp's source distribution. What the
tests need stands in the environment: CI_ACCOUNT1 and so on.
"""

import logging
import sys
import unittest
from importlib import import_module
from pathlib import Path


def named(test):
    """`test_muc.test_join`: module and method; the classes say nothing more. None for what is no test."""
    module, _, method = test.id().removeprefix("itests.").rpartition(".")
    return f"{module.split('.')[0]}.{method}"


class Tap(unittest.TestResult):
    """Prints each result when it is there."""

    def startTest(self, test):
        super().startTest(test)
        self.open = named(test)

    def say(self, verdict, test, directive="", reason=""):
        # A failed set-up of a class is reported as something that was never started.
        print(f"{verdict} - {named(test)}{directive}")
        for line in reason.splitlines():
            print(f"  # {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say("ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.say("not ok", test, reason=self._exc_info_to_string(error, test))

    def addError(self, test, error):
        super().addError(test, error)
        self.say("not ok", test, reason=self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("ok", test, directive=f" # SKIP {reason}")


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def main(directory, only=""):
    logging.disable(logging.CRITICAL)
    sys.path.insert(0, directory)
    modules = sorted(path.stem for path in Path(directory, "itests").glob("test_*.py"))
    suites = [import_module(f"itests.{module}").suite for module in modules]
    chosen = [test for suite in suites for test in flat(suite) if only in named(test)]
    print("TAP version 14")
    unittest.TestSuite(chosen).run(Tap())
    # What has ended in no way that is told above is missed by whoever counts.
    print(f"1..{len(chosen)}")


main(*sys.argv[1:])
