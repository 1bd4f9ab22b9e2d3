"""When what runs, in code: nobody changes it from the console."""

from typing import Any, Final

NOTICE_SECONDS: Final = 300.0
SCHEDULES: Final[dict[str, dict[str, Any]]] = {
    "ring for what waits": {"task": "threadvault.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "mail what waits for people": {"task": "threadvault.notices", "schedule": NOTICE_SECONDS, "options": {"expires": 200}},
}
