"""The prompt contract between trainer, gateway and GGUF: one system word that names the task, then the text.

    <|im_start|>system
    TASK<|im_end|>
    <|im_start|>user
    TEXT<|im_end|>
    <|im_start|>assistant
    LABEL<|im_end|>

The chat template below renders the same bytes, so llama-server's chat endpoint asks the question that was trained. Every piece is
tokenised by itself; for a text without white space at its start that gives the tokens of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizer import Tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


class PromptEncoder:
    """Renders prompts straight into token ids, so that control tokens come from here and never from the text."""

    def __init__(self, tokenizer: Tokenizer, tasks: Iterable[str]) -> None:
        self.tokenizer = tokenizer
        start, end = [tokenizer.im_start], [tokenizer.im_end]
        self._head = {
            task: start
            + tokenizer.encode(f"system\n{task}")
            + end
            + tokenizer.encode("\n")
            + start
            + tokenizer.encode("user\n")
            for task in tasks
        }
        self._tail = end + tokenizer.encode("\n") + start + tokenizer.encode("assistant\n")

    def overhead(self) -> int:
        """Tokens that every prompt has beside its text."""
        return max(len(head) for head in self._head.values()) + len(self._tail)

    def prompt(self, task: str, text: str, text_tokens_max: int) -> list[int]:
        """The prompt up to where the label starts. Of a longer text the end is kept: there a log says why it failed."""
        body = self.tokenizer.encode(text.strip())
        return self._head[task] + body[-text_tokens_max:] + self._tail

    def head(self, task: str) -> list[int]:
        """What every prompt of the task begins with."""
        return self._head[task]

    def label(self, label: str) -> list[int]:
        return [*self.tokenizer.encode(label), self.tokenizer.im_end]
