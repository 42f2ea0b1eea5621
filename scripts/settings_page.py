"""Writes docs/reference/settings.md from the settings themselves: `python -m scripts.settings_page`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dwell.settings import Settings, known_settings, variable_of

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
HEAD = """# Settings

A TOML file (`--config`, or `DWELL_CONFIG`), then the environment, then flags; the later wins. A key that is not known
refuses to start. Made by `python -m scripts.settings_page` from the settings themselves.

| key | variable | default | what it says |
|---|---|---|---|
"""
COMPUTED: dict[tuple[str, ...], str] = {
    ("database_url",): "`dwell.sqlite3` in your data directory",
    ("secret_key",): "kept in a file",
}
"""Defaults that are another on every machine."""


def page() -> str:
    """The page, in Markdown."""
    settings = Settings()
    rows = []
    for path, entry in known_settings().items():
        default = COMPUTED.get(path) or _shown(_value(settings, path))
        rows.append(f"| `{'.'.join(path)}` | `{variable_of(path)}` | {default} | {entry['says']} |\n")
    return HEAD + "".join(rows)


def _value(settings: Any, path: tuple[str, ...]) -> object:
    for name in path:
        settings = getattr(settings, name)
    return settings


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:.12g}`"
    return f"`{value}`" if value not in ("", ()) else "none"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
