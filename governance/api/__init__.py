"""The REST API: serializers and one domain call a view."""
