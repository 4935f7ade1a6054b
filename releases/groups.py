"""The groups of people and what each may do; everywhere, or for one service. Pure."""

GROUPS = {
    "lead": [
        "register_release",
        "report_deployment",
        "deploy",
        "lift_freeze",
        "roll_back",
        "run_checklist",
        "accept_finding",
        "confirm_result",
        "add_note",
        "read_book",
        "manage_people",
    ],
    "on-call": ["roll_back", "lift_freeze", "run_checklist", "add_note"],
    "auditor": ["read_book"],
    "viewer": [],
}
"""Which permissions each group holds. Everyone who is signed in may read, all but the whole book."""


def groups_with(permission: str) -> list[str]:
    """Return the groups that hold a permission."""
    return [group for group, held in GROUPS.items() if permission in held]
