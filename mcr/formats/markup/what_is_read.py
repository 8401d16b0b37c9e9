"""The table of what is read besides the formats that schemas teach: one place for the readers and for docs/rewards.md.

`python -m mcr.formats.markup.what_is_read` prints the section of the docs; a test compares the two.
"""

# Reasoning: (name of the family, openers, closers), as regular expressions. A family's own closer ends what its opener began.
REASONING_NAMES = (
    "think thinking thought thoughts reasoning reason analysis scratchpad reflection seed:think summary caption".split()
)
BRACKET_NAMES = ("THINK", "THINKING", "REASONING", "THOUGHT")
REASONING_FAMILIES: tuple[tuple[str, str, str], ...] = (
    (
        "tags",
        rf"<\s{{0,9}}(?:{'|'.join(REASONING_NAMES)})\b[^<>\n]{{0,99}}(?<!/)>",
        rf"<\s{{0,9}}/\s{{0,9}}(?:{'|'.join(REASONING_NAMES)})\b[^<>\n]{{0,99}}>",
    ),
    ("brackets", rf"\[(?:{'|'.join(BRACKET_NAMES)})\]", rf"\[/(?:{'|'.join(BRACKET_NAMES)})\]"),
    ("triangles", "◁\\s?(?:think|thinking)\\s?▷", "◁\\s?/\\s?(?:think|thinking)\\s?▷"),
    (
        "tokens",
        r"<\|(?:START_THINKING|begin_of_thought|begin_of_thinking|inner_prefix|thinking)\|>|<unused94>",
        r"<\|(?:END_THINKING|end_of_thought|end_of_thinking|inner_suffix|/thinking)\|>|<unused95>",
    ),
    ("channel", r"<\|channel>\s{0,9}(?:thought|analysis|thinking)?", r"<channel\|>"),
)
# Harmony: every channel but "final" is reasoning; "final" holds the answer.
HARMONY_HEADER = r"(?:<\|start\|>\s{0,9}assistant[^<>\n]{0,99})?<\|channel\|>\s{0,9}(\w{1,20})[^<>]{0,99}(?:<\|constrain\|>[^<>]{0,40})?<\|message\|>"
HARMONY_BARE_START = r"\Aanalysis(?=[A-Z\n\"'])"  # the same, decoded without its tokens
HARMONY_BARE_FINAL = "assistantfinal"

# Answers: tags, tokens and markers in front of one.
ANSWER_NAMES = (
    "answer",
    "final_answer",
    "final-answer",
    "finalanswer",
    "final answer",
    "result",
    "results",
    "output",
    "conclusion",
)
ANSWER_TOKENS = (("<|START_RESPONSE|>", "<|END_RESPONSE|>"), ("<|begin_of_solution|>", "<|end_of_solution|>"))
MARKERS = (
    r"(?:(?:the|my|so)[ \t]+){0,2}(?:final[ \t]+)?answer(?:[ \t]+is)?",
    "答案(?:是)?|最终答案(?:是)?",
)
LEAD_INS = (
    r"(?:(?:sure|ok|okay|certainly|of course)[,.!]?[ \t]+)?(?:here|these|below|the following)[ \t]+(?:are|is)\b[^|:\n\[{(]{0,80}",
    r"(?:the[ \t]+)?(?:(?:final|named|extracted|grounded|identified|detected|recognized)[ \t]+){0,3}"
    r"(?:entities|entity|outputs?|results?|responses?|predictions?|rows?|items?|list)\b[^|:\n\[{(]{0,40}",
    "(?:输出|结果|实体|命名实体|提取结果|以下是[^|:：\n]{0,30})[ \\t]*[0-9一-十]{0,3}",
)
BOXED = r"\boxed"

# Tokens. An end token ends the completion; box and reference tokens are left out.
END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|end_of_text|>", "<|end_of_turn|>", "<|return|>"),
    *("<|user|>", "<|observation|>", "<|end|>", "<|assistant_end|>", "<|END_OF_TURN_TOKEN|>", "<|eoa|>", "<|call|>"),
    *("</s>", "<eos>", "<end_of_turn>", "<turn|>", "<end_of_utterance>", "<eod>", "<eoa>", "[EOS]", "[e~["),
    *("<｜end\u2581of\u2581sentence｜>", "<｜User｜>", "<|end\u2581of\u2581sentence|>"),
)
START_TOKENS = r"\A\s{0,99}(?:<s>|<bos>|<\|begin_of_text\|>|<\|im_start\|>\s{0,9}assistant\n?|<\|assistant\|>|<\|im_start\|>|<start_of_turn>\s{0,9}model\n?)"
BOX_TOKENS = (
    *("<|box_start|>", "<|box_end|>", "<|begin_of_box|>", "<|end_of_box|>", "<|quad_start|>", "<|quad_end|>"),
    *(
        "<box>",
        "</box>",
        "<bbox>",
        "</bbox>",
        "<|det|>",
        "<|/det|>",
        "<det>",
        "</det>",
        "<|box|>",
        "<|/box|>",
        "<quad>",
        "</quad>",
    ),
)
REFERENCE_TOKENS = (
    *("<|object_ref_start|>", "<|object_ref_end|>", "<ref>", "</ref>", "<|ref|>", "<|/ref|>", "<|grounding|>"),
    *("<phrase>", "</phrase>", "<p>", "</p>"),
)

# Decoration of a line and of a part.
BULLET_SIGNS = "-*+•◦●○▪▫■□▶►‣⁃·・–—→➤➢★☆◆◇✓✔✅☑☐※→"
CHECKBOX = r"\[[ xX✓✔]?\](?=\s)"
NUMBERINGS = (
    r"(?:\d{1,4}|[一二三四五六七八九十]{1,3})(?:[)）．、]|[.:：](?!\d))",
    r"[(（\[【](?:\d{1,4}|[一二三四五六七八九十]{1,3})[)）\]】](?![,;])",
    r"\d{1,4}\s{0,2}[-–](?=\s)",
    r"(?:[a-z]|[ivx]{1,4}|[IVX]{1,4})\)",
    r"[ivx]{1,4}\.(?=\s)",
    "[①-⑳⑴-⒇⒈-⒛❶-❿㉑-㉟]",
    "\\d\ufe0f?\u20e3",
    r"(?:entity|row|item|no\.?|number|#|实体)[ \t]{0,3}\d{1,4}[ \t]{0,3}[:.)：、]",
)
QUOTE_PAIRS = {
    '"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "„": "“",
    "「": "」", "『": "』", "《": "》", "‹": "›",
}  # fmt: skip
EMPHASIS = ("***", "**", "__", "~~", "*", "_")
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
JOINERS = "\u200c\u200d"  # content inside a name, decoration at its ends
BARS = "｜∣│丨┃￨❘ǀ"
FENCE_LANGUAGES = "json jsonc json5 jsonl python py text txt plaintext markdown md csv tsv yaml xml html".split()

# Keys of JSON and words of a table's header, lower case, "_" between words; the first that fits is taken.
TEXT_KEYS = (
    *("entity_text", "entity_name", "entity_span", "named_entity", "span", "span_text", "mention", "entity_mention", "surface"),
    *("surface_form", "name", "entity", "word", "phrase", "text", "value", "string", "object", "实体", "实体名称"),
    *("名称", "文本", "名字"),
)
TYPE_KEYS = (
    *("type", "entity_type", "ner_type", "category", "entity_category", "class", "entity_class", "ner", "tag", "ner_tag", "kind"),
    *("entity_label", "label", "entity", "类型", "类别", "实体类型", "标签"),
)
WEAK_TEXT_KEYS = ("label", "title")  # a name where no other key holds one
LOCATION_KEYS = (
    *("bbox_2d", "bbox", "box", "boxes", "bboxes", "bbox2d", "region_box", "region", "regions", "entity_region", "bounding_box"),
    *("bounding_boxes", "boundingbox", "bndbox", "box_2d", "box2d", "boxes_2d", "location", "locations", "coordinates", "coords"),
    *("coordinate", "grounding", "visual_region", "visual_grounding", "position", "rect", "loc", "box_coordinates"),
    *("bbox_coordinates", "边界框", "位置", "坐标", "区域", "框"),
)
Y_FIRST_KEYS = ("box_2d", "boxes_2d")  # Gemini's; read in the frame's own order where a frame is given
VISIBLE_KEYS = (
    *("visible", "is_visible", "in_image", "is_in_image", "present", "grounded", "is_grounded", "groundable", "shown"),
    *("visibility", "in_the_image", "appears", "可见", "是否可见"),
)
NUMBER_KEYS = ("#", "no", "no.", "nr", "num", "number", "index", "idx", "id", "row", "序号", "编号", "")
REMARK_KEYS = (
    *(
        "reason",
        "reasons",
        "reasoning",
        "explanation",
        "note",
        "notes",
        "remark",
        "remarks",
        "comment",
        "comments",
        "description",
    ),
    *("evidence", "confidence", "score", "justification", "rationale", "details", "visual_evidence", "context"),
    *("说明", "理由", "备注", "原因"),
)
CORNER_KEYS: tuple[tuple[str, ...], ...] = (
    ("x1", "xmin", "x_min", "left", "x0", "xtl", "minx", "min_x", "x_1", "x_left"),
    ("y1", "ymin", "y_min", "top", "y0", "ytl", "miny", "min_y", "y_1", "y_top"),
    ("x2", "xmax", "x_max", "right", "xbr", "maxx", "max_x", "x_2", "x_right"),
    ("y2", "ymax", "y_max", "bottom", "ybr", "maxy", "max_y", "y_2", "y_bottom"),
)
SIZE_KEYS: tuple[tuple[str, ...], ...] = (("x", "left"), ("y", "top"), ("width", "w"), ("height", "h"))

# None: words that stand for it alone, and how a phrase for it may be built.
NONE_WORDS = frozenset(
    "none|null|nil|n/a|n.a.|na|nan|no|not|absent|-|--|---|[]|()|{}|<>|[none]|(none)|[null]|(null)|false|no box|无|"
    "—|–|−|×|x|✗|✘|❌|∅|⊘|🚫|\\|/|invisible|unseen|missing|hidden|unknown|undefined|empty|"
    "nothing|nowhere|ungrounded|ungroundable|unavailable|unlocated|unlocatable|undetected|out of frame|off-screen|off screen".split(
        "|"
    )
)
NONE_ANYWHERE = frozenset("none|null|nil|n/a|[]|()|[none]|(none)|[null]|not in the image|not in image|no box".split("|"))
_STATES = (
    "visible|shown|present|depicted|seen|found|available|applicable|groundable|grounded|detected|detectable|identifiable|identified|"
    "displayed|pictured|included|located|localized|localizable|locatable|provided|given|there|here|represented|featured|visual|"
    "visually grounded|visually present|captured|mentioned|in view|recognizable|discernible|observed|observable"
)
_WHERE = (
    r"(?: ?,?)(?: (?:in|on|from|within|inside|by) (?:the |this |that |any )?(?:given |provided |attached )?"
    r"(?:image|picture|photo|photograph|scene|frame|visual|figure|pic|region|view)s?)?"
)
NONE_PHRASES = (
    rf"(?:(?:it|he|she|they|this|entity|the entity|object|the object) )?(?:(?:is|are|was|were) ?)?(?:not|never|n't|isn't|aren't)"
    rf"(?: be)?(?: clearly| directly| actually| explicitly| really| visibly)? ?(?:{_STATES})?{_WHERE}",
    rf"(?:(?:it|he|she|they|this|entity|the entity) )?(?:does not|do not|did not|doesn't|don't|didn't|can not|cannot|can't|could not|couldn't)"
    rf"(?: be)? ?(?:appear|exist|show|show up|be|{_STATES}|locate|find|see|determine|determined)(?: up)?{_WHERE}",
    rf"(?:there is |has |with )?no (?:(?:visual|visible|such|matching|corresponding|specific|clear|associated|relevant) )?"
    r"(?:objects?|box|boxes|bbox|bounding ?box|bounding boxes|regions?|locations?|grounding|match|visuals?|evidence|coordinates|area|entity|"
    rf"image|depiction|representation|presence|position|visual content|appearance|detection|target)(?: (?:found|available|exists?|visible|shown|given|present|detected))?{_WHERE}",
    rf"(?:absent|missing|invisible|hidden|outside|out|none)(?: (?:from|of|in|outside))?{_WHERE}",
    r"(?:the |this )?(?:image|picture|photo|scene) (?:does not|doesn't|did not) (?:show|contain|depict|display|include|have|feature)"
    r"(?: it| this| them| him| her| any| the (?:object|entity|person|phrase))?",
    r"(?:only )?(?:in|mentioned in) (?:the )?text(?: only)?|text[- ]only",
)
NONE_PHRASE_ZH = (
    "(?:该|此)?(?:实体|目标|对象)?在?(?:(?:该|此|这张|本)?(?:图|图像|图片|画面|照片|图片内容)(?:中|里|上|内)?)?"
    "(?:无|没有|没|未|不|无法|不能|未能|并未|并不|看不|找不)"
    "(?:被)?(?:出现|存在|可见|见|显示|展示|看到|看见|到|找到|发现|在|对应|提供|定位|检测到|框|边界框|坐标|位置|区域|对应区域|对应的区域|知|显现|体现)?"
    "(?:在|于)?(?:(?:该|此|这张)?(?:图|图像|图片|画面|照片)(?:中|里|上|内)?)?(?:出现|显示|看到|可见)?|未知|缺失|空|不适用|否"
)
EMPTY_SENTENCE = (
    r"(?:there (?:are|is|were)|(?:the|this) (?:text|sentence|tweet|post) (?:contains|has|names|mentions)|i (?:find|found|see))?\s?"
    r"(?:no|not any|zero) (?:named |such |visible )?entit(?:y|ies)\b[^|\[{]{0,80}|(?:文本中|句中|该文本)?(?:没有|无|不包含|未包含)(?:任何)?(?:命名)?实体[^|]{0,20}"
)
# A later block that such words announce is another answer in place of the earlier ones, not more of it.
_ALONE = "final|finally|corrected|revised|updated|improved"
_WITH_NOUN = "second|new|alternative|better|right|correct|real|true|definitive"
_NOUN = "answers?|list|version|attempt|try|output|results?|entities|rows|draft|reading|box|prediction|table|json"
_INTERJECTION = "oh|ok|okay|hm+|um|no|nope|wait|actually|oops|sorry|rather|instead|correction|so|thus|therefore|hence"
REVISIONS = (
    rf"(?:(?:but |and )?(?:{_INTERJECTION})\b[,.!;:… ]*)+(?:(?:the|my|it is|it's) ?)?(?:(?:{_ALONE}|{_WITH_NOUN}) ?)*(?:{_NOUN})?(?: (?:is|are))?",
    rf"(?:(?:the|my|a|here is (?:the|my)|here are (?:the|my)) )?(?:(?:(?:{_ALONE}) ?)+(?:(?:{_NOUN}) ?)*|(?:{_WITH_NOUN}) (?:{_NOUN}))(?: ?(?:is|are))?",
    r"let me (?:correct|revise|redo|fix|rewrite|recheck|double-check|try again)\b[^|:]{0,40}|on second thought\b[^|:]{0,40}",
    r"(?:in conclusion|to conclude|conclusion|in summary|summary)\b[^|:]{0,30}",
    "(?:不对|不是|不|等等|更正|修正|修改|最终|最后|综上|所以|因此)(?:后|的|，|,)?(?:答案|结果|实体|如下|为|是)*",
)
MAX_REVISION_CHARS = 60
EMPTY_ANSWERS = frozenset(
    [
        *(
            "",
            "none",
            "null",
            "[]",
            "{}",
            "()",
            "no entities",
            "no entity",
            "no named entities",
            "no named entity",
            "empty",
            "nothing",
        ),
        *("n/a", "no entities found", "no named entities found", "there are no named entities", "there are no entities", "无"),
        *("no entities were found", "no named entities were found", "没有实体", "无实体", "无命名实体"),
        *("没有命名实体",),
    ]
)
