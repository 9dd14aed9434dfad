"""A program in a terminal of 120x40, driven as a person would: keys in, and a look at the screen.

Every wait is bounded by `PATIENCE` and shows the screen when it was in vain.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pyte

from .tap import Failed

COLUMNS, ROWS = 120, 40
PATIENCE = 12


class Terminal:
    """A running program and the screen it draws on."""

    def __init__(self, title, argv, env, cwd):
        self.title = title
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            _become(argv, env, cwd)

    def type(self, text):
        """Types `text` as it is."""
        os.write(self.fd, text.encode())

    def line(self, text):
        """Types `text` and Enter."""
        self.type(text)
        # Taken together, some programs see a paste and put the line break into the text.
        self.settle(0.05)
        self.type("\r")

    def text(self):
        """What the screen shows, without trailing blanks."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def settle(self, quiet=0.3):
        """Reads until the program has drawn nothing for `quiet` seconds."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._read(quiet):
            pass

    def watch(self, seen, seconds=3):
        """Reads until `seen()`, or for some seconds."""
        end = time.monotonic() + seconds
        while not seen() and time.monotonic() < end and self.alive():
            self._read(0.02)

    def wait(self, pattern, seconds=PATIENCE, why=None):
        """Waits until the screen shows `pattern` (a regular expression) and returns the match."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text(), re.MULTILINE)
            if found:
                return found
            left = end - time.monotonic()
            if left <= 0 or not self.alive():
                ended = "" if self.alive() else f", and the program has ended with status {self.status}"
                raise Failed(
                    self.report(f"{why or f'{self.title} never showed /{pattern}/'} within {seconds} s{ended}")
                )
            self._read(min(left, 0.2))

    def never(self, pattern, seconds, why=None):
        """Watches for `seconds` that the screen does not come to show `pattern`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(min(left, 0.2))
            if re.search(pattern, self.text(), re.MULTILINE):
                raise Failed(self.report(why or f"{self.title} showed /{pattern}/, which it must not"))

    def report(self, what):
        """`what`, followed by the screen without empty lines, for the reason of a failure."""
        shown = [f"| {line}" for line in self.text().splitlines() if line.strip()]
        return "\n".join([what, f"screen of {self.title}:", *shown])

    def alive(self):
        """Does the program still run?"""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def kill(self):
        """Ends the program without a farewell, as a crash or power cut would."""
        self._end(signal.SIGKILL)

    def close(self):
        """Ends the program if it still runs."""
        if self.fd is None:
            return
        self._end(signal.SIGTERM)
        os.close(self.fd)
        self.fd = None

    def exited(self, seconds=PATIENCE):
        """Waits until the program has ended by itself."""
        end = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end:
            self._read(0.05)
        if self.alive():
            raise Failed(self.report(f"{self.title} should have ended and has not within {seconds} s"))

    def _end(self, first):
        for number in (first, signal.SIGKILL):
            if not self.alive():
                return
            os.kill(self.pid, number)
            end = time.monotonic() + 3
            while self.alive() and time.monotonic() < end:
                # A program that writes its farewell waits until somebody reads it.
                self._read(0.05)

    def _read(self, seconds):
        """Draws what the program has written; false if it wrote nothing."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux: the other end of the pty is closed
            data = b""
        if not data:
            time.sleep(min(seconds, 0.05))
            return False
        self.stream.feed(data)
        return True


def _become(argv, env, cwd):
    """In the child: turns into the program, or says why not."""
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.chdir(cwd)
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(2, f"cannot start {argv[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def environment(home, **extra):
    """A clean environment with `home` as HOME, UTF-8, and no trace of the caller's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "XDG_CACHE_HOME": f"{home}/.cache",
        # What pyte draws. xterm's entry has sequences that it does not know.
        "TERM": "linux",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        **extra,
    }
