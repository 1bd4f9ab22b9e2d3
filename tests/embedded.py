"""A pytest plugin, loaded before Django's settings: real PostgreSQL and broker on a state folder of this run.

Where several processes run tests (`-n 2`), each has servers of its own.
"""

import atexit
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from governance.runtime.services import ensure
from governance.runtime.state import StateFolder

_HANDED_OUT = "PYTEST_EMBEDDED_SERVERS"  # The variables that name servers of the process which hands the tests out.

if "PYTEST_XDIST_WORKER" in os.environ:
    for _name in os.environ.pop(_HANDED_OUT, "").split():
        del os.environ[_name]
_stack = ExitStack()
_folder = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="threadvault-test-", ignore_cleanup_errors=True)))
_folder.chmod(0o711)
_state = StateFolder(_folder / "state")
_services = _stack.enter_context(ensure(_state))
os.environ.update(_services.environment(_state.home))
if _services.started:
    os.environ[_HANDED_OUT] = " ".join(_services.environment(_state.home))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings.test"
atexit.register(_stack.close)
