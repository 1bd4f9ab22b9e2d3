"""When what runs, in code: nobody changes it from the console."""

from typing import Any, Final

CHECKPOINT_SECONDS: Final = 5.0
CHECKPOINT: Final = "checkpoint"
SCHEDULES: Final[dict[str, dict[str, Any]]] = {
    "ring for what waits": {"task": "threadvault.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "sign what was recorded": {
        "task": "threadvault.checkpoints",
        "schedule": CHECKPOINT_SECONDS,
        "options": {"expires": CHECKPOINT_SECONDS},
    },
    "keep up with keys": {"task": "threadvault.keys", "schedule": 60.0, "options": {"expires": 50}},
    "count what pages show": {"task": "threadvault.figures", "schedule": 10.0, "options": {"expires": 10}},
    "mark what nobody used in time": {"task": "threadvault.expire", "schedule": 300.0, "options": {"expires": 200}},
}
