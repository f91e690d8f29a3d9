"""How not to do it: each reads a row, believes it, and writes. The same harness must find them out."""

from __future__ import annotations

import json
from datetime import timedelta

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from token_issuer import transport
from token_issuer.crypto import digests, refresh_texts
from token_issuer.models import IssuedToken, OneTimeKey, TokenFamily, VendorPair
from token_issuer.providers.called import PairTexts, VendorRequest
from token_issuer.services import families, pair_rows

REFUSED = {"error": "invalid_grant"}


@csrf_exempt
def refresh(request: HttpRequest) -> JsonResponse:
    presented = refresh_texts.read(request.POST["refresh_token"])
    assert presented is not None
    family = TokenFamily.objects.get(pk=presented.family_id)
    if family.generation != presented.generation:
        return JsonResponse(REFUSED, status=400)
    family.generation += 1
    family.save()
    return JsonResponse({"refresh_token": families.text_of(family, family.generation).reveal()})


@csrf_exempt
def opened(request: HttpRequest) -> JsonResponse:
    token = IssuedToken.objects.get(digest=digests.digest(request.headers["Authorization"].partition(" ")[2]))
    if token.consumed_at is not None:
        return JsonResponse(REFUSED, status=401)
    token.consumed_at = timezone.now()
    token.save()
    return JsonResponse({"opened": True})


@csrf_exempt
def redeem(request: HttpRequest) -> JsonResponse:
    key = OneTimeKey.objects.get(digest=digests.digest(json.loads(request.body)["key"]))
    if key.consumed_at is not None:
        return JsonResponse(REFUSED, status=401)
    key.consumed_at = timezone.now()
    key.save()
    return JsonResponse({"token": "made"}, status=201)


@csrf_exempt
def pair(request: HttpRequest) -> JsonResponse:
    row = VendorPair.objects.select_related("application").get()
    old, now = pair_rows.opened(row), timezone.now()
    if row.is_fresh(now):
        return JsonResponse({"token": old.access}, status=201)
    form = {"grant_type": "refresh_token", "refresh_token": old.refresh, "client_id": row.application.public_id}
    answer = transport.send(VendorRequest(method="POST", url=row.application.options["token_url"], values=form))
    if not answer.ok:
        return JsonResponse(REFUSED, status=400)
    made = answer.json()
    ends = now + timedelta(seconds=made["expires_in"])
    fresh = PairTexts(access=made["access_token"], access_expires_at=ends, refresh=made["refresh_token"])
    for name, value in pair_rows.columns_of(fresh, row=row.pk, at=now).items():
        setattr(row, name, value)
    row.renewed_at = now
    row.save()
    return JsonResponse({"token": made["access_token"]}, status=201)
