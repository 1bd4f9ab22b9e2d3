"""When what runs, in code: nobody changes it from the console."""

from typing import Any, Final

SCHEDULES: Final[dict[str, dict[str, Any]]] = {
    "ring for what waits": {"task": "threadvault.sweep", "schedule": 5.0, "options": {"expires": 10}},
}
