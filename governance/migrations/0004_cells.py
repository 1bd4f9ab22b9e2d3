"""The cells of a tenant by one function, so that a session plans the loose index scan once. Pre-deploy."""

from django.db import migrations

CELLS_FOUND = """
CREATE FUNCTION cells_found() RETURNS TABLE (
    o_collection uuid, o_classification smallint, o_held boolean, o_restricted boolean, o_name varchar, o_purposes text)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $body$
BEGIN
    RETURN QUERY
    WITH RECURSIVE found AS (
        (SELECT collection_id, classification, held, restricted FROM governance_conversation
         ORDER BY tenant_id, collection_id, classification, held, restricted LIMIT 1)
        UNION ALL
        SELECT beyond.* FROM found CROSS JOIN LATERAL (
            SELECT collection_id, classification, held, restricted FROM governance_conversation
            WHERE (collection_id, classification, held, restricted)
                > (found.collection_id, found.classification, found.held, found.restricted)
            ORDER BY tenant_id, collection_id, classification, held, restricted LIMIT 1) AS beyond
    )
    SELECT found.*, name, purposes::text FROM found JOIN governance_collection ON id = found.collection_id;
END
$body$;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_access")]
    operations = [migrations.RunSQL(CELLS_FOUND, "DROP FUNCTION cells_found()")]
