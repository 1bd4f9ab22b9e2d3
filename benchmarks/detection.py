"""`make bench-detection`: the scorer's table, the speed, Presidio beside it. Ends with 1 where a target is missed.

Needs the development set (`THREADVAULT_PII_SET`, by default ../shared/data/pii-dev with its scorer). Presidio comes from
PyPI into an environment of its own in the state folder, never into the project's.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import suppress
from pathlib import Path

SET = Path(os.environ.get("THREADVAULT_PII_SET", Path(__file__).parents[2] / "shared" / "data" / "pii-dev"))
PRESIDIO = "presidio-analyzer==2.2.366"
SIZE, ROUNDS, SAMPLE = 600, 5, 150
STRUCTURED = ("EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "US_SSN", "IP", "UK_POSTCODE", "CN_ID", "CN_PLATE", "CN_USCC", "PASSPORT",
              "QQ", "WECHAT")  # fmt: skip
F2 = {
    "PHONE": 0.95, "CREDIT_CARD": 0.99, "EMAIL": 0.99, "IBAN": 0.99, "US_SSN": 0.99, "CN_ID": 0.99, "CN_PLATE": 0.95,
    "CN_USCC": 0.95, "WECHAT": 0.95, "ADDRESS": 0.45,
}  # fmt: skip
HOSTILE = [
    "1",
    "@",
    "a.",
    "1 ",
    "www.",
    "eyJhbGciOi.",
    "GB12 ",
    "京A1234",
    '"first_name": "',
    "12 North Main ",
    "地址是路1号",
]


def messages():
    found = []
    for path in sorted(SET.glob("*.jsonl*")):
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            found += [{**json.loads(line), "file": path.name} for line in lines]
    return found


def chunks(found):
    """Join messages of a file to texts of about `SIZE` bytes, as one chat message has."""
    texts, text, file = [], "", ""
    for one in found:
        text = text if one["file"] == file else ""
        file, text = one["file"], text + one["text"] + "\n"
        if len(text.encode()) >= SIZE:
            texts.append(text.encode()[:SIZE].decode(errors="ignore"))
            text = ""
    return texts


def scored(rows, threshold):
    """Return what the scorer beside the set prints for predictions."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        command = [sys.executable, str(SET / "score_pii.py"), file.name, str(threshold)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def ours(found):
    from governance.privacy.detecting import predictions

    return list(predictions(json.dumps(one) for one in found))


def presidio(found):
    """Return Presidio's predictions, its seconds and how many recognisers it ran."""
    home = Path(os.environ["THREADVAULT_HOME"]) / "bench-presidio"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PRESIDIO], check=True)
        (home / "installed").touch()
    lines = "".join(json.dumps({"id": one["id"], "text": one["text"]}) + "\n" for one in found)
    command = [python, str(Path(__file__).with_name("presidio_side.py"))]
    done = subprocess.run(command, input=lines, check=True, capture_output=True, text=True)
    *rows, last = map(json.loads, done.stdout.splitlines())
    return rows, last["seconds"], last["recognisers"]


def speed(texts):
    """Return texts/s of the scanner in one process, the best of some rounds."""
    from governance.privacy.detectors import scan

    best = 0.0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for text in texts:
            scan(text)
        best = max(best, len(texts) / (time.perf_counter() - began))
    return best


def slowest():
    """Return the most seconds that 100 KB of a hostile text take."""
    from governance.privacy.detectors import BudgetExceeded, scan

    worst = 0.0
    for unit in HOSTILE:
        began = time.perf_counter()
        with suppress(BudgetExceeded):
            scan((unit * 100_000)[:100_000])
        worst = max(worst, time.perf_counter() - began)
    return worst


def leaked(found):
    """Return how many structured values stay readable in plain text and in the arguments of a tool call."""
    from governance.privacy.redaction import redact

    def mark(kind, _value):
        return f"[{kind}]"

    plain = called = 0
    for one in found:
        values = {one["text"][span["start"] : span["end"]] for span in one["spans"] if span["label"] in STRUCTURED}
        if not values:
            continue
        text = redact(one["text"], mark=mark).item
        call = {"tool_calls": [{"function": {"name": "f", "arguments": json.dumps({"note": one["text"]})}}]}
        note = json.loads(redact(call, mark=mark).item["tool_calls"][0]["function"]["arguments"])["note"]
        plain += sum(value in text for value in values)
        called += sum(value in note for value in values)
    return plain, called


def read(table):
    """Return the figures of the scorer's table: F2 and errors by label, and those of its last line."""
    figures = {}
    for line in table.splitlines()[1:]:
        cells = line.split()
        if len(cells) == 9:
            figures[cells[0]] = {"f2": float(cells[7]), "errors": int(cells[3]) + int(cells[4]), "recall": float(cells[6])}
    leak, clean, of = re.search(r"structured leak ([\d.]+) .*flagged (\d+)/(\d+)", table).groups()
    return figures, float(leak), int(clean) / int(of)


def main():
    if not (SET / "score_pii.py").is_file():
        raise SystemExit(f"There is no development set at {SET}; name its folder: THREADVAULT_PII_SET.")
    found = messages()
    table = scored(ours(found), 0.5)
    print(f"Threadvault, {len(found):,} messages\n{table}")
    rows, seconds, count = presidio(found)
    print(
        f"Presidio, {count} default patterns, threshold 0.35, {len(found) / seconds:,.0f} messages/s\n{scored(rows, 0.35)}"
    )
    texts = chunks(found)
    own = speed(texts)
    _, theirs, _ = presidio([{"id": at, "text": text} for at, text in enumerate(texts[:: max(1, len(texts) // SAMPLE)])])
    other = len(texts[:: max(1, len(texts) // SAMPLE)]) / theirs
    plain, called = leaked(found)
    figures, leak, flagged = read(table)
    secrets = [one for one in found if "secrets" in one["file"]]
    _, _, clean = read(scored(ours(secrets), 0.5).replace("structured leak nan", "structured leak 0"))
    checks = [
        ("structured characters left visible", leak, "<=", 0.05), ("clean messages flagged", flagged, "<=", 0.005),
        *((f"F2 {label}", figures[label]["f2"], ">=", target) for label, target in F2.items()),
        ("recall of secrets", figures["SECRET"]["recall"], ">=", 0.90), ("clean messages of that set flagged", clean, "<=", 0.02),
        (f"messages/s a core at {SIZE} bytes", own, ">=", 8_000.0), ("times Presidio's patterns", own / other, ">=", 15.0),
        ("seconds for 100 KB of hostile text", slowest(), "<=", 1.0),
        ("values left in tool calls, against plain", called - plain, "<=", 0.0),
    ]  # fmt: skip
    good = True
    for label, value, sign, target in checks:
        met = value >= target if sign == ">=" else value <= target
        few = label[3:] in figures and figures[label[3:]]["errors"] <= 1  # Few samples: at most one error.
        good = good and (met or few)
        print(f"{'met   ' if met or few else 'MISSED'} {label:<44}{value:>12,.3f}  {sign} {target:,}")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
