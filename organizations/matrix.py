"""The table of what each role may do, drawn from config/roles.yaml."""

from dataclasses import dataclass

from organizations import roles
from organizations.role_file import Role, Roles

YES, SOME, NO = "yes", "some", "no"


@dataclass(frozen=True, slots=True)
class Cell:
    """`state` is yes, no, or some: only with the condition that `note` says."""

    role: Role
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    permission: str
    title: str
    cells: list[Cell]

    @property
    def notes(self) -> str:
        return "; ".join(dict.fromkeys(cell.note for cell in self.cells if cell.note))


@dataclass(frozen=True, slots=True)
class Group:
    resource: str
    title: str
    rows: list[Row]


def groups() -> list[Group]:
    """Every permission of an organization by resource, for every role that a member can have.  No read."""
    known = roles.current()
    columns = roles.organization_roles()
    return [
        Group(
            resource,
            known.resource_title(resource),
            [row_of(known, f"{resource}.{action}", columns) for action in actions],
        )
        for resource, actions in known.resources.items()
    ]


def row_of(known: Roles, permission: str, columns: list[Role]) -> Row:
    return Row(permission, known.permission_words(permission), [cell_of(known, permission, role) for role in columns])


def cell_of(known: Roles, permission: str, role: Role) -> Cell:
    conditions = role.grants.get(permission)
    if conditions is None:
        return Cell(role, NO)
    if None in conditions:
        return Cell(role, YES)
    words = " or ".join(sorted(known.condition_words(name) for name in conditions if name))
    return Cell(role, SOME, words[:1].upper() + words[1:])
