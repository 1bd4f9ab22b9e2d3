"""The grave acts (INTERFACE.md): what needs a second person, and which action both people must be allowed."""

from typing import Final, NamedTuple


class Act(NamedTuple):
    """A grave act: the action that asking needs (a second person holds the same or `second`), and what it does."""

    action: str
    meaning: str


ACTS: Final = {
    "activate_policy": Act("manage_policies", "make a drafted access policy decide"),
    "retire_policy": Act("manage_policies", "take an active access policy out of force"),
    "destroy_key_version": Act("manage_keys", "destroy a key version and with it what it wraps"),
    "destroy_data_key": Act("manage_keys", "destroy one data key, and one owner's texts in one conversation with it"),
    "lower_minimum_version": Act("manage_keys", "accept older key versions again"),
    "erase": Act("erase", "destroy the data keys of a person"),
    "release_hold": Act("manage_holds", "release a legal hold"),
    "break_glass": Act("break_glass", "open single conversations in an emergency"),
    "unmask_finding": Act("manage_requests", "show again what a detector masked"),
    "activate_profile": Act("manage_requests", "detect with settings that mask or protect less"),
    "accept_head": Act("read_audit", "go on from an older audit head after a failover"),
}
