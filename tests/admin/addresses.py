"""Where the admin's pages are."""

from __future__ import annotations

from django.urls import reverse


def url(model, page, *args):
    return reverse(f"admin:token_issuer_{model}_{page}", args=args)


def read_pages(rows):
    """Every page that only shows."""
    lists = [url(model, "changelist") for model in rows]
    explained = [url("rule", "explain"), url("application", "explain", rows["application"].pk)]
    return [*lists, *explained, *(url(model, "change", row.pk) for model, row in rows.items())]


def deeds(rows):
    """Every page that changes something when it is posted to."""
    return [
        url("application", "doctor"),
        url("application", "disable", rows["application"].pk),
        url("application", "enable", rows["application"].pk),
        url("application", "temporary", rows["application"].pk),
        url("application", "rotate", rows["application"].pk, "sign"),
        url("certificate", "activate", rows["certificate"].pk),
        url("certificate", "retire", rows["certificate"].pk),
        url("certificate", "revoke", rows["certificate"].pk),
        url("certificate", "replace", rows["certificate"].pk),
        url("issuedtoken", "revoke", rows["issuedtoken"].pk),
        url("issuedtoken", "revoke_selected"),
        url("issuedtoken", "person_end", rows["issuedtoken"].user_id),
        url("issuedtoken", "revoke_where") + f"?application={rows['application'].slug}",
        url("onetimekey", "revoke", rows["onetimekey"].pk),
        url("onetimekey", "revoke_selected"),
        url("tokenfamily", "revoke", rows["tokenfamily"].pk),
        url("tokenfamily", "revoke_selected"),
        url("rule", "delete", rows["rule"].pk),
        url("vendoraccount", "add") + f"?application={rows['application'].pk}",
        url("apikey", "rotate", rows["apikey"].pk),
        url("apikey", "revoke", rows["apikey"].pk),
        url("application", "add") + "?provider=agora",
        url("application", "try") + "?provider=agora",
        url("certificate", "try") + f"?application={rows['application'].pk}",
        url("certificate", "try_replacement", rows["certificate"].pk),
        url("certificate", "add") + f"?application={rows['application'].pk}",
        url("rule", "add") + f"?application={rows['application'].pk}",
        url("apikey", "add") + f"?application={rows['application'].pk}",
    ]
