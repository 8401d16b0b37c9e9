"""The routes of reasoning that a prompt can ask for (MCR C.1), and how a completion of each is put together.

MCR has five: two inside fixed tags, two of short statements, and one distilled from an MLLM. A system may bring routes of its own
with its styles. All wording is ours.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One way to reason.

    Attributes:
        name: of the route, in training sets and on command lines.
        instruction: the end of the prompt, what this route asks for beyond the task.
        is_tagged: the reasoning is in <think> and the answer in <answer>; otherwise the line "Answer:" separates them.
    """

    name: str
    instruction: str
    is_tagged: bool

    def completion_of(self, reasoning: str, answer: str) -> str:
        """Return the whole completion.

        >>> QUESTIONS.completion_of("Q: Which names?", "None")
        'Q: Which names?\\nAnswer:\\nNone'
        """
        if self.is_tagged:
            return f"<think>\n{reasoning}\n</think>\n<answer>\n{answer}\n</answer>"
        return f"{reasoning}\nAnswer:\n{answer}"


IN_TAGS = "Then write the answer between <answer> and </answer>."
ON_LINES = "Then write Answer: on a line of its own and the answer below it."

TEXT_FIRST = Route(
    "text_first",
    f"Write the reasoning between <think> and </think>, first on the text and then on the image. {IN_TAGS}",
    is_tagged=True,
)
IMAGE_FIRST = Route(
    "image_first",
    f"Write the reasoning between <think> and </think>, first on the image and then on the text. {IN_TAGS}",
    is_tagged=True,
)
QUESTIONS = Route(
    "questions",
    f"Write the reasoning as short questions, each with its answer. {ON_LINES}",
    is_tagged=False,
)
CONCLUSIONS = Route(
    "conclusions",
    f"Write the reasoning as a few short conclusions. {ON_LINES}",
    is_tagged=False,
)
DISTILLED = Route(
    "distilled",
    f"Write the reasoning in your own words between <think> and </think>. {IN_TAGS}",
    is_tagged=True,
)
