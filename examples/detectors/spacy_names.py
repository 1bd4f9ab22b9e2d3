"""Names and places by a spaCy pipeline that lies on this machine.

    python3 -m venv /opt/spacy && /opt/spacy/bin/pip install spacy
    THREADVAULT_DETECTOR_PYTHON=/opt/spacy/bin/python
    THREADVAULT_DETECTOR_MODULE=/etc/threadvault/spacy_names.py

Beside this file lie the pipelines, as folders named `en` and `zh`; a language without a folder is not looked at.
"""

from pathlib import Path

import spacy

TYPES = {"PERSON": "PERSON", "PER": "PERSON", "GPE": "ADDRESS", "LOC": "ADDRESS", "FAC": "ADDRESS"}
PIPELINES = {lang: spacy.load(folder) for lang in ("en", "zh") if (folder := Path(__file__).with_name(lang)).is_dir()}


def detect(texts: list[str], lang: str) -> list[list[tuple[int, int, str]]]:
    """Return for each text the names and places in it."""
    if lang not in PIPELINES:
        return [[] for _ in texts]
    return [
        [(one.start_char, one.end_char, TYPES[one.label_]) for one in document.ents if one.label_ in TYPES]
        for document in PIPELINES[lang].pipe(texts)
    ]
