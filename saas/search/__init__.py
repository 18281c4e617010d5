"""Search: one index for all that an organization has, fed by the events, asked through one function.

    search("automation", organization=org, actor=request.user, resource="project", tags=["harbor"])
    index_document(organization=org, resource="invoice", resource_id=…, title=…, permission="billing.read")
    remove_document(organization=org, resource="invoice", resource_id=…)
    rebuild(org)                                    or `manage.py reindex --org acme`, `--all`

A registered resource (saas/resources.py) needs none of the last three: the sink follows its events. `actor` has no
default: a person finds what the person's role and the object's readers allow. Code that asks for nobody in particular
says so, `actor=SYSTEM`. docs/search.md tells how a query is understood.
"""

from saas.search.finding import SYSTEM, search
from saas.search.indexing import index_document, rebuild, remove_document
from saas.search.results import Hit, Results

__all__ = ["SYSTEM", "Hit", "Results", "index_document", "rebuild", "remove_document", "search"]
