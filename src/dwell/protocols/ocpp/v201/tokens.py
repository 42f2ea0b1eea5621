"""Tokens and verdicts on them, as OCPP 2.0.1 writes them."""

from __future__ import annotations

from dwell.domain.instants import write_instant
from dwell.domain.station.equipment import IdToken, TokenKind
from dwell.domain.station.replies import TokenStatus, TokenVerdict
from dwell.protocols.ocpp.translation import not_expressible, present

TOKEN_LENGTH_AT_MOST = 36
_KINDS = {
    "Central": TokenKind.REMOTE,
    "eMAID": TokenKind.CONTRACT,
    "ISO14443": TokenKind.RFID,
    "ISO15693": TokenKind.RFID,
    "KeyCode": TokenKind.KEY_CODE,
    "Local": TokenKind.LOCAL,
    "MacAddress": TokenKind.MAC_ADDRESS,
    "NoAuthorization": TokenKind.NONE,
}
_WORDS = {
    TokenKind.REMOTE: "Central",
    TokenKind.CONTRACT: "eMAID",
    TokenKind.RFID: "ISO14443",
    TokenKind.KEY_CODE: "KeyCode",
    TokenKind.LOCAL: "Local",
    TokenKind.MAC_ADDRESS: "MacAddress",
    TokenKind.NONE: "NoAuthorization",
    TokenKind.UNKNOWN: "ISO14443",
}
_STATUSES = {
    TokenStatus.ACCEPTED: "Accepted",
    TokenStatus.BLOCKED: "Blocked",
    TokenStatus.EXPIRED: "Expired",
    TokenStatus.INVALID: "Invalid",
    TokenStatus.CONCURRENT: "ConcurrentTx",
    TokenStatus.UNKNOWN: "Unknown",
    TokenStatus.NOT_AT_THIS_TIME: "NotAtThisTime",
    TokenStatus.NOT_AT_THIS_LOCATION: "NotAtThisLocation",
    TokenStatus.NO_CREDIT: "NoCredit",
}


def token_from(text: str | None, word: str | None) -> IdToken | None:
    """The token; None where nobody showed one."""
    kind = _KINDS.get(word or "", TokenKind.UNKNOWN)
    if kind is TokenKind.NONE or text is None or not text.strip():
        return None
    return IdToken(text.strip(), kind)


def token_member(token: IdToken) -> dict[str, object]:
    """An IdTokenType. Raises Refused for a text that OCPP 2.0.1 cannot carry."""
    if len(token.text) > TOKEN_LENGTH_AT_MOST or (not token.text and token.kind is not TokenKind.NONE):
        raise not_expressible(f"OCPP 2.0.1 tokens have 1 to {TOKEN_LENGTH_AT_MOST} characters")
    return {"idToken": token.text, "type": _WORDS[token.kind]}


def token_info(verdict: TokenVerdict) -> dict[str, object]:
    """An IdTokenInfoType."""
    expires_at = verdict.expires_at
    return present(
        status=_STATUSES[verdict.status],
        cacheExpiryDateTime=None if expires_at is None else write_instant(expires_at),
        groupIdToken=None if verdict.group is None else token_member(verdict.group),
    )
