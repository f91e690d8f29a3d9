"""A token server that a Django site installs: vendor tokens and the site's own, policed and audited."""

__version__ = "0.1.0"
