"""A document for the tests of the database itself; it is made with the others, before any test runs."""

from typing import ClassVar

from mongoengine import DateTimeField, IntField, StringField

from saas.mongo.documents import Document


class Note(Document):
    text = StringField(unique=True)
    count = IntField(default=0)
    at = DateTimeField()

    meta: ClassVar = {"collection": "test_notes", "indexes": ["-at"]}
