import re
from typing import Any

from django_mongodb_backend.operations import DatabaseOperations as BackendOperations


class DatabaseOperations(BackendOperations):
    compiler_module = "saas.mongo.compiler"

    def prep_for_iexact_query(self, x: Any) -> str:
        """Escape a value for the regular expression that an `iexact` lookup becomes.

        The connector escapes every other lookup and lets this one through: `.*` would match everybody.
        """
        return re.escape(str(x))
