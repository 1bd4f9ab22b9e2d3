"""`make bench-store`: import and read of 20,000 messages, against a plain table and the stock encrypted field.

One run, one server, the same texts, the same columns: a plain table through bulk_create and the ORM, the same table
with the stock field of django-cryptography-5, and the vault through its own doors (parse, seal, record; grant, open).
Prints the median of three rounds and each side's ratio to the plain table.
"""

import os
import secrets
import statistics
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg

CONVERSATIONS, EACH, SIZE, ROUNDS = 2_000, 10, 588, 3
NAME = f"bench_{secrets.token_hex(4)}"


def renamed(url, name=NAME):
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def administer(statement):
    with psycopg.connect(os.environ["BENCH_OWNER_URL"], autocommit=True) as connection:
        connection.execute(statement)


def texts():
    words = [
        "please",
        "unlock",
        "my",
        "card",
        "today",
        "because",
        "the",
        "parcel",
        "is",
        "late",
        "and",
        "nobody",
        "answers",
        "the",
        "phone",
        "at",
        "all",
    ]
    out = []
    for number in range(CONVERSATIONS * EACH):
        text = " ".join(words[(number + at) % len(words)] for at in range(SIZE // 5))
        out.append(text[:SIZE])
    return out


def timed(call):
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


class Tables:
    """The plain table and its stock-encrypted twin; made by the owner, used by the application's role."""

    def __init__(self):
        from django.db import connections, models
        from django_cryptography.fields import encrypt

        def table(name, content):
            meta = type("Meta", (), {"app_label": "bench", "constraints": [
                models.UniqueConstraint(fields=["conversation_id", "ordinal"], name=f"{name}_ordinal"),
                models.UniqueConstraint(fields=["conversation_id", "external_id"], name=f"{name}_external"),
            ]})  # fmt: skip
            return type(name, (models.Model,), {
                "__module__": __name__, "Meta": meta, "id": models.UUIDField(primary_key=True),
                "tenant_id": models.UUIDField(), "conversation_id": models.UUIDField(), "ordinal": models.IntegerField(),
                "role": models.CharField(max_length=32), "external_id": models.CharField(max_length=255),
                "content": content, "created_at": models.DateTimeField(),
            })  # fmt: skip

        self.plain = table("plain", models.TextField())
        self.stock = table("stock", encrypt(models.TextField()))
        with connections["owner"].schema_editor() as editor:
            editor.create_model(self.plain)
            editor.create_model(self.stock)

    def fill(self, model, contents):
        from governance.identity.identifiers import uuid7

        now, tenant = datetime.now(UTC), uuid7()
        conversations = [uuid7() for _ in range(CONVERSATIONS)]
        rows = [
            model(id=uuid7(), tenant_id=tenant, conversation_id=conversations[at // EACH], ordinal=at % EACH,
                  role="user", external_id=f"m-{at % EACH}", content=text, created_at=now)
            for at, text in enumerate(contents)
        ]  # fmt: skip
        model.objects.bulk_create(rows, batch_size=1_000)

    def read(self, model):
        return [row.content for row in model.objects.all()]


class Vault:
    """The vault through its own doors."""

    def __init__(self):
        from governance.custody.founding import ensure_root_key, found_tenant
        from governance.identity.members import add_member, create_person, service_principal
        from governance.identity.principals import principal_for
        from governance.jobs import bell

        bell.bind(None)
        ensure_root_key()
        self.actor = {"actor_kind": "operator"}
        self.tenant = found_tenant(slug=NAME.replace("_", "-"), name="Bench", now=datetime.now(UTC), actor=self.actor)
        self.producer = service_principal(tenant=self.tenant.id, role="producer", purpose="")
        officer = create_person(username=NAME, password=secrets.token_hex(8))
        add_member(tenant=self.tenant, user=officer, role="privacy_officer", actor=self.actor)
        self.officer = lambda: principal_for(user=officer, tenant=self.tenant, second_factor_at=datetime.now(UTC))

    def fill(self, contents, round_number):
        from governance.ingest.formats.recognising import parse_item
        from governance.ingest.receiving import Batch, receive

        items = [
            {"external_id": f"r{round_number}-{at}", "collection": "bench", "data_subject": f"u-{at}",
             "messages": [{"external_id": f"m-{k}", "role": "user", "content": contents[at * EACH + k]} for k in range(EACH)]}
            for at in range(CONVERSATIONS)
        ]  # fmt: skip
        for start in range(0, CONVERSATIONS, 500):
            batch = [parse_item(item, position=at) for at, item in enumerate(items[start : start + 500])]
            receive(actor=self.producer, batch=Batch(batch), idempotency_key="", now=datetime.now(UTC))

    def read(self):
        from governance.access.granting import grant
        from governance.identity.scoping import tenant_scope
        from governance.vault.models import Conversation, Message
        from governance.vault.reading import open_rows
        from governance.vault.resources import resources

        with tenant_scope(self.tenant.id):
            ids = list(Conversation.objects.order_by("-id").values_list("id", flat=True)[:CONVERSATIONS])
        out = []
        for start in range(0, len(ids), 500):
            with tenant_scope(self.tenant.id):
                scope = resources(ids[start : start + 500])
            with grant(
                principal=self.officer(), action="read_source", purpose="quality", resources=scope, now=datetime.now(UTC)
            ):
                with tenant_scope(self.tenant.id):
                    rows = list(
                        Message.objects.filter(conversation_id__in=list(scope)).order_by("conversation_id", "ordinal")
                    )
                    out += [document.item["content"] for document in open_rows(rows, view="source")]
        return out


def floors(vault, contents):
    """Single steps of the vault's path alone, on the same texts: what bounds the whole."""
    from uuid import uuid4

    from governance.crypto.envelope import OpenDataKey, Place
    from governance.identity.scoping import tenant_scope
    from governance.ingest.formats.recognising import parse_item
    from governance.vault.documents import decode, encode
    from governance.vault.models import Message

    key = OpenDataKey(key_id=uuid4(), secret=os.urandom(32))
    place = Place(uuid4(), uuid4(), uuid4(), "message.source", 1)
    items = [{"role": "user", "content": text} for text in contents]
    documents = [encode(item, ("/content",)) for item in items]
    envelopes = [key.seal(document, place) for document in documents]

    def rows():
        with tenant_scope(vault.tenant.id):
            return list(Message.objects.order_by("-id")[: len(contents)])

    steps = {
        "parse and check": lambda: [parse_item({"collection": "x", "messages": [item]}) for item in items],
        "write the document (JSON)": lambda: [encode(item, ("/content",)) for item in items],
        "seal": lambda: [key.seal(document, place) for document in documents],
        "ORM rows of messages, sealed": rows,
        "open": lambda: [key.open(envelope, place) for envelope in envelopes],
        "read the document (JSON)": lambda: [decode(document) for document in documents],
    }
    return {name: len(contents) / timed(step)[0] for name, step in steps.items()}


def measure():
    contents = texts()
    tables, vault = Tables(), Vault()
    times = {name: ([], []) for name in ("plain table", "stock encrypted field", "Threadvault")}
    for number in range(ROUNDS):
        for name, model in (("plain table", tables.plain), ("stock encrypted field", tables.stock)):
            model.objects.all().delete()
            times[name][0].append(timed(lambda model=model: tables.fill(model, contents))[0])
            seconds, found = timed(lambda model=model: tables.read(model))
            times[name][1].append(seconds)
            assert sorted(found) == sorted(contents)
        times["Threadvault"][0].append(timed(lambda number=number: vault.fill(contents, number))[0])
        seconds, found = timed(vault.read)
        times["Threadvault"][1].append(seconds)
        assert sorted(found) == sorted(contents)
    return {name: [statistics.median(side) for side in sides] for name, sides in times.items()}, floors(vault, contents)


def show(times, steps):
    count = CONVERSATIONS * EACH
    print(f"{count} messages of {SIZE} bytes in {CONVERSATIONS} conversations, median of {ROUNDS} rounds")
    print(f"{'':<24}{'import rows/s':>14}{'x plain':>9}{'read rows/s':>14}{'x plain':>9}")
    base = times["plain table"]
    for name, (stored, read) in times.items():
        print(f"{name:<24}{count / stored:>14,.0f}{base[0] / stored:>9.2f}{count / read:>14,.0f}{base[1] / read:>9.2f}")
    print("aim: import 4x, read 0.8x of the plain table")
    print("\nsingle steps alone, messages/s")
    for name, rate in steps.items():
        print(f"{name:<34}{rate:>10,.0f}")


def main():
    os.environ["BENCH_OWNER_URL"] = os.environ["DATABASE_OWNER_URL"]
    administer(f"CREATE DATABASE {NAME}")
    try:
        for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
            os.environ[variable] = renamed(os.environ[variable])
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", database="owner", verbosity=0)
        show(*measure())
        connections.close_all()
    finally:
        administer(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


if __name__ == "__main__":
    main()
