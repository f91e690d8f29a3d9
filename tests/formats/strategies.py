"""Random values for the Agora codecs: everything that the wire can carry, and not only what a policy would allow."""

from __future__ import annotations

from hypothesis import strategies as st

from token_issuer.formats import agora007

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
app_ids = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)
certificates = app_ids.map(str.encode)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
privileges = st.dictionaries(u16, u32, max_size=6)
permissions = st.dictionaries(u16, st.dictionaries(u16, st.lists(texts, max_size=3).map(tuple), max_size=3), max_size=3)

services: st.SearchStrategy[agora007.Service] = st.one_of(
    st.builds(agora007.Rtc, privileges=privileges, channel=texts, uid=texts),
    st.builds(agora007.Rtm, privileges=privileges, user_id=texts),
    st.builds(agora007.Streaming, privileges=privileges, channel=texts, account=texts),
    st.builds(agora007.Fpa, privileges=privileges),
    st.builds(agora007.Chat, privileges=privileges, user_id=texts),
    st.builds(agora007.Fcdn, privileges=privileges, channel=texts, account=texts),
    st.builds(
        agora007.Apaas, privileges=privileges, room_uuid=texts, user_uuid=texts, role=st.integers(-0x8000, 0x7FFF)
    ),
    st.builds(agora007.Rtm2, privileges=privileges, user_id=texts, permissions=permissions),
)

arguments_007 = st.fixed_dictionaries(
    {
        "app_id": app_ids,
        "certificate": certificates,
        "issued_ts": u32,
        "lifetime": st.integers(1, 86_400),
        "salt": u32,
        "services": st.lists(services, min_size=1, max_size=5),
    }
)
arguments_006 = st.fixed_dictionaries(
    {
        "app_id": app_ids,
        "certificate": certificates,
        "channel": texts,
        "uid": texts,
        "salt": u32,
        "ends_ts": u32,
        "privileges": privileges,
    }
)
