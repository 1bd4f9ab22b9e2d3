"""Pure parsers: a foreign payload becomes IncomingConversations. No Django, no database; only `files` reads anything.

| Format   | One record                                    | A message's item and its text                            |
|----------|-----------------------------------------------|----------------------------------------------------------|
| batch    | an item of `POST /api/v1/conversations:batch` | a message of the item: `/content`, `/content/0/text`      |
| openai   | `{"messages": [{role, content, ...}], ...}`   | a message: `/content`, `/content/0/text`, `/refusal`      |
| sharegpt | `{"conversations": [{from, value}], ...}`     | a turn: `/value`; chosen and rejected as branches         |
| chatgpt  | an entry of the export: a tree, `mapping`     | a node's message: `/content/parts/0`, `/content/text`     |
| claude   | an entry of the export: `chat_messages`       | a message: `/content/0/text`, else `/text`                |
| sgd      | `{"dialogue_id", "turns": [{speaker, ...}]}`  | a turn with its frames: `/utterance`                      |
| kdconv   | `{"name", "messages": [{message, attrs}]}`    | a message with its facts: `/message`                      |
| mtbench  | a question's `turns`, an answer's `choices`   | `{"role", "content"}` made of a bare string: `/content`   |
| display  | `{"messages_display": "user: ..."}`           | `{"role", "content"}` cut from the transcript: `/content` |

A file is a record a line, or one JSON array of records, or one record over several lines.

Where to look: `files.read_file` for files, `recognising.parse_item` and `json_values.loads` for the API,
`json_values.check_text` for any JSON value that is to be stored, `errors` for what is refused and how to mend it.
"""
