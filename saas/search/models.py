"""What search keeps of each object."""

from typing import Any

from mongoengine import DateTimeField, ListField, StringField

from saas.tenancy import OrgDocument, now

COLLECTION = "search_entries"
TITLE_LENGTH = 200  # letters that are kept and searched, of each
CONTENT_LENGTH = 5000
TAG_LENGTH = 60
TAG_LIMIT = 30
TITLE, TAGS, BEGINNINGS, CONTENT = 10, 5, 2, 1  # weights of the score
TEXT_INDEX = "words"


class SearchEntry(OrgDocument):
    """One object as search knows it.  Written by indexing.py alone.

    `permission`: what a reader must hold.  `readers`: ids of those who see the object although their role does not see
    all of its kind; absent where everybody does who holds the permission.  What ends in `_words` is what MongoDB's text
    index reads: our own words (words.py), because it can neither take CJK apart nor be kept from stemming.
    """

    resource = StringField(required=True)
    resource_id = StringField(required=True)
    title = StringField(required=True, max_length=TITLE_LENGTH)
    content = StringField(default="", max_length=CONTENT_LENGTH)
    tags = ListField(StringField(max_length=TAG_LENGTH), max_length=TAG_LIMIT)
    permission = StringField(required=True)
    readers = ListField(StringField(), default=None)
    title_words = StringField(default="")
    tag_words = StringField(default="")
    content_words = StringField(default="")
    beginnings = StringField(default="")  # of the words of title and tags
    grams = ListField(StringField())
    updated_at = DateTimeField(required=True, default=now)
    generation = StringField()  # the rebuild that wrote it, if one did

    meta = {
        "collection": COLLECTION,
        "indexes": [
            {"fields": ["organization_id", "resource", "resource_id"], "unique": True},
            {
                "fields": ["organization_id", "$title_words", "$tag_words", "$beginnings", "$content_words"],
                "name": TEXT_INDEX,
                "weights": {
                    "title_words": TITLE,
                    "tag_words": TAGS,
                    "beginnings": BEGINNINGS,
                    "content_words": CONTENT,
                },
                "default_language": "none",  # no stop words, no stems: "The Who" is found, in every language
                "language_override": "no_such_field",
            },
            {"fields": ["organization_id", "grams"]},
            {"fields": ["organization_id", "generation", "id"]},
        ],
    }


def entries(organization: Any) -> Any:
    """The organization's entries, as a queryset."""
    return SearchEntry.objects.for_org(organization)
