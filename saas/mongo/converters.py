from django.urls.converters import StringConverter


class OidConverter(StringConverter):
    """A key in a URL, `<oid:project_id>`. Anything else is no address of ours, so it is 404 and reaches no view."""

    regex = "[0-9a-f]{24}"
