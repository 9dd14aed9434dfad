"""poezio (Python, slixmpp) in a terminal: two people, or one with two clients."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# The tests run in the order in which these are read.
import logins  # noqa: E402, F401, I001
import contacts  # noqa: E402, F401
import chats  # noqa: E402, F401
import questions  # noqa: E402, F401
from stage import suite  # noqa: E402

suite.run()
