"""Signals: what a site may count, log or react to.

All are sent after the transaction has committed, with ``send_robust``: a receiver that fails changes nothing and
is logged. ``sender`` is the model class of the row that changed. No argument holds a token or a secret: issuing,
refreshing and redeeming answer their caller alone. Every one of them also has ``at``, an aware UTC ``datetime``.
"""

from __future__ import annotations

from django.dispatch import Signal

# A token was minted, recorded and is about to be answered. sender: IssuedToken.
#   token: the IssuedToken row   application: its Application   user: who it is for, or None   origin: str
token_issued = Signal()

# Policy, a limit or a check refused a token. sender: Application.
#   application: the Application   user: the caller, or None   code: str of docs/errors.md   reason: str, may be empty
#   origin: str, a word such as "session" or "command"
token_refused = Signal()

# Tokens were revoked: one row, a pair's family, all that a revocation epoch names, or a batch of those that somebody
# selected. sender: IssuedToken, TokenFamily, RevocationEpoch, or IssuedToken again.
#   kind: "token", "family", "user", "api_key", "application", "certificate", "resource", "everything" or "selection"
#   key: str, the id of it; of a selection, what was selected, in words and ids
#   reason: str   revoked_by: the user who did it, or None
#   revocation: "immediate", "at_next_join", "at_expiry" or "pushed": when it really ends; None for a set
token_revoked = Signal()

# A certificate was staged, activated, retired or revoked. sender: Certificate.
#   certificate: the row   application: its Application   change: "staged", "activated", "retiring", "retired" or
#   "revoked"   changed_by: the user who did it, or None
certificate_changed = Signal()
