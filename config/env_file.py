"""The settings that `dueline init` wrote down, for whatever the environment itself does not say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.errors import SettingsError

if TYPE_CHECKING:
    from dotenv.parser import Binding

NAME: Final = "dueline.env"
"""In the directory in which a command is run, unless `DUELINE_ENV_FILE` names another."""


def read_env_file(env: Mapping[str, str]) -> dict[str, str]:
    """Read the file of settings, lines such as `DUELINE_PORT=8090`.

    Args:
        env: such as `os.environ`; what it sets goes before the file. A relative path in a setting
            of the file means beside the file.

    Returns:
        What the file sets and the environment does not; nothing where there is no file.

    Raises:
        SettingsError: the file that `DUELINE_ENV_FILE` names is not there, cannot be read, or has
            a line that is no setting of Dueline.
    """
    named = env.get("DUELINE_ENV_FILE", "").strip()
    path = Path(named or NAME)
    if not named and not path.is_file():
        return {}
    # Mostly there is no such file, and this import takes 10 ms of a command's start.
    from io import StringIO

    from dotenv.parser import parse_stream

    try:
        lines = list(parse_stream(StringIO(path.read_text("utf-8"))))
    except OSError as error:
        raise SettingsError([f"{path} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path} is not UTF-8 text"]) from None
    if unread := [_place(line) for line in lines if not _is_read(line)]:
        right = "write it as NAME=value, and close each quote on the line on which it is opened"
        raise SettingsError([f"{path}, line {number}, is no setting: {right}" for number in unread])
    found = {line.key: line.value for line in lines if line.key}
    strange = [name for name in found if not name.startswith("DUELINE_")]
    if strange:
        raise SettingsError(
            [f"{path} sets {name}: only names with DUELINE_ at their beginning" for name in strange]
        )
    values = {name: value for name, value in found.items() if value is not None}
    return {
        name: _beside(path, name, value)
        for name, value in values.items()
        if name not in env and not _is_said_otherwise(name, env)
    }


def _is_read(line: Binding) -> bool:
    # No setting goes on on the next line: a quote that was forgotten swallowed it.
    # And no environment can hold a NUL.
    return not (line.error or "\n" in (line.value or "") or "\0" in line.original.string)


def _place(line: Binding) -> int:
    """The number of a line; the empty ones above are handed over with it."""
    text = line.original.string
    above = text[: len(text) - len(text.lstrip())]
    return line.original.line + above.count("\n")


def _is_said_otherwise(name: str, env: Mapping[str, str]) -> bool:
    """Whether the environment gives a secret in the other of the two ways, itself or by a file."""
    other = name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"
    return other in env


def _beside(path: Path, name: str, value: str) -> str:
    is_path = name.endswith("_FILE") or name == "DUELINE_CONFIG"
    return str(path.parent / value) if is_path and value else value
