"""What every provider must do, as tests that anybody's provider can inherit.

Name yours and a few grants in a subclass, in a file that pytest collects::

    class TestDoors(ProviderConformance):
        provider = DoorProvider()
        public_id = "building-1"
        secret = {"key": "..."}
        other_secret = {"key": "another one"}
        subject, other_subject = "user-1", "user-2"
        narrowest = frozenset({"out"})
        grants = (DoorGrant(door="front"), DoorGrant(door="front", way="in"))
        wild_grants = (DoorGrant(door=""),)

``CalledConformance`` is the suite for one whose tokens the vendor makes: it also wants an answer of that vendor.
``ProverConformance`` is for one that logs users in by what is kept of their accounts, ``ProvisionerConformance`` for
one that makes those accounts, too.
Nothing beyond pytest's way of collecting is needed: no fixture, no database, no further package.
"""

from token_issuer.testing.called import CalledConformance
from token_issuer.testing.conformance import AT, ProviderConformance
from token_issuer.testing.proving import ProverConformance, ProvisionerConformance

__all__ = ["AT", "CalledConformance", "ProverConformance", "ProviderConformance", "ProvisionerConformance"]
