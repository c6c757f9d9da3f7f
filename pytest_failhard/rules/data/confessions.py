"""The words with which a comment admits that the code below it is not the real thing.

`CONFESSIONS` is one expression a language, `WORDS` what one of its alternatives cannot do without: a text
with none of them is not looked at. Only the English list is measured.
"""

from __future__ import annotations

import re

ENGLISH = "en"

_ENGLISH = (
    (
        r"in (?:a |the )?real[- ](?:implementation|application|app|system|world|production|scenario|project"
        r"|code|deployment)"
    ),
    (
        r"in (?:a |an )?(?:full |actual |true )?production (?:environment|system|implementation|app\w*|code"
        r"|setting)?,? ?(?:this|you|we|it|use) (?:would|should|will|needs?)"
    ),
    (
        r"\bthis would (?:be |normally |typically |actually |need |use |query |call |connect |fetch |come "
        r"|integrate |implement |analy[sz]e |retrieve |involve |require |parse |check |send |test |measure )"
    ),
    (
        r"would (?:be )?(?:implement|integrate|query|connect|fetch|call|retrieve|replaced?)(?:ed)?\b.{0,50}"
        r"\b(?:actual|real|database|api|provider|service|llm|production|model)"
    ),
    r"for demo(?:nstration)? purposes",
    r"placeholder (?:implementation|logic|for|until|data|response|value|-|calculation|method|function|code)",
    r"\(placeholder",
    r"(?:this is|just|return(?:s|ing)?|use|using|as) (?:a |an )?(?:simple )?placeholder",
    r"# ?placeholder(?! (?:text|param|string|token|is|in|\{|%))",
    r"simplified (?:implementation|version|for now|for demo|logic for)",
    r"simplified -",
    r"mock (?:implementation|data|response|result|for now|balance|transaction|embedding|analysis)",
    r"dummy (?:implementation|data|response|value|result|transaction)",
    r"fake (?:implementation|data|response|result)",
    (
        r"simulat(?:e|es|ed|ing) (?:the |an? |some )?(?:api|llm|response|network|database|db|processing"
        r"|work\b|analysis|successful|success|transaction|validation|execution|latency|result|sending|lock|call"
        r"|market|data\b)"
    ),
    r"stub (?:implementation|for|method)",
    r"hard-?coded for (?:now|demo)",
    r"not (?:yet )?(?:fully )?implemented(?: yet)?\b",
    r"needs? to be implemented",
    r"implement(?:ation)? (?:would|will) (?:go|be) here",
    r"todo:? *(?:implement|replace|integrate|add (?:real|actual)|use (?:real|actual)|connect)",
    r"for now,? (?:we(?:'ll)? |just |simply )?(?:return|use|assume|skip|mock|simulate|implement|hard)",
)
CONFESSIONS = {
    ENGLISH: re.compile("|".join(_ENGLISH)),
    # Unmeasured: "simplified implementation", "temporary", "to be implemented", "simulated data".
    "zh": re.compile(
        "简化(?:的)?(?:实现|版本|处理)|(?:临时|暂时)(?:实现|返回|使用|方案|处理)|(?:待|尚未|暂未|未)实现"
        "|模拟(?:的)?(?:数据|实现|响应|返回|结果|调用)|占位(?:符)?(?:实现|数据|返回)|实际(?:项目|应用|生产|环境|实现)中"
    ),
    "es": re.compile(
        r"versión simplificada|implementación (?:simplificada|pendiente|real iría)|pendiente de implementar"
        r"|por ahora,? (?:retorn|devolv|devuelv|us|simul)\w*|datos (?:de ejemplo|simulados|ficticios)"
        r"|en (?:una implementación|un sistema|una aplicación) real|en producción,? (?:esto|se) deber"
    ),
    "pt": re.compile(
        r"versão simplificada|implementação (?:simplificada|pendente|real)|será implementad[oa]"
        r"|por enquanto,? (?:retorn|us|simul|devolv)\w*|dados (?:de exemplo|simulados|fictícios)"
        r"|em (?:uma implementação|um sistema|uma aplicação) real|em produção,? (?:isso|isto) dever"
    ),
}
"""Language -> what admits it, in lower-case text."""
WORDS = {
    ENGLISH: (
        *("real", "production", "would", "demo", "placeholder", "simplified", "mock", "dummy", "fake"),
        *("simulat", "stub", "coded", "implement", "todo", "now"),
    ),
    "zh": ("简化", "临时", "暂时", "实现", "模拟", "占位", "实际"),
    "es": ("simplificada", "implementa", "ahora", "datos", "real", "producción"),
    "pt": ("simplificada", "implementa", "enquanto", "dados", "real", "produção"),
}
"""Single words, since a phrase may be broken over two lines."""
DENIAL = re.compile(
    r"\b(?:no|not|never|without|zero|any|avoid|reject|detect|forbid|instead of|remove[sd]?|replac\w+|anti"
    r"|block\w*|contains?|find\w*|check\w* for|look\w* for) (?:a |an |any |more |such )?"
    r"(?:hard-?coded|mock|placeholder|stub|dummy|fake|simulat)"
)
"""What cancels a confession that it overlaps."""
ABOUT_OTHERS = re.compile(
    r"\bsubclass(?:es)?\b|\boverrid(?:e|es|den)\b"
    r"|\b(?:for|in|by|during|under|from) (?:the |our |unit |integration |all |these )*"
    r"(?:tests?|testing|pytest|test suite)\b|\bunit[- ]tests?\b"
)
"""A sentence about tests, or about what a subclass has to do, admits nothing."""
QUOTES = frozenset("\"'`")
"""What stands before a phrase that is only mentioned."""
DETECTING = re.compile(
    r"^_*(?:is|has|check|detect|validate|find|no|reject|strip|count|contains|scan|ensure|forbid|verify)_"
    r"|(?:detect\w*|checker|validator|finder|scanner|linter)$"
)
DETECTED = re.compile(r"placeholder|mock|stub|dummy|fake|todo|hard_?coded|simulat|confess|synthetic")
"""A name that matches both (in lower case) detects such texts and has to name them."""
NAME = re.compile(
    r"^_?(?:placeholder|mock|mocked|dummy|fake|simulated|canned)_"
    r"(?:results?|responses?|data|answers?|scores?|embeddings?|analysis|transactions?|balances?|predictions?)$"
)
"""A variable that says it holds no real result."""
PHRASE = 60
"""Characters of a confession that a message quotes."""
STATEMENTS = 4
"""A stub has at most so many statements, not counted what it logs and how long it sleeps."""
SLEEPS = frozenset({"asyncio.sleep", "time.sleep", "anyio.sleep", "trio.sleep"})
PATTERN_TEXT = re.compile(r"\\[bswdSWD]|\(\?|\[\^?[a-z]-|\.\*|\.\+")
"""A string that is a regular expression."""
