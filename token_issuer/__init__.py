"""A token server that a Django site installs: vendor tokens and the site's own, policed and audited."""
