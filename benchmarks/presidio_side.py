"""The other side of `make bench-detection`: Presidio's default patterns, run by an environment of their own.

Reads lines with id and text from standard input; prints a line of predictions for each, then the seconds of the scan.
Without a language model, as a user would run the patterns alone; threshold 0.35, Presidio's own.
"""

import json
import sys
import time

import tldextract

tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # It would go online for a list of suffixes.

from presidio_analyzer import RecognizerRegistry  # noqa: E402

LABELS = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP", "US_SSN": "US_SSN",
    "US_PASSPORT": "PASSPORT", "CREDIT_CARD": "CREDIT_CARD", "URL": "URL", "US_DRIVER_LICENSE": "US_DL",
}  # fmt: skip
THRESHOLD = 0.35


def main():
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    recognisers = [one for one in registry.recognizers if type(one).__name__ != "SpacyRecognizer"]
    texts = [json.loads(line) for line in sys.stdin if line.strip()]
    began, out = time.perf_counter(), []
    for one in texts:
        found = []
        for recogniser in recognisers:
            found += recogniser.analyze(one["text"], recogniser.supported_entities, None) or []
        spans = [[r.start, r.end, LABELS.get(r.entity_type, r.entity_type), r.score] for r in found if r.score >= THRESHOLD]
        out.append({"id": one["id"], "pred": spans})
    seconds = time.perf_counter() - began
    for row in out:
        print(json.dumps(row))
    print(json.dumps({"seconds": seconds, "recognisers": len(recognisers)}))


if __name__ == "__main__":
    main()
