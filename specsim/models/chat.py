r"""Conversations as text: ChatML, the form that SmolLM2 and Qwen were tuned on.

Each message is ``<|im_start|>role\ncontent<|im_end|>\n``; a prompt ends in ``<|im_start|>assistant\n``.
A model's own template may put a default system message in front of a conversation that has none. That
message is taken from the template, so what a model reads is what it was tuned on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

START, END = "<|im_start|>", "<|im_end|>"
ROLES = ("system", "user", "assistant")

_DEFAULT_SYSTEM = re.compile(re.escape(START) + r"system(?:\n|\\n)([^'\"{}]+?)" + re.escape(END))


@dataclass(frozen=True, slots=True)
class ChatML:
    r"""A ChatML template.

    Parameters
    ----------
    default_system
        The system message of conversations that have none; None to leave it out.

    Examples
    --------
    >>> ChatML().render([("user", "Hi")])
    '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'
    """

    default_system: str | None = None

    @classmethod
    def from_template(cls, template: str) -> ChatML | None:
        """The ChatML template that a Jinja chat template writes, or None if it writes another form."""
        if START not in template or END not in template:
            return None
        found = _DEFAULT_SYSTEM.search(template)
        return cls(default_system=found.group(1) if found else None)

    def render(self, messages: Sequence[tuple[str, str]]) -> str:
        """A prompt for the assistant's next message.

        Parameters
        ----------
        messages
            Pairs (role, content); a role is system, user or assistant.

        Raises
        ------
        ValueError
            If there is no message, a role is unknown, or a content holds a ChatML marker.
        """
        if not messages:
            raise ValueError("a conversation needs at least one message")
        for number, (role, content) in enumerate(messages):
            _check_message(number, role, content)
        if messages[0][0] != "system" and self.default_system is not None:
            messages = [("system", self.default_system), *messages]
        body = "".join(f"{START}{role}\n{content}{END}\n" for role, content in messages)
        return f"{body}{START}assistant\n"


def _check_message(number: int, role: str, content: str) -> None:
    if role not in ROLES:
        raise ValueError(f"message {number} has role {role!r}; roles are {', '.join(ROLES)}")
    for marker in (START, END):
        if marker in content:
            raise ValueError(f"message {number} contains the marker {marker!r}, which would end it early")
