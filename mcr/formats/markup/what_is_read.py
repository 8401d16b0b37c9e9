"""The table of what is read besides the formats that schemas teach: one place for the readers and for docs/rewards.md.

Where a regular expression says what is read, examples beside it are shown in the docs, and a test reads them.
`section` returns the section of the docs, which a test compares.
"""

Rule = tuple[str, tuple[str, ...]]  # a regular expression, examples


def _any(words: str, separator: str | None = None) -> str:
    """Return a regular expression for any of the words."""
    return f"(?:{'|'.join(words.split(separator))})"


# Reasoning: (name of the family, openers, closers), as regular expressions. A family's own closer ends what its opener began.
REASONING_NAMES = (
    "think thinking thought thoughts reasoning reason analysis scratchpad reflection seed:think summary caption".split()
)
_NAMES = "|".join(REASONING_NAMES)
BRACKET_NAMES = ("THINK", "THINKING", "REASONING", "THOUGHT")
REASONING_FAMILIES: tuple[tuple[str, str, str], ...] = (
    ("tags", rf"<\s{{0,9}}(?:{_NAMES})\b[^<>\n]{{0,99}}(?<!/)>", rf"<\s{{0,9}}/\s{{0,9}}(?:{_NAMES})\b[^<>\n]{{0,99}}>"),
    ("brackets", rf"\[(?:{'|'.join(BRACKET_NAMES)})\]", rf"\[/(?:{'|'.join(BRACKET_NAMES)})\]"),
    ("triangles", r"◁\s?(?:think|thinking)\s?▷", r"◁\s?/\s?(?:think|thinking)\s?▷"),
    (
        "tokens",
        r"<\|(?:START_THINKING|begin_of_thought|begin_of_thinking|inner_prefix|thinking)\|>|<unused94>",
        r"<\|(?:END_THINKING|end_of_thought|end_of_thinking|inner_suffix|/thinking)\|>|<unused95>",
    ),
    ("channel", r"<\|channel>\s{0,9}(?:thought|analysis|thinking)?", r"<channel\|>"),
)
# Harmony: every channel but "final" is reasoning; "final" holds the answer.
HARMONY_HEADER = (
    r"(?:<\|start\|>\s{0,9}assistant[^<>\n]{0,99})?<\|channel\|>\s{0,9}(\w{1,20})[^<>]{0,99}"
    r"(?:<\|constrain\|>[^<>]{0,40})?<\|message\|>"
)
HARMONY_BARE_START = r"\Aanalysis(?=[A-Z\n\"'])"  # the same, decoded without its tokens
HARMONY_BARE_FINAL = "assistantfinal"

# Answers: tags, tokens and markers in front of one.
ANSWER_NAMES = "answer final_answer final-answer finalanswer result results output conclusion".split()
ANSWER_TOKENS = (("<|START_RESPONSE|>", "<|END_RESPONSE|>"), ("<|begin_of_solution|>", "<|end_of_solution|>"))
MARKERS: tuple[Rule, ...] = (
    (r"(?:(?:the|my|so)[ \t]+){0,2}(?:final[ \t]+)?answer(?:[ \t]+is)?", ("Answer:", "**Final answer:**", "So the answer is:")),
    ("答案(?:是)?|最终答案(?:是)?", ("答案：", "最终答案：")),
)
LEAD_INS: tuple[Rule, ...] = (
    (
        r"(?:(?:sure|ok|okay|certainly|of course)[,.!]?[ \t]+)?(?:here|these|below|the following)[ \t]+(?:are|is)\b[^|:\n\[{(]{0,80}",
        ("Here are the entities:", "Sure! Here is the list:"),
    ),
    (
        r"(?:the[ \t]+)?(?:(?:final|named|extracted|grounded|identified|detected|recognized)[ \t]+){0,3}"
        r"(?:entities|entity|outputs?|results?|responses?|predictions?|rows?|items?|list)\b[^|:\n\[{(]{0,40}",
        ("Output:", "Entities:", "**Result:**"),
    ),
    (r"(?:输出|结果|实体|命名实体|提取结果|以下是[^|:：\n]{0,30})[ \t]*[0-9一-十]{0,3}", ("输出：", "以下是实体：")),
)
BOXED = r"\boxed"

# Tokens. An end token ends the completion; box and reference tokens are left out.
END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|end_of_text|>", "<|end_of_turn|>", "<|return|>"),
    *("<|user|>", "<|observation|>", "<|end|>", "<|assistant_end|>", "<|END_OF_TURN_TOKEN|>", "<|eoa|>", "<|call|>"),
    *("</s>", "<eos>", "<end_of_turn>", "<turn|>", "<end_of_utterance>", "<eod>", "<eoa>", "[EOS]", "[e~["),
    *("<｜end\u2581of\u2581sentence｜>", "<｜User｜>", "<|end\u2581of\u2581sentence|>"),
)
START_TOKENS = (
    r"\A\s{0,99}(?:<s>|<bos>|<\|begin_of_text\|>|<\|im_start\|>(?:\s{0,9}assistant\n?)?|<\|assistant\|>"
    r"|<start_of_turn>\s{0,9}model\n?)"
)
BOX_TOKENS = (
    *"<|box_start|> <|box_end|> <|begin_of_box|> <|end_of_box|> <|quad_start|> <|quad_end|> <|det|> <|/det|> <|box|> <|/box|>".split(),
    *"<box> </box> <bbox> </bbox> <det> </det> <quad> </quad>".split(),
)
REFERENCE_TOKENS = (
    *"<|object_ref_start|> <|object_ref_end|> <|ref|> <|/ref|> <|grounding|> <ref> </ref> <phrase> </phrase> <p> </p>".split(),
)

# Decoration of a line and of a part.
BULLET_SIGNS = "-*+•◦●○▪▫■□▶►‣⁃·・–—→➤➢★☆◆◇✓✔✅☑☐※"
CHECKBOX = r"\[[ xX✓✔]?\](?=\s)"
NUMBERINGS: tuple[Rule, ...] = (
    (r"(?:\d{1,4}|[一二三四五六七八九十]{1,3})(?:[)）．、]|[.:：](?!\d))", ("1.", "2)", "3、", "٣.", "二、")),
    (r"[(（\[【](?:\d{1,4}|[一二三四五六七八九十]{1,3})[)）\]】](?![,;])", ("(1)", "（2）", "[3]", "【一】")),
    (r"\d{1,4}\s{0,2}[-–](?=\s)", ("1 -",)),
    (r"(?:[a-z]|[ivx]{1,4}|[IVX]{1,4})\)", ("a)", "ii)", "IV)")),
    (r"[ivx]{1,4}\.(?=\s)", ("iv.",)),
    ("[①-⑳⑴-⒇⒈-⒛❶-❿㉑-㉟]", ("①", "❷")),
    ("\\d\ufe0f?\u20e3", ("1\ufe0f\u20e3",)),
    (r"(?i:entity|row|item|no\.?|number|#|实体)[ \t]{0,3}\d{1,4}[ \t]{0,3}[:.)：、]", ("Entity 1:", "No. 2:", "#3:", "实体4：")),
)
QUOTE_PAIRS = dict(zip("\"'`“‘«„「『《‹", "\"'`”’»“」』》›", strict=True))
EMPHASIS = ("***", "**", "__", "~~", "*", "_")
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
JOINERS = "\u200c\u200d"  # content inside a name, decoration at its ends
BARS = "｜∣│丨┃￨❘ǀ"
FENCE_LANGUAGES = "json jsonc json5 jsonl python py text txt plaintext markdown md csv tsv yaml xml html".split()

# Keys of JSON and words of a table's header, lower case, "_" between words; the first that fits is taken.
TEXT_KEYS = (
    "entity_text entity_name entity_span named_entity span span_text mention entity_mention surface surface_form name entity word "
    "phrase text value string object 实体 实体名称 名称 文本 名字"
).split()
TYPE_KEYS = (
    "type entity_type ner_type category entity_category class entity_class ner tag ner_tag kind entity_label label entity 类型 类别 "
    "实体类型 标签"
).split()
WEAK_TEXT_KEYS = ("label", "title")  # a name where no other key holds one
LOCATION_KEYS = (
    "bbox_2d bbox box boxes bboxes bbox2d region_box region regions entity_region bounding_box bounding_boxes boundingbox bndbox "
    "box_2d box2d boxes_2d location locations coordinates coords coordinate grounding visual_region visual_grounding position rect "
    "loc box_coordinates bbox_coordinates 边界框 位置 坐标 区域 框"
).split()
Y_FIRST_KEYS = ("box_2d", "boxes_2d")  # Gemini's; read in the frame's own order where a frame is given
VISIBLE_KEYS = (
    "visible is_visible in_image is_in_image present grounded is_grounded groundable shown visibility in_the_image appears 可见 "
    "是否可见"
).split()
NUMBER_KEYS = ("", *"# no no. nr num number index idx id row 序号 编号".split())
REMARK_KEYS = (
    "reason reasons reasoning explanation note notes remark remarks comment comments description evidence confidence score "
    "justification rationale details visual_evidence context 说明 理由 备注 原因"
).split()
CORNER_KEYS = tuple(
    words.split()
    for words in (
        "x1 xmin x_min left x0 xtl minx min_x x_1 x_left",
        "y1 ymin y_min top y0 ytl miny min_y y_1 y_top",
        "x2 xmax x_max right xbr maxx max_x x_2 x_right",
        "y2 ymax y_max bottom ybr maxy max_y y_2 y_bottom",
    )
)
SIZE_KEYS = (["x", "left"], ["y", "top"], ["width", "w"], ["height", "h"])

# None: words that stand for it alone, and how a phrase for it may be built.
NONE_WORDS = frozenset(
    "none null nil n/a n.a. na nan no not absent - -- --- [] () {} <> [none] (none) [null] (null) false 无 — – − × x ✗ ✘ ❌ ∅ ⊘ 🚫 \\ / "
    "invisible unseen missing hidden unknown undefined empty nothing nowhere ungrounded ungroundable unavailable unlocated "
    "unlocatable undetected off-screen".split()
) | {"no box", "out of frame", "off screen"}
NONE_ANYWHERE = frozenset("none null nil n/a [] () [none] (none) [null]".split()) | {"not in the image", "not in image", "no box"}
_STATES = _any(
    "visible|shown|present|depicted|seen|found|available|applicable|groundable|grounded|detected|detectable|identifiable|identified|"
    "displayed|pictured|included|located|localized|localizable|locatable|provided|given|there|here|represented|featured|visual|"
    "visually grounded|visually present|captured|mentioned|in view|recognizable|discernible|observed|observable",
    "|",
)
_IMAGE = _any("image picture photo photograph scene frame visual figure pic region view")
_WHERE = (
    rf"(?: ?,?)(?: {_any('in on from within inside by')} (?:the |this |that |any )?(?:given |provided |attached )?{_IMAGE}s?)?"
)
_IT = "(?:(?:it|he|she|they|this|entity|the entity|object|the object) )?"
_NOT = "(?:not|never|n't|isn't|aren't)(?: be)?(?: (?:clearly|directly|actually|explicitly|really|visibly))?"
_DOES_NOT = _any("does not|do not|did not|doesn't|don't|didn't|can not|cannot|can't|could not|couldn't", "|")
_BOX = _any(
    "objects?|box|boxes|bbox|bounding ?box|bounding boxes|regions?|locations?|grounding|match|visuals?|evidence|coordinates|area|"
    "entity|image|depiction|representation|presence|position|visual content|appearance|detection|target",
    "|",
)
NONE_PHRASES: tuple[Rule, ...] = (
    (
        rf"{_IT}(?:(?:is|are|was|were) ?)?{_NOT} ?{_STATES}?{_WHERE}",
        ("not visible", "is not shown in the image", "not groundable"),
    ),
    (
        rf"{_IT}{_DOES_NOT}(?: be)? ?(?:appear|exist|show|show up|be|{_STATES}|locate|find|see|determine|determined)(?: up)?{_WHERE}",
        ("does not appear", "cannot be seen in the photo"),
    ),
    (
        r"(?:there is |has |with )?no (?:(?:visual|visible|such|matching|corresponding|specific|clear|associated|relevant) )?"
        rf"{_BOX}(?: {_any('found available exists? visible shown given present detected')})?{_WHERE}",
        ("no bounding box", "no visible region", "there is no object in the picture"),
    ),
    (rf"(?:absent|missing|invisible|hidden|outside|out|none)(?: (?:from|of|in|outside))?{_WHERE}", ("absent from the image",)),
    (
        rf"(?:the |this )?{_IMAGE} {_any('does not|doesn' + chr(39) + 't|did not', '|')} {_any('show contain depict display include have')}"
        r"(?: (?:it|this|them|him|her|any|the (?:object|entity|person|phrase)))?",
        ("the image does not show it",),
    ),
    (r"(?:only )?(?:in|mentioned in) (?:the )?text(?: only)?|text[- ]only", ("only in the text",)),
)
_ZH_IMAGE = "(?:图|图像|图片|画面|照片)"
_ZH_SEEN = _any(
    "出现 存在 可见 见 显示 展示 看到 看见 到 找到 发现 在 对应 提供 定位 检测到 框 边界框 坐标 位置 区域 对应区域 对应的区域 知 显现 体现"
)
NONE_PHRASE_ZH: Rule = (
    f"(?:该|此)?(?:实体|目标|对象)?在?(?:(?:该|此|这张|本)?{_ZH_IMAGE}(?:中|里|上|内)?)?"
    f"(?:无|没有|没|未|不|无法|不能|未能|并未|并不|看不|找不)(?:被)?{_ZH_SEEN}?"
    f"(?:在|于)?(?:(?:该|此|这张)?{_ZH_IMAGE}(?:中|里|上|内)?)?(?:出现|显示|看到|可见)?|未知|缺失|空|不适用|否",
    ("无", "不在图像中", "未出现", "图中没有", "不可见"),
)
EMPTY_SENTENCE: Rule = (
    r"(?:there (?:are|is|were)|(?:the|this) (?:text|sentence|tweet|post) (?:contains|has|names|mentions)|i (?:find|found|see))?\s?"
    r"(?:no|not any|zero) (?:named |such |visible )?entit(?:y|ies)\b[^|\[{]{0,80}"
    "|(?:文本中|句中|该文本)?(?:没有|无|不包含|未包含)(?:任何)?(?:命名)?实体[^|]{0,20}",
    ("There are no named entities in the text.", "没有实体"),
)
EMPTY_ANSWERS = frozenset(["", *"none null [] {} () empty nothing n/a 无".split()])
# A later block that such words announce is another answer in place of the earlier ones, not more of it.
_ALONE = _any("final finally corrected revised updated improved")
_WITH_NOUN = _any("second new alternative better right correct real true definitive")
_NOUN = _any("answers? list version attempt try output results? entities rows draft reading box prediction table json")
_CRY = _any("oh ok okay hm+ um no nope wait actually oops sorry rather instead correction so thus therefore hence")
REVISIONS: tuple[Rule, ...] = (
    (
        rf"(?:(?:but |and )?{_CRY}\b[,.!;:\u2026 ]*)+(?:(?:the|my|it is|it's) ?)?(?:(?:{_ALONE}|{_WITH_NOUN}) ?)*{_NOUN}?(?: (?:is|are))?",
        ("No, rather:", "Wait.", "So:"),
    ),
    (
        rf"(?:(?:the|my|a|here is (?:the|my)|here are (?:the|my)) )?(?:(?:{_ALONE} ?)+(?:{_NOUN} ?)*|{_WITH_NOUN} {_NOUN})(?: ?(?:is|are))?",
        ("Final:", "Corrected list:", "My second attempt:"),
    ),
    (
        r"let me (?:correct|revise|redo|fix|rewrite|recheck|double-check|try again)\b[^|:]{0,40}|on second thought\b[^|:]{0,40}",
        ("Let me correct this:",),
    ),
    (r"(?:in conclusion|to conclude|conclusion|in summary|summary)\b[^|:]{0,30}", ("In summary:",)),
    (
        "(?:不对|不是|不|等等|更正|修正|修改|最终|最后|综上|所以|因此)(?:后|的|，|,)?(?:答案|结果|实体|如下|为|是)*",
        ("更正：", "最终结果："),
    ),
)
MAX_REVISION_CHARS = 60

# Forms whose readers are code: the docs show examples, and a test reads them.
BOX_FORMS = (
    *("[30, 40, 210, 400]", "(30, 40, 210, 400)", "[[30, 40, 210, 400]]", "(30,40),(210,400)", "[[30, 40], [210, 400]]"),
    *("30 40 210 400", "<box>[[30, 40, 210, 400]]</box>", "x1=30, y1=40, x2=210, y2=400", "[30px, 40px, 210px, 400px]"),
    *(
        '{"xmin": 30, "ymin": 40, "xmax": 210, "ymax": 400}',
        "approximately [30, 40, 210, 400]",
        "[30, 40, 210, 400] (at the left).",
    ),
)
UNREAD_BOXES = (
    *("[30, 40, 210]", "[30, 40, 210, 40, 210, 400, 30, 400]", "<loc_47><loc_83><loc_328><loc_833>", "[5%, 8%, 33%, 83%]"),
    "[30, 40, 210, 400] or [1, 2, 3, 4]",
)
EMPTY_BOX_FORMS = ("[0, 0, 0, 0]", "[-1, -1, -1, -1]", "[[]]", "[null, null, null, null]")
TYPE_FORMS = ("PER", "person", "Persons", "B-PER", "[PER]", "**PER**", "Person (PER)", "PER/Person")
ANSWER_FORMS: tuple[tuple[str, str], ...] = (
    ("rows, a line each or joined by `;`", "Ann Lee | PER | [30, 40, 210, 400]"),
    ("other bars, tabs, arrows", "Ann Lee -> PER -> [30, 40, 210, 400]"),
    ("triples", '("Ann Lee", "PER", [30, 40, 210, 400])'),
    ("labeled lines", "- **Ann Lee** (PER): [30, 40, 210, 400]"),
    ("sentences", "Ann Lee is a(an) PER, whose bounding boxes are (30, 40, 210, 400)."),
    (
        "JSON, in a list, an object a line, or under any key",
        '{"entities": [{"text": "Ann Lee", "type": "PER", "bbox_2d": [30, 40, 210, 400]}]}',
    ),
    ("JSON nested by type or by name", '{"PER": [{"name": "Ann Lee", "bbox": [30, 40, 210, 400]}]}'),
    (
        "Python's literals, trailing commas, comments, cut off",
        "[{'text': 'Ann Lee', 'type': 'PER', 'box': (30, 40, 210, 400),},] # one",
    ),
    ("tables by their header, columns in any order", "# | Type | Name | x1 | y1 | x2 | y2 | Reason"),
)


def _code(*words: str) -> str:
    return ", ".join("``" + f" {word} " + "``" if "`" in word else f"`{word}`" for word in words).replace("|", "\\|")


def _examples(rules: tuple[Rule, ...]) -> str:
    return _code(*(example for _, examples in rules for example in examples))


def section() -> str:
    """Return the table of docs/rewards.md."""
    tags = [f"<{name}>" for name in REASONING_NAMES]
    others = (
        f"[{BRACKET_NAMES[0]}]",
        "◁think▷",
        "<|channel>thought",
        "<|START_THINKING|>",
        "<|begin_of_thought|>",
        "<|channel|>analysis",
    )
    rows = {
        "reasoning, never an answer": f"{_code(*tags, *others)}; closed, unclosed, or opened in the prompt",
        "an answer's tags": _code(
            *(f"<{name}>" for name in ANSWER_NAMES), *(opener for opener, _ in ANSWER_TOKENS), BOXED + "{}"
        ),
        "words in front of an answer": _examples(MARKERS),
        "words in front of entities": _examples(LEAD_INS),
        "words that announce another answer in place of the earlier": _examples(REVISIONS),
        "tokens that end a turn": _code(*END_TOKENS),
        "tokens left out": _code(*BOX_TOKENS, *REFERENCE_TOKENS),
        "bullets": _code(*BULLET_SIGNS, "> ", "- [ ]"),
        "numbering": _examples(NUMBERINGS),
        "quotes and emphasis": _code(*(opener + closer for opener, closer in QUOTE_PAIRS.items()), *EMPHASIS, "<b>", r"\text{}"),
        "bars": _code("|", *BARS),
        "keys and headers of the name": _code(*TEXT_KEYS) + "; beside a key for the type also " + _code(*WEAK_TEXT_KEYS),
        "of the type": _code(*TYPE_KEYS),
        "of the box": _code(*LOCATION_KEYS) + "; y first without a frame: " + _code(*Y_FIRST_KEYS),
        "of its corners": "; ".join(_code(*names) for names in (*CORNER_KEYS, *SIZE_KEYS)),
        "of whether it is visible": _code(*VISIBLE_KEYS),
        "left out": _code(*filter(None, NUMBER_KEYS), *REMARK_KEYS),
        "types": _code(*TYPE_FORMS) + ": the label set's spellings, without case",
        "boxes": _code(*BOX_FORMS),
        "meant as a box, neither read nor None": _code(*UNREAD_BOXES),
        "None": f"{_code(*sorted(NONE_WORDS))}; {_examples((*NONE_PHRASES, NONE_PHRASE_ZH))}; with a remark behind",
        "None by option (`empty_boxes`), reported": _code(*EMPTY_BOX_FORMS),
        "no entity": f"{_code(*sorted(EMPTY_ANSWERS - {''}))}, {_examples((EMPTY_SENTENCE,))}",
        **{name: _code(example) for name, example in ANSWER_FORMS},
    }
    return "\n".join(["| what | read |", "|---|---|", *(f"| {name} | {words} |" for name, words in rows.items())])
