"""States of a power channel and what leads from one to another. The documentation prints this table."""

from typing import Literal

from trackerdcs.domain.errors import Rejected

State = Literal["off", "ramping_up", "on", "ramping_down", "hold", "tripped", "unknown"]
Intent = Literal["off", "emergency_off", "kill", "lease"]
"""What must be completed after a restart: what was ordered and is not verified yet (SAFETY 19), and the way down of a
channel that a procedure held (SAFETY 16)."""
Intents = dict[str, tuple[Intent, str | None]]
"""By channel: the way down that is not at its end, and its cause."""
Happening = Literal["rise", "fall", "arrived", "stopped", "found_on", "found_off", "trip", "cleared", "lost"]

MEANING: dict[Happening, str] = {
    "rise": "a move to a higher |V| begins, `on` included",
    "fall": "a move to a lower |V| begins, `off` and the way down after a trip included",
    "arrived": "the voltage is at the target of the move",
    "stopped": "the move ends before its target: hold, superseded, a read-back that does not agree",
    "found_on": "a reading says that the output is on, and nothing of ours moves it",
    "found_off": "a reading says that the output is off",
    "trip": "a limit, the supply or an interlock brings the channel down, and it stays latched",
    "cleared": "a person has cleared the trip, after its cause has gone",
    "lost": "three bad readings in a row while the output was on",
}

TRANSITIONS: dict[State, dict[Happening, State]] = {
    "off": {
        "rise": "ramping_up",
        "fall": "off",
        "arrived": "on",
        "stopped": "off",
        "found_on": "on",
        "found_off": "off",
        "trip": "tripped",
    },
    "ramping_up": {
        "rise": "ramping_up",
        "fall": "ramping_down",
        "arrived": "on",
        "stopped": "hold",
        "found_on": "ramping_up",
        "found_off": "off",
        "trip": "tripped",
        "lost": "unknown",
    },
    "on": {
        "rise": "ramping_up",
        "fall": "ramping_down",
        "arrived": "on",
        "stopped": "hold",
        "found_on": "on",
        "found_off": "off",
        "trip": "tripped",
        "lost": "unknown",
    },
    "ramping_down": {
        "rise": "ramping_up",
        "fall": "ramping_down",
        "arrived": "on",
        "stopped": "hold",
        "found_on": "ramping_down",
        "found_off": "off",
        "trip": "tripped",
        "lost": "unknown",
    },
    "hold": {
        "rise": "ramping_up",
        "fall": "ramping_down",
        "stopped": "hold",
        "found_on": "hold",
        "found_off": "off",
        "trip": "tripped",
        "lost": "unknown",
    },
    "tripped": {
        "fall": "tripped",
        "arrived": "tripped",
        "stopped": "tripped",
        "found_on": "tripped",
        "found_off": "tripped",
        "trip": "tripped",
        "cleared": "unknown",
        "lost": "tripped",
    },
    "unknown": {
        "fall": "ramping_down",
        "arrived": "on",
        "stopped": "unknown",
        "found_on": "on",
        "found_off": "off",
        "trip": "tripped",
        "lost": "unknown",
    },
}
"""State -> what happens -> state. What is absent cannot happen: a channel that is unknown or tripped never rises."""


def after(state: State, happening: Happening) -> State:
    """The state after something has happened; raises Rejected for what must not happen in this state."""
    if happening not in TRANSITIONS[state]:
        raise Rejected(f"in the state {state} it cannot be that {MEANING[happening]}")
    return TRANSITIONS[state][happening]
