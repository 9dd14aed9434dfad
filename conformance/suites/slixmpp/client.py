"""What people do with a client built on slixmpp."""

import asyncio
import warnings

import basic
import extensions
import later
import tap
import user

# Of the library.
warnings.simplefilter("ignore")

TESTS = {**basic.TESTS, **extensions.TESTS, **later.TESTS}

asyncio.run(tap.run(TESTS, user.TOLD.get("only") or "", user.close_all))
