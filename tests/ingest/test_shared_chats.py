"""Every shared chat log of a known format, against a counter that knows nothing of the parsers."""

import re
from pathlib import Path

import pytest

from governance.ingest.formats.errors import ItemError
from governance.ingest.formats.files import read_file
from governance.ingest.formats.incoming import IncomingConversation
from tests.ingest.counting import count_file, texts
from tests.ingest.pointing import texts_of

CHATS = Path(__file__).parents[2].parent / "shared" / "data" / "chats"
FILES = {
    "crosswoz/crosswoz_val.jsonl": "openai",
    "exports-made/chatgpt_conversations.json": "chatgpt",
    "exports-made/claude_conversations.json": "claude",
    "fastchat/dummy_conversation.json": "sharegpt",
    "fastchat/mt_bench_question.jsonl": "mtbench",
    "fastchat/mt_bench_reference_answer_gpt-4.jsonl": "mtbench",
    "kdconv/film_dev.json": "kdconv",
    "kdconv/music_dev.json": "kdconv",
    "kdconv/travel_dev.json": "kdconv",
    "multiwoz/multiwoz_val.jsonl": "openai",
    "multiwoz/multiwoz_zh_val.jsonl": "openai",
    "sgd/original_dialogues_001.json": "sgd",
    "sgd/sgd_messages_5000.jsonl": "openai",
    "sharegpt-dpo/dpo_zh_demo.json": "sharegpt",
    "sharegpt-toolcalls/glaive_toolcall_en_demo.json": "sharegpt",
    "sharegpt-toolcalls/glaive_toolcall_zh_demo.json": "sharegpt",
    "tau-bench/airline_gpt4o_tasks00-29.jsonl": "openai",
    "tau-bench/retail_few_shot.jsonl": "display",
}
OTHER_FOLDERS = ("langfuse-traces", "otel-cassettes", "otel-spans", "LICENSES")

pytestmark = pytest.mark.skipif(not CHATS.is_dir(), reason=f"the shared chat logs are not at {CHATS}")


def read(name: str, given: str = "auto") -> list[IncomingConversation]:
    results = list(read_file(CHATS / name, collection="shared", format=given))
    assert [str(each) for each in results if isinstance(each, ItemError)] == []
    return [each for each in results if isinstance(each, IncomingConversation)]


@pytest.mark.parametrize("name", FILES)
def test_it_finds_what_an_independent_counter_finds(name):
    conversations = read(name)
    assert (len(conversations), sum(len(each.messages) for each in conversations)) == count_file(CHATS / name)
    found = ["\n".join(texts_of(message)) for each in conversations for message in each.messages]
    assert found == list(texts(CHATS / name))


@pytest.mark.parametrize(("name", "known"), FILES.items())
def test_it_recognises_the_format_that_a_person_would_name(name, known):
    assert read(name) == read(name, known)


@pytest.mark.parametrize("name", FILES)
def test_it_keeps_ids_apart_and_reads_the_same_twice(name):
    conversations = read(name)
    assert len({each.external_id for each in conversations}) == len(conversations)
    assert conversations == read(name)


def test_it_covers_every_file_of_a_known_format():
    there = {str(path.relative_to(CHATS)) for path in CHATS.glob("*/*.json*")}
    assert {name for name in there if not name.startswith(OTHER_FOLDERS)} == set(FILES)


def test_the_readme_counts_the_same_conversations():
    readme = (CHATS / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([^ |]+) \| (\d+) \|", readme, re.MULTILINE))
    assert {name: int(rows[name]) for name in FILES} == {name: count_file(CHATS / name)[0] for name in FILES}


@pytest.mark.parametrize("folder", ["langfuse-traces", "otel-spans"])
def test_it_refuses_what_is_of_no_known_format(folder):
    for path in sorted((CHATS / folder).glob("*.json")):
        results = list(read_file(path, collection="shared"))
        assert [each.code for each in results if isinstance(each, ItemError)] == ["format.unknown"]
        assert len(results) == 1
