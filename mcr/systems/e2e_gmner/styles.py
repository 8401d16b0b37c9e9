"""E2E-GMNER's two-part reasoning: what is known of each name, then what the image shows of it."""

from mcr.prompts.routes import IN_TAGS, Route
from mcr.systems.styles import AskedStyle, Facts, TemplateStyle, Voice

KNOWLEDGE = (
    "External Knowledge Analysis: {known}",
    "External Knowledge Analysis\n{known}",
    "External Knowledge Analysis: what is known helps here. {known}",
)
VISUAL = ("Visual Cue Analysis: {seen}", "Visual Cue Analysis\n{seen}", "Visual Cue Analysis: now the image. {seen}")
KNOWN_LOOK = ("{name} looks like {look}.", "What is known of {name}: {look}.", "{name} is known to look like {look}.")
NOTHING_KNOWN = ("Nothing is needed.", "No outside knowledge is needed.", "The text needs no outside knowledge.")
NOTHING_ASKED = ("No place is asked for.", "The image is not asked about.", "No box has to be given.")


def knowledge_visual(facts: Facts, voice: Voice) -> list[str]:
    """Return two parts, as the paper's teacher writes: knowledge of each name, then what the image shows of it."""
    if not facts.entities:
        return [voice.choose(KNOWLEDGE, known=voice.span(facts)), voice.choose(VISUAL, seen=voice.say("all_clear"))]
    looks = zip(facts.entities, facts.looks, strict=True)
    known = [*voice.on_text(facts), *(voice.choose(KNOWN_LOOK, name=e.text, look=look) for e, look in looks if look)]
    seen = [*voice.see(facts), *voice.on_image(facts)]
    return [
        voice.choose(KNOWLEDGE, known=" ".join(known) or voice.choose(NOTHING_KNOWN)),
        voice.choose(VISUAL, seen=" ".join(seen) or voice.choose(NOTHING_ASKED)),
    ]


ROUTE = Route(
    "knowledge_visual",
    "Write the reasoning between <think> and </think> in two parts, headed External Knowledge Analysis and Visual Cue Analysis. "
    + IN_TAGS,
    is_tagged=True,
)
TEMPLATES = {"knowledge_visual": TemplateStyle(knowledge_visual, ROUTE)}
ASKED = {
    "mllm_knowledge_visual": AskedStyle(
        "Write it between <think> and </think> in two parts, headed 'External Knowledge Analysis:', what is commonly known of "
        "each name and so its type, and 'Visual Cue Analysis:', what the image shows of it.",
        needs_image=True,
        route=ROUTE,
        fallback="knowledge_visual",
    ),
}
