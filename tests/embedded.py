"""A pytest plugin, loaded before Django's settings: real PostgreSQL and broker on a state folder of this run."""

import atexit
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from governance.runtime.services import ensure
from governance.runtime.state import StateFolder

_stack = ExitStack()
_folder = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="threadvault-test-", ignore_cleanup_errors=True)))
_folder.chmod(0o711)
_state = StateFolder(_folder / "state")
_services = _stack.enter_context(ensure(_state))
os.environ.update(_services.environment(_state.home))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings.test"
atexit.register(_stack.close)
