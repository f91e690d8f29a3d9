"""Puts this API into a site's own OpenAPI document. Extra: ``openapi``.

``SPECTACULAR_SETTINGS = {"POSTPROCESSING_HOOKS": [..., "token_issuer.api.spectacular.merge"]}``
"""

from __future__ import annotations

from typing import Any, Final

from django.urls import NoReverseMatch, reverse

from token_issuer.api.schema import document

_PREFIX: Final = "TokenIssuer"
_DROP_INS: Final = "/compat/"


def merge(result: dict[str, Any], generator: object, **context: object) -> dict[str, Any]:
    """Return the site's document with our paths, where the site has put them, and our components under our name."""
    try:
        prefix = reverse("token_issuer:applications").removesuffix("applications/")
    except NoReverseMatch:
        return result
    ours: dict[str, Any] = _renamed(document())
    compat = _prefix_of_drop_ins()
    for path in [path for path in ours["paths"] if path.startswith(_DROP_INS)]:
        item = ours["paths"].pop(path)
        if compat is not None:
            result.setdefault("paths", {})[compat + path.removeprefix(_DROP_INS)] = item
    if str(result.get("openapi", "")).startswith("3.0"):
        ours = _for_3_0(ours)
    result.setdefault("paths", {}).update({prefix + path.lstrip("/"): item for path, item in ours["paths"].items()})
    components = result.setdefault("components", {})
    for kind, named in ours["components"].items():
        components.setdefault(kind, {}).update({_PREFIX + name: schema for name, schema in named.items()})
    return result


def _prefix_of_drop_ins() -> str | None:
    """Return where the site has put the drop-ins, None where it has none."""
    try:
        address = reverse("token_issuer_drop_in", kwargs={"slug": "slug", "sample": "sample"})
    except NoReverseMatch:
        return None
    return address.removesuffix("slug/sample/")


def _renamed(node: Any) -> Any:  # noqa: ANN401  JSON in, JSON out
    """Point every reference and every security requirement at the component's name in the site's document."""
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"$ref"}:
        return {"$ref": node["$ref"].replace("/schemas/", f"/schemas/{_PREFIX}")}
    return {name: _secured(value) if name == "security" else _renamed(value) for name, value in node.items()}


def _secured(requirements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{_PREFIX + scheme: scopes for scheme, scopes in each.items()} for each in requirements]


def _for_3_0(node: Any) -> Any:  # noqa: ANN401  JSON in, JSON out
    """Say ``type: [x, "null"]`` and ``type: [x, y]`` as OpenAPI 3.0 does."""
    if isinstance(node, list):
        return [_for_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {name: _for_3_0(value) for name, value in node.items()}
    types = found.get("type")
    if not isinstance(types, list):
        return found
    del found["type"]
    if "null" in types:
        return {**found, "type": next(word for word in types if word != "null"), "nullable": True}
    return {**found, "anyOf": [{"type": word} for word in types]}
