"""A profile as people write it: one JSON object, checked whole before anything of it is kept.

{"classes": {"EMAIL": "internal", "NONE": "public"},
 "deny": ["Project Falcon"],
 "allow": ["support@example.com", {"type": "PHONE", "value": "+1 415 555 2671"}],
 "patterns": [{"name": "ticket", "pattern": "TCK-[0-9]{6}", "type": "CUSTOM"}]}
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from governance.privacy.detectors import Kind, scan
from governance.privacy.errors import PrivacyError
from governance.privacy.profiles import patterns, terms
from governance.privacy.profiles.classes import DEFAULTS, LEVELS, NOTHING
from governance.vault.models import Classification

MOST_TERMS: Final = 2_000
MOST_ALLOWED: Final = 500
MOST_PATTERNS: Final = 50
LONGEST_TERM: Final = 200
_FEWEST_CHARACTERS: Final = 2
_SAID = {"tuple_type": "has to be a list", "model_type": "has to be an object", "missing": "is missing"}


class Fault(NamedTuple):
    """What is wrong at one place of the settings; `steps` are names of members, and numbers that count from 0."""

    steps: tuple[str | int, ...]
    what: str

    def __str__(self) -> str:
        where = ".".join(map(str, self.steps)) or "the profile"
        return f"{where}: {self.what}"


class SettingsInvalid(PrivacyError):
    """The settings of a profile are not taken; says what and where, never a term, a value or a pattern."""

    code = "profiles.invalid"

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def _term(term: str) -> str:
    if len(terms.folded(term)) < _FEWEST_CHARACTERS:
        raise ValueError(f"a term has at least {_FEWEST_CHARACTERS} characters")
    return term


def _pattern(source: str) -> str:
    patterns.check(source)
    return source


def _typed(value: Any) -> Any:
    """Find out of what type a bare value is, by the detectors themselves."""
    if not isinstance(value, str):
        return value
    found = [span for span in scan(value, weak=True) if (span.start, span.end) == (0, len(value))]
    if not found:
        raise ValueError('no detector finds this as a whole; say its type: {"type": "PHONE", "value": "..."}')
    return {"type": str(found[0].type), "value": value}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Allowed(_Strict):
    """A value that is not masked where a detector finds it as this type."""

    type: Kind
    value: str = Field(min_length=1, max_length=LONGEST_TERM, repr=False)


class OwnPattern(_Strict):
    """A pattern of the tenant's own."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    pattern: Annotated[str, Field(min_length=1, max_length=patterns.LONGEST, repr=False), AfterValidator(_pattern)]
    type: Kind = Kind.CUSTOM


class Settings(_Strict):
    """What a profile says."""

    classes: dict[Kind | Literal["NONE"], Literal["public", "internal", "confidential", "restricted"]] = {}
    deny: tuple[Annotated[str, Field(max_length=LONGEST_TERM), AfterValidator(_term)], ...] = Field(
        default=(), max_length=MOST_TERMS, repr=False
    )
    allow: tuple[Annotated[Allowed, BeforeValidator(_typed)], ...] = Field(default=(), max_length=MOST_ALLOWED)
    patterns: tuple[OwnPattern, ...] = Field(default=(), max_length=MOST_PATTERNS)

    def levels(self) -> dict[str, Classification]:
        """Return the classes that this profile sets."""
        return {str(kind): LEVELS[level] for kind, level in self.classes.items()}

    def as_json(self) -> dict[str, Any]:
        """Return it as people write it, with nothing left out."""
        return self.model_dump(mode="json")


def read_settings(given: Any) -> Settings:
    """Return checked settings. Raises SettingsInvalid that names each place that has to be mended."""
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        faults = dict.fromkeys(_fault(one) for one in error.errors(include_input=False, include_url=False))
        raise SettingsInvalid(*faults) from None
    names = [one.name for one in settings.patterns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsInvalid(Fault(("patterns",), f"two have the name {', '.join(twice)}; each has one of its own."))
    return settings


def _fault(error: Mapping[str, Any]) -> Fault:
    """Return where and what; of the places those that people name (members, not values) are shown."""
    steps = tuple(step for step in error["loc"] if isinstance(step, int) or step in _MEMBERS)
    if error["type"] == "extra_forbidden":
        return Fault(steps, "there is a member that is not known; known are classes, deny, allow, patterns and theirs")
    if error["loc"][:1] == ("classes",):
        return Fault(steps, f"takes types ({', '.join(Kind)} or {NOTHING}) and for each one of {', '.join(LEVELS)}")
    return Fault(steps, _SAID.get(error["type"], error["msg"].removeprefix("Value error, ")))


_MEMBERS: Final = frozenset(["classes", "deny", "allow", "patterns", "type", "value", "name", "pattern"])


def weakened(before: Settings, after: Settings, *, levels: Mapping[str, Classification] = DEFAULTS) -> list[str]:
    """Return in which ways `after` masks or protects less than `before`: counts and names of types, never a term.

    `levels` is the table on which both lie. An empty list means that one person may put it into force.
    """
    old, new = {**levels, **before.levels()}, {**levels, **after.levels()}
    ways = [
        f"{kind} falls from {old[kind].name.lower()} to {new[kind].name.lower()}" for kind in old if new[kind] < old[kind]
    ]
    gone = {terms.folded(one) for one in before.deny} - {terms.folded(one) for one in after.deny}
    if gone:
        ways.append(f"{len(gone)} terms are masked no more")
    if more := set(after.allow) - set(before.allow):
        ways.append(f"{len(more)} more values are left unmasked")
    kept = {(one.pattern, one.type) for one in after.patterns}
    ways += [f"pattern {one.name} goes or changes" for one in before.patterns if (one.pattern, one.type) not in kept]
    return ways
