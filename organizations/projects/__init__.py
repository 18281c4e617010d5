"""Projects: the example of a tenant's resource.  docs/tutorial.md makes a second one from it."""
