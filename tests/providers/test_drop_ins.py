"""What providers declare of their vendors' sample servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors import DoorProvider
from token_issuer.providers import fields
from token_issuer.providers.drop_ins import CheckingDropIn, IssuingDropIn
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.providers.videosdk.drop_ins import GetToken, ValidateToken
from token_issuer.registry import faults, providers

ALL = [drop_in for provider in providers().values() for drop_in in provider.drop_ins]
FAULT = "drop_ins must each have a path of its own: 2 to 32 of a-z, 0-9, _ and -, beginning with a letter"


@pytest.mark.parametrize("drop_in", ALL, ids=lambda drop_in: drop_in.path)
def test_what_may_be_sent_is_declared(drop_in):
    assert isinstance(drop_in, IssuingDropIn | CheckingDropIn)
    assert all(fields.json_schema(shape)["additionalProperties"] is False for shape in drop_in.shapes)
    assert drop_in.shape_of({}) in drop_in.shapes
    assert set(drop_in.optional) <= set(drop_in.answers)
    assert drop_in.summary


def test_a_token_that_is_shown_stays_out_of_frames():
    sent: Any = fields.parse(ValidateToken().shape_of({}), {"token": "t0ken", "meetingId": "a"})
    assert "t0ken" not in f"{sent!r} {sent} {ValidateToken().presented(sent)!r}"


class Slashed(GetToken):
    path = "get/token"


@pytest.mark.parametrize("drop_ins", [(GetToken(), GetToken()), (Slashed(),)])
def test_a_path_that_cannot_be_an_address_is_a_fault(drop_ins):
    class Twice(DoorProvider):
        pass

    Twice.drop_ins = drop_ins
    assert [*faults(Twice)] == [FAULT]


def test_two_paths_are_no_fault():
    assert [*faults(VideoSDKProvider)] == []
