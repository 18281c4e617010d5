"""The product's name and words: config/product.yaml, the one file that a rebrand changes."""

from typing import Any

from saas.config_files import ConfigData, ReloadingFile, load_yaml

PATH = "config/product.yaml"

TEXT = {"type": "string", "minLength": 1}
LINK = {
    "type": "object",
    "properties": {"label": TEXT, "url": TEXT},
    "required": ["label", "url"],
    "additionalProperties": False,
}


def _mapping(**properties: Any) -> dict[str, Any]:
    """A mapping in which every key is needed and no other is known."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(item: Any, *, at_least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": at_least}


SCHEMA = _mapping(
    name=TEXT,
    tagline=TEXT,
    description=TEXT,
    support_email={"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"},
    company=_mapping(name=TEXT, address=TEXT, law=TEXT, privacy_email=TEXT, documents_date=TEXT),
    navigation=_list(LINK),
    footer=_list(_mapping(title=TEXT, links=_list(LINK))),
    entrance=_mapping(title=TEXT, points=_list(TEXT)),
    landing=_mapping(
        eyebrow=TEXT,
        title=TEXT,
        lead=TEXT,
        note=TEXT,
        features_title=TEXT,
        features_lead=TEXT,
        features=_list(_mapping(icon=TEXT, title=TEXT, text=TEXT)),
        start_title=TEXT,
        start_lead=TEXT,
        steps=_list(_mapping(title=TEXT, text=TEXT)),
        commands=TEXT,
        questions_title=TEXT,
        questions=_list(_mapping(question=TEXT, answer=TEXT)),
        closing_title=TEXT,
        closing_lead=TEXT,
    ),
)

_file = ReloadingFile(PATH, lambda: load_yaml(PATH, SCHEMA))


def product() -> ConfigData:
    """Everything in config/product.yaml; a changed file is taken up within a second.

    Raises ConfigError, with file and line, when the file is wrong at the first load.
    """
    return _file.get()
